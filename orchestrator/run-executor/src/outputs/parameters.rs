//! Output parameters: where an attempt may leave their values, and whether these are of their type.
//!
//! Three places, the first that has a port counts: the `ExecutorOutput`, `$ROPEWALK_OUTPUT`, the
//! port's own file.

use std::collections::BTreeMap;

use component_api::contract::ExecutorOutput;
use component_api::manifest::ParamType;
use run_engine::failure_code::FailureCode;
use run_engine::plan::{OutputKind, OutputPlan};
use run_engine::reason::Failure;
use serde_json::{Number, Value};

use super::read_small;
use crate::launch::Attempt;
use crate::limits::VALUE_BYTES_MAX;

pub(super) fn read(
    attempt: &Attempt<'_>,
    answer: &ExecutorOutput,
) -> Result<BTreeMap<String, Value>, Failure> {
    let mut lines = read_lines(attempt)?;
    let mut values = BTreeMap::new();
    for (port, plan) in parameters(attempt) {
        let line = lines.remove(port);
        let value = if let Some(value) = answer.parameter_values.get(port) {
            of_json(value, &plan.type_name)
        } else if let Some(text) = line {
            of_text(&text, &plan.type_name)
        } else if let Some(text) = read_small(&attempt.path(&attempt.layout.output_value(port)))? {
            of_text(&text, &plan.type_name)
        } else if plan.optional {
            continue;
        } else {
            return Err(missing(port));
        };
        let value = value.map_err(|wrong| {
            let message = format!("the output `{port}` {wrong}");
            let hint = format!(
                "write a value of the type {}, or declare the output as what the step gives",
                plan.type_name
            );
            Failure::new(FailureCode::OutputValue, message).hint(hint)
        })?;
        values.insert(port.clone(), value);
    }
    match lines.into_keys().next() {
        Some(name) => Err(undeclared(&name, attempt)),
        None => Ok(values),
    }
}

fn parameters<'a>(
    attempt: &Attempt<'a>,
) -> impl Iterator<Item = (&'a String, &'a OutputPlan)> + use<'a> {
    let outputs = attempt.node.outputs.iter();
    outputs.filter(|(_, plan)| plan.kind == OutputKind::Parameter)
}

fn missing(port: &str) -> Failure {
    let message = format!("it gave no value for its output `{port}`");
    Failure::new(FailureCode::OutputMissing, message).hint(format!(
        "write a line `{port}=VALUE` to the file that $ROPEWALK_OUTPUT names, or declare the output as optional"
    ))
}

fn undeclared(name: &str, attempt: &Attempt<'_>) -> Failure {
    let message = format!("it gave a value for `{name}`, which is no output parameter of the step");
    let declared: Vec<String> = parameters(attempt)
        .map(|(port, _)| format!("`{port}`"))
        .collect();
    let hint = if declared.is_empty() {
        format!("declare it: `outputs: {{ {name}: TYPE }}`")
    } else {
        format!("declared are {}", declared.join(", "))
    };
    Failure::new(FailureCode::OutputValue, message).hint(hint)
}

/// The values in the file of `$ROPEWALK_OUTPUT`: `name=value`, or `name<<END`, lines, `END`. Of two
/// with one name the last counts.
fn read_lines(attempt: &Attempt<'_>) -> Result<BTreeMap<String, String>, Failure> {
    let path = attempt.path(&attempt.layout.output_values());
    let mut values = BTreeMap::new();
    let Some(text) = read_small(&path)? else {
        return Ok(values);
    };
    let wrong = |number: usize, what: &str| {
        let message = format!("{}, line {}: {what}", path.display(), number + 1);
        Failure::new(FailureCode::OutputValue, message)
            .hint("lines are `name=value`, or `name<<END`, the value's lines, `END`")
    };
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        // Whichever comes first: a value may hold `<<`.
        match (line.find('='), line.find("<<")) {
            (equals, Some(at)) if equals.is_none_or(|equals| at < equals) => {
                let end = line[at + 2..].trim();
                if end.is_empty() {
                    return Err(wrong(number, "there is no word after `<<`"));
                }
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some((_, line)) if line == end => break,
                        Some((_, line)) => value.push(line),
                        None => {
                            let what = format!("no line `{end}` ends the value that begins here");
                            return Err(wrong(number, &what));
                        }
                    }
                }
                values.insert(line[..at].trim().to_owned(), value.join("\n"));
            }
            (Some(at), _) => {
                values.insert(line[..at].trim().to_owned(), line[at + 1..].to_owned());
            }
            (None, _) => return Err(wrong(number, "there is no `=`")),
        }
    }
    Ok(values)
}

/// A value as text, of a type by its name. What is wrong continues "the output `x` ...".
fn of_text(text: &str, type_name: &str) -> Result<Value, String> {
    check_length(text.len())?;
    let wrong = || format!("is {}, which is no {type_name}", shown(text));
    let trimmed = text.trim();
    match ParamType::from_word(type_name) {
        Some(ParamType::String) | None => {
            // `echo` ends a line; that is not part of the value.
            let text = text.strip_suffix('\n').unwrap_or(text);
            Ok(Value::from(text.strip_suffix('\r').unwrap_or(text)))
        }
        Some(ParamType::Integer) => trimmed.parse::<i64>().map(Value::from).map_err(|_| wrong()),
        Some(ParamType::Boolean) => match trimmed {
            "true" | "True" => Ok(Value::Bool(true)),
            "false" | "False" => Ok(Value::Bool(false)),
            _ => Err(wrong()),
        },
        Some(ParamType::Number) => {
            // A whole number stays one.
            let whole = trimmed.parse::<i64>().ok().map(Number::from);
            let number = whole.or_else(|| Number::from_f64(trimmed.parse().ok()?));
            number.map(Value::Number).ok_or_else(wrong)
        }
        Some(kind) => match serde_json::from_str(trimmed) {
            Ok(value) if kind.accepts(&value) => Ok(value),
            Ok(_) => Err(wrong()),
            Err(error) => Err(format!("is no JSON of a {type_name}: {error}")),
        },
    }
}

/// A value as JSON. Kubeflow's components write every number with a point.
fn of_json(value: &Value, type_name: &str) -> Result<Value, String> {
    let Some(kind) = ParamType::from_word(type_name) else {
        return Ok(value.clone());
    };
    check_length(value.to_string().len())?;
    if kind == ParamType::Integer
        && let Some(number) = value.as_f64()
        && number.fract() == 0.0
        && number.abs() < 9.0e15
    {
        return Ok(Value::from(number as i64));
    }
    if kind.accepts(value) {
        return Ok(value.clone());
    }
    Err(format!(
        "is {}, which is no {type_name}",
        shown(&value.to_string())
    ))
}

fn check_length(bytes: usize) -> Result<(), String> {
    if bytes <= VALUE_BYTES_MAX {
        return Ok(());
    }
    Err(format!(
        "has {bytes} bytes, the most are {VALUE_BYTES_MAX}; give it as an artifact"
    ))
}

/// The beginning of a value, quoted.
fn shown(text: &str) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 60;
    let text = text.trim_end_matches('\n');
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
