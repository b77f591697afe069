//! What bounds the attempts of a step, and `defaults:` for all steps.

use serde_json::{Map, Value};

use super::Reader;
use crate::at::At;
use crate::code::Code;
use crate::duration;
use crate::spec::Policy;

/// The keys that a step and `defaults:` have in common.
pub(super) const KEYS: &[&str] = &["timeout", "grace"];

/// `defaults:`, for every step.
pub(super) fn defaults(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Policy {
    let mut map = reader.map(value, at, "a map of defaults");
    reader.known_keys(&map, KEYS, at, "`defaults`");
    policy(&mut map, at, reader)
}

/// Takes the keys out of a map.
pub(super) fn policy(map: &mut Map<String, Value>, at: &At<'_>, reader: &mut Reader) -> Policy {
    Policy {
        timeout_ms: duration(
            map.remove("timeout"),
            &at.key("timeout"),
            Least::More,
            reader,
        ),
        grace_ms: duration(map.remove("grace"), &at.key("grace"), Least::Zero, reader),
    }
}

/// Whether a duration may be nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    Zero,
    More,
}

/// A duration in milliseconds; none if it is absent or cannot be read.
fn duration(value: Option<Value>, at: &At<'_>, least: Least, reader: &mut Reader) -> Option<u64> {
    let value = value.filter(|v| !v.is_null())?;
    let text = match value {
        Value::String(_) => reader.literal(value, at)?,
        Value::Number(number) => {
            let message = format!("the duration {number} has no unit");
            let hint = format!("`{number}s` are seconds, `{number}m` minutes, `{number}h` hours");
            reader.at_value(Code::InvalidDuration, at, message, hint);
            return None;
        }
        other => {
            reader.wrong_type(at, "a duration", &other);
            return None;
        }
    };
    match duration::parse(&text) {
        Ok(0) if least == Least::More => {
            let message = "this duration must be longer than nothing".to_owned();
            reader.at_value(
                Code::InvalidDuration,
                at,
                message,
                "leave the key out for no limit",
            );
            None
        }
        Ok(ms) => Some(ms),
        Err(message) => {
            reader.at_value(Code::InvalidDuration, at, message, duration::FORMS);
            None
        }
    }
}
