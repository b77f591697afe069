//! Names as expressions write them: `-` becomes `_`, because `a-b` is a difference there.

use std::borrow::Cow;

use serde_json::Value;

/// A name as an expression writes it.
pub(crate) fn normal(name: &str) -> Cow<'_, str> {
    if name.contains('-') {
        Cow::Owned(name.replace('-', "_"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Lets an expression find an entry of an object by the name that it uses.
pub(super) fn add_name(object: &mut Value, name: &str) {
    let Value::Object(entries) = object else {
        return;
    };
    if entries.contains_key(name) {
        return;
    }
    let own = entries.iter().find(|(own, _)| normal(own) == normal(name));
    if let Some(value) = own.map(|(_, value)| value.clone()) {
        entries.insert(name.to_owned(), value);
    }
}
