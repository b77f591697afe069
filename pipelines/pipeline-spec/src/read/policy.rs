//! What bounds the attempts of a step.

use serde_json::{Map, Value};

use super::Reader;
use crate::at::At;
use crate::code::Code;
use crate::duration;
use crate::limits::{ATTEMPTS_MAX, BACKOFF_FACTOR_MAX};
use crate::spec::{Policy, Retry};

/// The keys that a step and `defaults:` have in common.
pub(crate) const KEYS: &[&str] = &["timeout", "grace", "retry"];

pub(crate) const RETRY_KEYS: &[&str] = &["attempts", "initial", "factor", "max"];

/// Takes the keys out of a map.
pub(super) fn policy(map: &mut Map<String, Value>, at: &At<'_>, reader: &mut Reader) -> Policy {
    let mut take = |key: &str| map.remove(key);
    let (timeout, grace) = (take("timeout"), take("grace"));
    Policy {
        timeout_ms: duration(timeout, &at.key("timeout"), Least::More, reader),
        grace_ms: duration(grace, &at.key("grace"), Least::Zero, reader),
        retry: retry(take("retry"), &at.key("retry"), reader),
    }
}

/// `retry:`.
fn retry(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Option<Retry> {
    let value = value.filter(|v| !v.is_null())?;
    let Value::Object(mut map) = value else {
        let message = format!("expected a map, found {}", super::kind(&value));
        let hint = "write `retry: { attempts: 3, initial: 5s, factor: 2, max: 5m }`";
        reader.at_value(Code::WrongType, at, message, hint);
        return None;
    };
    reader.known_keys(&map, RETRY_KEYS, at, "`retry`");
    let mut take = |key: &str| map.remove(key).filter(|v| !v.is_null());
    let (initial, max) = (take("initial"), take("max"));
    Some(Retry {
        attempts: attempts(take("attempts"), &at.key("attempts"), reader),
        factor: factor(take("factor"), &at.key("factor"), reader),
        initial_ms: duration(initial, &at.key("initial"), Least::Zero, reader),
        max_ms: duration(max, &at.key("max"), Least::Zero, reader),
    })
}

fn attempts(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Option<u32> {
    let value = value?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let attempts = number.filter(|number| (1..=ATTEMPTS_MAX).contains(number));
    if attempts.is_none() {
        let message = format!("`attempts` takes a whole number from 1 to {ATTEMPTS_MAX}");
        let hint = "it counts all attempts, the first included";
        reader.at_value(Code::InvalidDeclaration, at, message, hint);
    }
    // What cannot be read is not missing as well.
    attempts.or(Some(1))
}

fn factor(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Option<f64> {
    let value = value?;
    let factor = value.as_f64();
    let factor = factor.filter(|factor| (1.0..=BACKOFF_FACTOR_MAX).contains(factor));
    if factor.is_none() {
        let message = format!("`factor` takes a number from 1 to {BACKOFF_FACTOR_MAX}");
        let hint = "each wait is that many times as long as the one before it";
        reader.at_value(Code::InvalidDeclaration, at, message, hint);
    }
    factor
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
