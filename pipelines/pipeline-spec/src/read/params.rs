//! `params:`, the pipeline's declared parameters.

use std::collections::BTreeMap;

use component_api::manifest::{ParamSpec, ParamType};
use serde_json::{Map, Value};

use super::Reader;
use crate::at::At;
use crate::code::Code;
use crate::nearest::did_you_mean;
use crate::template::has_expression;

pub(crate) const KEYS: &[&str] = &[
    "type",
    "default",
    "min",
    "max",
    "values",
    "required",
    "description",
];

pub(crate) const TYPES: &[&str] = &["string", "integer", "number", "boolean", "list", "map"];

pub(super) fn params(
    value: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> BTreeMap<String, ParamSpec> {
    let map = reader.map(value, at, "a map of parameters");
    let mut params = BTreeMap::new();
    for (name, value) in reader.named(map, at, "a parameter") {
        let spec = param(value, &at.key(&name), reader);
        params.insert(name, spec);
    }
    params
}

/// A declaration, or a bare scalar that is a default.
fn param(value: Value, at: &At<'_>, reader: &mut Reader) -> ParamSpec {
    let unreadable = ParamSpec::new(ParamType::Any, "");
    match value {
        Value::Object(map) => declaration(map, at, reader).unwrap_or(unreadable),
        Value::Null | Value::Array(_) => {
            let message = format!(
                "expected a default or a declaration, found {}",
                super::kind(&value)
            );
            let hint = "declare it: `{ type: string }`, or `{ type: list, default: [...] }`";
            reader.at_value(Code::WrongType, at, message, hint);
            unreadable
        }
        scalar => {
            if !is_literal(&scalar, at, reader) {
                return unreadable;
            }
            ParamType::of(&scalar).map_or(unreadable, |param_type| {
                ParamSpec::new(param_type, "").default_value(scalar)
            })
        }
    }
}

fn declaration(mut map: Map<String, Value>, at: &At<'_>, reader: &mut Reader) -> Option<ParamSpec> {
    let meant = reader.known_keys(&map, KEYS, at, "a parameter");
    let default = map.remove("default").unwrap_or_default();
    let literal = is_literal(&default, &at.key("default"), reader);
    let written = map.remove("type");
    if written.is_none() && default.is_null() && !meant.is_empty() {
        return None;
    }
    let param_type = param_type(written, &default, at, reader)?;
    let required = map.remove("required");
    // Without a default there is nothing that an expression could stand for.
    let must = reader.boolean(required.clone(), &at.key("required"), default.is_null());
    let spec = ParamSpec {
        param_type,
        min: bound(map.remove("min"), param_type, &at.key("min"), reader),
        max: bound(map.remove("max"), param_type, &at.key("max"), reader),
        values: values(map.remove("values"), &at.key("values"), reader),
        required: must,
        description: reader.literal_or_empty(map.remove("description"), &at.key("description")),
        default,
    };
    check(&spec, at, reader);
    literal.then_some(spec)
}

fn param_type(
    value: Option<Value>,
    default: &Value,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<ParamType> {
    let at_type = at.key("type");
    let Some(value) = value else {
        let inferred = ParamType::of(default);
        if inferred.is_none() {
            let message = "a parameter needs a `type` or a `default`".to_owned();
            let hint = format!("one of {}", TYPES.join(", "));
            reader.at_key(Code::MissingKey, &at_type, message, hint);
        }
        return inferred;
    };
    let word = reader.literal(value, &at_type)?;
    let found = ParamType::from_word(&word);
    if found.is_none() {
        let message = format!("there is no parameter type `{word}`");
        let hint = did_you_mean(&word, TYPES.iter().copied());
        reader.at_value(Code::UnknownType, &at_type, message, hint);
    }
    found
}

fn bound(
    value: Option<Value>,
    param_type: ParamType,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<f64> {
    let value = value.filter(|v| !v.is_null())?;
    if !matches!(param_type, ParamType::Integer | ParamType::Number) {
        let message = format!("a {} has no bounds", param_type.word());
        let hint = "`min` and `max` belong to `integer` and `number`";
        reader.at_key(Code::InvalidDeclaration, at, message, hint);
        return None;
    }
    let number = value.as_f64();
    if number.is_none() {
        reader.wrong_type(at, "a number", &value);
    }
    number
}

fn values(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(other) => {
            reader.wrong_type(at, "a list of the allowed values", &other);
            Vec::new()
        }
    }
}

/// What a declaration says must not contradict itself.
fn check(spec: &ParamSpec, at: &At<'_>, reader: &mut Reader) {
    if let (Some(min), Some(max)) = (spec.min, spec.max)
        && min > max
    {
        let message = format!("`min` {min} is greater than `max` {max}");
        reader.at_value(Code::InvalidDeclaration, &at.key("min"), message, "");
    }
    let at_values = at.key("values");
    for (index, value) in spec.values.iter().enumerate() {
        if !spec.param_type.accepts(value) {
            let message = format!("{value} is not of the type {}", spec.param_type.word());
            let at = at_values.item(index);
            reader.at_value(Code::InvalidDeclaration, &at, message, "");
        }
    }
    if spec.default.is_null() {
        return;
    }
    if let Err(reason) = spec.check(&spec.default) {
        let message = format!("the default contradicts the declaration: {reason}");
        reader.at_value(Code::InvalidDeclaration, &at.key("default"), message, "");
    }
    if spec.required {
        let message = "a parameter that must be given never takes its default".to_owned();
        let hint = "remove `required: true` or the default";
        reader.at_value(Code::InvalidDeclaration, &at.key("required"), message, hint);
    }
}

/// Defaults are given as they are: nothing is evaluated in them.
fn is_literal(value: &Value, at: &At<'_>, reader: &mut Reader) -> bool {
    let literal = match value {
        Value::String(text) => !has_expression(text),
        Value::Array(items) => {
            return items
                .iter()
                .enumerate()
                .all(|(index, item)| is_literal(item, &at.item(index), reader));
        }
        Value::Object(map) => {
            return map
                .iter()
                .all(|(key, item)| is_literal(item, &at.key(key), reader));
        }
        _ => true,
    };
    if !literal {
        let message = "no expression is evaluated in a default".to_owned();
        reader.at_value(Code::ExpressionMisplaced, at, message, "");
    }
    literal
}
