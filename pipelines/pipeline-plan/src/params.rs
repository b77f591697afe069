//! A run's parameters: what was given on a command line, checked against the declarations.

use std::collections::BTreeMap;

use component_api::manifest::{ParamSpec, ParamType};
use pipeline_spec::did_you_mean;
use serde_json::{Number, Value};

use crate::plan::Plan;

/// A parameter that cannot be used as given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {message}")]
pub struct ParamError {
    /// The parameter.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it, or empty.
    pub hint: String,
}

/// The value of every declared parameter: as given, else its default, else null.
///
/// Text is read by the declared type: `3` is a number where one is declared and text where text
/// is; lists and maps are JSON.
pub fn resolve(
    plan: &Plan,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, Vec<ParamError>> {
    let mut errors = Vec::new();
    for name in given.keys().filter(|name| !plan.params.contains_key(*name)) {
        let hint = did_you_mean(name, plan.params.keys().map(String::as_str));
        let message = "the pipeline has no such parameter".to_owned();
        errors.push(error(name, message, hint));
    }
    let mut values = BTreeMap::new();
    for (name, spec) in &plan.params {
        let value = match given.get(name) {
            Some(text) => read(spec, text),
            None if spec.required && spec.default.is_null() => {
                let hint = format!("give it: `-p {name}={}`", example(spec));
                Err(("a value must be given".to_owned(), hint))
            }
            None => Ok(spec.default.clone()),
        };
        match value {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err((message, hint)) => errors.push(error(name, message, hint)),
        }
    }
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(errors)
    }
}

fn error(name: &str, message: String, hint: String) -> ParamError {
    ParamError {
        name: name.to_owned(),
        message,
        hint,
    }
}

/// A text as a value of the declared type, within its bounds.
fn read(spec: &ParamSpec, text: &str) -> Result<Value, (String, String)> {
    let Some(value) = parse(spec.param_type, text) else {
        let message = format!(
            "`{text}` is not a value of the type {}",
            spec.param_type.word()
        );
        let hint = match spec.param_type {
            ParamType::List => "write a list as JSON: `[\"a\", \"b\"]`",
            ParamType::Map => "write a map as JSON: `{\"a\": 1}`",
            ParamType::Boolean => "write `true` or `false`",
            ParamType::Integer => "write a whole number of at most 64 bits, such as `42`",
            ParamType::Number => "write a finite number, such as `0.5`",
            ParamType::String | ParamType::Any => "",
        };
        return Err((message, hint.to_owned()));
    };
    match spec.check(&value) {
        Ok(()) => Ok(value),
        Err(message) => Err((message, String::new())),
    }
}

fn parse(param_type: ParamType, text: &str) -> Option<Value> {
    match param_type {
        ParamType::String | ParamType::Any => Some(Value::from(text)),
        ParamType::Integer => text.trim().parse::<i64>().ok().map(Value::from),
        ParamType::Number => number(text.trim()),
        ParamType::Boolean => text.trim().parse::<bool>().ok().map(Value::from),
        ParamType::List => json(text).filter(Value::is_array),
        ParamType::Map => json(text).filter(Value::is_object),
    }
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    let number = text.parse().ok().and_then(Number::from_f64);
    number.map(Value::Number)
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn example(spec: &ParamSpec) -> String {
    if let Some(value) = spec.values.first() {
        return component_api::contract::value_text(value);
    }
    match spec.param_type {
        ParamType::Integer => "1",
        ParamType::Number => "0.5",
        ParamType::Boolean => "true",
        ParamType::List => "'[]'",
        ParamType::Map => "'{}'",
        ParamType::String | ParamType::Any => "TEXT",
    }
    .to_owned()
}
