//! The parameters of `ingest` as the options of reading files.

use component_api::catalog::Problem;
use example_data::ingest::{BadRows, IngestOptions};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::splits::splits;
use crate::checks::settled;
use crate::invocation::Failure;

#[derive(Debug, Deserialize)]
pub(super) struct Params {
    splits: Option<Value>,
    split_key: Option<String>,
    null_values: Option<Vec<Value>>,
    on_bad_rows: Option<Map<String, Value>>,
}

/// What the types of the parameters cannot say.
pub(super) fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let given = |name: &str| params.get(name).filter(|value| !value.is_null());
    if let Some(value) = given("splits") {
        let key = given("split_key").and_then(Value::as_str);
        problems.extend(splits(value, key).err());
    }
    if let Some(Value::Array(values)) = given("null_values") {
        problems.extend(null_values(values).err());
    }
    if let Some(Value::Object(map)) = given("on_bad_rows") {
        problems.extend(bad_rows(map).err());
    }
    settled(problems, params)
}

/// The options of reading; the check has seen the parameters before.
pub(super) fn options(params: &Params) -> Result<IngestOptions, Failure> {
    let wrong = |problem: Problem| Failure::new(problem.message).hint(problem.hint);
    let mut options = IngestOptions::default();
    if let Some(value) = &params.splits {
        options.splits = splits(value, params.split_key.as_deref()).map_err(wrong)?;
    }
    if let Some(values) = &params.null_values {
        options.null_values = null_values(values).map_err(wrong)?;
    }
    if let Some(map) = &params.on_bad_rows {
        options.bad_rows = bad_rows(map).map_err(wrong)?;
    }
    Ok(options)
}

fn null_values(values: &[Value]) -> Result<Vec<String>, Problem> {
    let text = |(index, value): (usize, &Value)| {
        value.as_str().map(str::to_owned).ok_or_else(|| Problem {
            path: format!("/null_values/{index}"),
            message: format!("a cell is a text, and {value} is none"),
            hint: format!("put it in quotes: \"{value}\""),
        })
    };
    values.iter().enumerate().map(text).collect()
}

fn bad_rows(map: &Map<String, Value>) -> Result<BadRows, Problem> {
    let problem = |path: &str, message: String| Problem {
        path: path.to_owned(),
        message,
        hint: "`{ skip: 10 }` leaves out at most ten rows, `{ skip: 0.01 }` one in a hundred"
            .to_owned(),
    };
    if let Some(key) = map.keys().find(|key| *key != "skip") {
        return Err(problem(
            &format!("/on_bad_rows/{key}"),
            format!("there is `skip` and no `{key}`"),
        ));
    }
    match map.get("skip") {
        None => Err(problem("/on_bad_rows", "it does not say `skip`".to_owned())),
        Some(value) => match (value.as_u64(), value.as_f64()) {
            (Some(count), _) => Ok(BadRows::SkipCount(count)),
            (None, Some(fraction)) if (0.0..=1.0).contains(&fraction) => {
                Ok(BadRows::SkipFraction(fraction))
            }
            _ => Err(problem(
                "/on_bad_rows/skip",
                format!("{value} is neither a number of rows nor a fraction from 0 to 1"),
            )),
        },
    }
}
