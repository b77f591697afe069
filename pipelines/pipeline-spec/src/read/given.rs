//! A file of parameters: values for what a pipeline declares.

use std::collections::BTreeMap;

use component_api::contract::value_text;
use component_api::manifest::{ParamSpec, ParamType};
use serde_json::Value;

use super::Reader;
use crate::at::At;
use crate::code::Code;
use crate::nearest::did_you_mean;

/// Reads the whole document: text by name. An empty file gives none.
pub(crate) fn given_params(
    tree: Value,
    declared: &BTreeMap<String, ParamSpec>,
    reader: &mut Reader,
) -> BTreeMap<String, String> {
    let map = reader.map(
        Some(tree),
        &At::ROOT,
        "a map of parameters and their values",
    );
    let mut values = BTreeMap::new();
    for (name, value) in map {
        let at = At::ROOT.key(&name);
        let Some(spec) = declared.get(&name) else {
            let hint = did_you_mean(&name, declared.keys().map(String::as_str));
            let message = format!("the pipeline has no parameter `{name}`");
            reader.at_key(Code::UnknownParameter, &at, message, hint);
            continue;
        };
        if let Some(text) = given(value, spec, &at, reader) {
            values.insert(name, text);
        }
    }
    values
}

/// A value of the declared type as text.
fn given(value: Value, spec: &ParamSpec, at: &At<'_>, reader: &mut Reader) -> Option<String> {
    let value = match spec.param_type {
        // `1.10` is a text where one is declared, and must have been written as one.
        ParamType::String => Value::String(reader.text(value, at)?),
        _ => value,
    };
    match spec.check(&value) {
        Ok(()) => Some(value_text(&value)),
        Err(message) => {
            reader.at_value(Code::InvalidParameter, at, message, "");
            None
        }
    }
}
