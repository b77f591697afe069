//! What the checks of components have in common.

use component_api::catalog::Problem;
use serde_json::{Map, Value};

use crate::invocation::Failure;

/// What opens an expression in a parameter; its value is known when the step starts.
const EXPRESSION: &str = "${{";

/// Leaves out problems about values that are not known before the step starts.
pub(crate) fn settled(problems: Vec<Problem>, params: &Map<String, Value>) -> Vec<Problem> {
    problems
        .into_iter()
        .filter(|problem| !about_expression(&problem.path, params))
        .collect()
}

/// Whether the value at a JSON pointer is an expression or holds one.
fn about_expression(path: &str, params: &Map<String, Value>) -> bool {
    let mut steps = path.split('/').skip(1);
    let mut value = steps.next().and_then(|name| params.get(name));
    for step in steps {
        value = match value {
            Some(Value::Object(map)) => map.get(step),
            Some(Value::Array(list)) => step.parse().ok().and_then(|at: usize| list.get(at)),
            // A text has no parts: what is wrong is the text itself.
            other => other,
        };
    }
    value.is_some_and(holds_expression)
}

fn holds_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(EXPRESSION),
        Value::Array(list) => list.iter().any(holds_expression),
        Value::Object(map) => map.values().any(holds_expression),
        _ => false,
    }
}

/// A failure that names every problem: parameters that only their values when the step started show
/// to be wrong.
pub(crate) fn refuse(problems: Vec<Problem>) -> Result<(), Failure> {
    let sentences: Vec<String> = problems
        .iter()
        .map(|problem| format!("`with`{}: {}", place(&problem.path), problem.message))
        .collect();
    let hint = problems.into_iter().next().map(|problem| problem.hint);
    match hint {
        None => Ok(()),
        Some(hint) => Err(Failure::new(sentences.join("; ")).hint(hint)),
    }
}

/// A JSON pointer as people write places: `.features[0].ops[1]`.
fn place(path: &str) -> String {
    path.split('/')
        .skip(1)
        .map(|step| match step.parse::<usize>() {
            Ok(at) => format!("[{at}]"),
            Err(_) => format!(".{step}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_every_place() {
        let problem = |path: &str, message: &str| Problem {
            path: path.to_owned(),
            message: message.to_owned(),
            hint: format!("look at {path}"),
        };
        assert!(refuse(Vec::new()).is_ok());
        let problems = vec![
            problem("/features/0/ops/1", "no such operation"),
            problem("/key", "no text"),
        ];
        let failure = refuse(problems).err();
        let expected = "`with`.features[0].ops[1]: no such operation; `with`.key: no text";
        assert_eq!(failure.as_ref().map(|f| f.message.as_str()), Some(expected));
        assert_eq!(
            failure.map(|f| f.hint),
            Some("look at /features/0/ops/1".to_owned())
        );
    }

    #[test]
    fn what_an_expression_will_be_is_not_judged() {
        let params = serde_json::json!({
            "label": "tips",
            "splits": { "train": "${{ params.weight }}", "eval": -1 },
            "features": [{ "columns": ["a"], "ops": [{ "bucketize": "${{ params.n }}" }] }],
        });
        let problem = |path: &str| Problem {
            path: path.to_owned(),
            message: String::new(),
            hint: String::new(),
        };
        let paths = [
            "/label",
            "/splits/train",
            "/splits/eval",
            "/features/0/ops/0",
            "/features/0/columns",
            "/key",
        ];
        let params = params.as_object().cloned().unwrap_or_default();
        let left = settled(paths.map(problem).to_vec(), &params);
        let left: Vec<&str> = left.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            left,
            ["/label", "/splits/eval", "/features/0/columns", "/key"]
        );
    }
}
