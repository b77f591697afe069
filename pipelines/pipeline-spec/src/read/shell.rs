//! A shell string with expressions in it, rewritten so that their values arrive through variables.
//!
//! It knows of a shell's grammar only what decides how a variable is quoted: quotes, escapes and
//! comments.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value};

use crate::template::{CLOSE, OPEN, Segment, split};

/// The bytes of the first expression, delimiters included; of one that is not closed, up to the end.
pub(super) fn first_expression(script: &str) -> Option<Range<usize>> {
    match split(script) {
        Err(unclosed) => Some(unclosed.bytes),
        Ok(segments) => segments.into_iter().find_map(|s| match s {
            Segment::Expression(inner) => Some(inner.start - OPEN.len()..inner.end + CLOSE.len()),
            Segment::Literal(_) => None,
        }),
    }
}

/// The step as it should be written: the same keys, each expression as an entry of `env:`.
pub(super) fn rewritten(id: &str, step: &Map<String, Value>) -> String {
    let script = step.get("run").and_then(Value::as_str).unwrap_or_default();
    let Ok(segments) = split(script) else {
        return format!("close the expression with `{CLOSE}`, and give it to the step in `env:`");
    };
    let mut env = match step.get("env") {
        Some(Value::Object(env)) => env.clone(),
        _ => Map::new(),
    };
    let script = replace(script, &segments, &mut env);
    let mut step = step.clone();
    step.insert("env".to_owned(), Value::Object(env));
    step.insert("run".to_owned(), Value::String(script));
    let mut steps = Map::new();
    steps.insert(id.to_owned(), Value::Object(step));
    let yaml = serde_yaml::to_string(&steps).unwrap_or_default();
    format!("write it with `env:`\n{}", yaml.trim_end())
}

/// The script with variables in the places of expressions; the variables are added to `env`.
fn replace(script: &str, segments: &[Segment], env: &mut Map<String, Value>) -> String {
    let mut result = String::with_capacity(script.len());
    let mut quoting = Quoting {
        at_word_start: true,
        ..Quoting::default()
    };
    // Whether the result ends in a quote that was only put there to go on with a quoted text.
    let mut reopened = false;
    for segment in segments {
        match segment {
            Segment::Literal(range) => {
                let literal = &script[range.clone()];
                quoting.read(literal);
                match literal.strip_prefix('\'') {
                    Some(rest) if reopened => {
                        result.pop();
                        result.push_str(rest);
                    }
                    _ => result.push_str(literal),
                }
                reopened = false;
            }
            Segment::Expression(range) => {
                let name = variable(&script[range.clone()], env);
                reopened = quoting.state == State::Single;
                let variable = match quoting.state {
                    State::Double => format!("${{{name}}}"),
                    State::Bare | State::Comment => format!("\"${name}\""),
                    State::Single if result.ends_with('\'') => {
                        result.pop();
                        format!("\"${name}\"'")
                    }
                    State::Single => format!("'\"${name}\"'"),
                };
                result.push_str(&variable);
                quoting.at_word_start = false;
            }
        }
    }
    result
}

/// The variable for an expression: one that `env` has for it already, else a new one named after
/// the last words of the expression.
fn variable(expression: &str, env: &mut Map<String, Value>) -> String {
    let value = Value::String(format!("{OPEN} {} {CLOSE}", expression.trim()));
    if let Some((name, _)) = env.iter().find(|(_, v)| **v == value) {
        return name.clone();
    }
    let base = variable_base(expression);
    let taken: BTreeSet<&String> = env.keys().collect();
    let numbered = (2..).map(|n: u32| format!("{base}_{n}"));
    let name = std::iter::once(base.clone())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or(base);
    env.insert(name.clone(), value);
    name
}

/// `params.min_auc` gives `MIN_AUC`, `steps.train.outputs.model.uri` gives `TRAIN_MODEL_URI`.
fn variable_base(expression: &str) -> String {
    /// Longer names are no help to a reader.
    const WORDS_MAX: usize = 4;
    let path = expression
        .trim()
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .next()
        .unwrap_or_default();
    let words: Vec<&str> = path
        .split('.')
        .filter(|w| !matches!(*w, "" | "params" | "steps" | "outputs" | "env"))
        .take(WORDS_MAX)
        .collect();
    let name = words.join("_").to_uppercase().replace('-', "_");
    let is_reserved = ["INPUTS_", "INPUT_", "OUTPUT_", "PARAM_", "ROPEWALK_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_reserved {
        name
    } else {
        format!("VALUE_{name}").trim_end_matches('_').to_owned()
    }
}

/// Where in a shell's quotes a script has come to.
#[derive(Default)]
struct Quoting {
    state: State,
    escaped: bool,
    /// Whether a `#` here would begin a comment.
    at_word_start: bool,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Bare,
    Single,
    Double,
    Comment,
}

impl Quoting {
    fn read(&mut self, text: &str) {
        for character in text.chars() {
            let escaped = std::mem::take(&mut self.escaped);
            self.state = match (self.state, character) {
                (state @ (State::Bare | State::Double), _) if escaped => state,
                (state @ (State::Bare | State::Double), '\\') => {
                    self.escaped = true;
                    state
                }
                (State::Bare, '\'') => State::Single,
                (State::Bare, '"') => State::Double,
                (State::Bare, '#') if self.at_word_start => State::Comment,
                (State::Single, '\'') | (State::Double, '"') | (State::Comment, '\n') => {
                    State::Bare
                }
                (state, _) => state,
            };
            self.at_word_start = character.is_whitespace() || matches!(character, ';' | '(' | '&');
        }
    }
}
