//! Names as expressions write them: `-` becomes `_`, because `a-b` is a difference there.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A name as an expression writes it.
pub(crate) fn normal(name: &str) -> Cow<'_, str> {
    if name.contains('-') {
        Cow::Owned(name.replace('-', "_"))
    } else {
        Cow::Borrowed(name)
    }
}

/// An object whose entries can be named by expressions, beside their own names.
pub(super) fn with_normal_names(object: Value) -> Value {
    let Value::Object(entries) = object else {
        return object;
    };
    let mut named = Map::with_capacity(entries.len());
    for (name, value) in entries {
        if name.contains('-') {
            named.insert(name.replace('-', "_"), value.clone());
        }
        named.insert(name, value);
    }
    Value::Object(named)
}
