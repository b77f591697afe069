//! `foreach:` of a step: a list, or an expression that gives one.

use serde_json::Value;

use super::Reader;
use super::step::is_expression;
use crate::at::At;
use crate::code::Code;
use crate::limits::ITEMS_MAX;
use crate::template::{CLOSE, OPEN};

/// The items; none if the key is absent or cannot be read.
pub(super) fn items(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Option<Value> {
    match value.filter(|v| !v.is_null())? {
        Value::Array(items) if items.len() > ITEMS_MAX => {
            let message = format!("the list has {} items, more than {ITEMS_MAX}", items.len());
            let hint = "let each item stand for several things";
            reader.at_value(Code::InvalidDeclaration, at, message, hint);
            None
        }
        list @ Value::Array(_) => Some(list),
        Value::String(text) if is_expression(&text) => Some(Value::String(text.trim().to_owned())),
        other => {
            let message = format!("expected a list, found {}", super::kind(&other));
            let hint =
                format!("`foreach: [a, b]`, or `foreach: {OPEN} steps.ID.outputs.NAME {CLOSE}`");
            reader.at_value(Code::WrongType, at, message, hint);
            None
        }
    }
}

/// `max_parallel:`, which belongs to `foreach:`.
pub(super) fn max_parallel(
    value: Option<Value>,
    has_items: bool,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<u32> {
    let value = value.filter(|v| !v.is_null())?;
    if !has_items {
        let message = "`max_parallel` belongs to a step with `foreach:`".to_owned();
        let hint = "`--slots` bounds how many steps of a run there are at once";
        reader.at_key(Code::MisplacedKey, at, message, hint);
        return None;
    }
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| *number > 0);
    if number.is_none() {
        let message = "`max_parallel` takes a whole number of at least 1".to_owned();
        let hint = "leave the key out for as many items at once as there are slots";
        reader.at_value(Code::InvalidDeclaration, at, message, hint);
    }
    number
}
