//! `approve:` of a step: a question to a person, and the model that it is about.

use serde_json::{Map, Value};

use super::{Reader, input};
use crate::at::At;
use crate::code::Code;
use crate::spec::{Action, Input, Output};

/// Keys of a step that say how a program is started and what it is given.
pub(crate) const NO_KEYS: &[&str] = &[
    "inputs",
    "with",
    "outputs",
    "env",
    "files",
    "workdir",
    "checkpoint",
    "pool",
    "resources",
    "grace",
    "retry",
];

pub(crate) const KEYS: &[&str] = &["message", "model"];

/// The port that the model enters, and the one at which the blessing is given.
const MODEL: &str = "model";
const BLESSING: &str = "blessing";

/// Takes the model out of the long form; none if there is none.
pub(super) fn take_model(
    step: &mut Map<String, Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<(String, Input)> {
    let model = step.get_mut("approve")?.as_object_mut()?.remove(MODEL)?;
    let at = at.key("approve");
    let model = input::input(model, &at.key(MODEL), reader);
    Some((MODEL.to_owned(), model))
}

/// What a step gives that approves a model.
pub(super) fn blessing() -> (String, Output) {
    let output = Output {
        type_name: "Blessing".to_owned(),
        optional: false,
    };
    (BLESSING.to_owned(), output)
}

/// What is asked: a text, or `{ message }`.
pub(super) fn action(value: Value, at: &At<'_>, reader: &mut Reader) -> Action {
    let (message, is_short) = match value {
        Value::Object(mut map) => {
            let meant = reader.known_keys(&map, KEYS, at, "`approve`");
            let Some(message) = map.remove("message") else {
                if !meant.contains(&"message") {
                    let message = "`approve` does not say what is asked".to_owned();
                    let hint = "add `message: Push this model?`";
                    reader.at_key(Code::MissingKey, at, message, hint);
                }
                return Action::Unreadable;
            };
            (reader.text(message, &at.key("message")), false)
        }
        Value::Null => (Some(String::new()), true),
        text => (reader.text(text, at), true),
    };
    match message {
        Some(message) if message.trim().is_empty() => {
            let message = "the question is empty".to_owned();
            let hint = "`approve: Push this model?`, or `approve: { message, model: step.port }`";
            reader.at_value(Code::WrongType, at, message, hint);
            Action::Unreadable
        }
        Some(message) => Action::Approve { message, is_short },
        None => Action::Unreadable,
    }
}
