//! What a step and `defaults:` have in common.

use serde_json::{Value, json};

use super::{boolean, described, literal, object, or_nothing, reference, text, undescribed};
use crate::limits::{ATTEMPTS_MAX, BACKOFF_FACTOR_MAX, DEVICES_MAX, IDENTIFIER_CHARACTERS_MAX};
use crate::read::{defaults, policy, resources as reader};

/// `defaults:`.
pub(super) fn defaults() -> Value {
    object(&[policy::KEYS, defaults::KEYS].concat(), setting)
}

/// One of the keys.
pub(super) fn setting(key: &str) -> Value {
    match key {
        "timeout" => described(
            "How long an attempt may take",
            or_nothing(reference("duration")),
        ),
        "grace" => described(
            "How long an attempt has to end once it is asked to, before it is killed",
            or_nothing(reference("duration")),
        ),
        "retry" => described(
            "How often a failed attempt is followed by another",
            or_nothing(object(policy::RETRY_KEYS, retry)),
        ),
        "env" => described(
            "Variables of its own; may hold expressions",
            or_nothing(env()),
        ),
        "files" => described(
            "Globs that narrow what a command's result depends on",
            or_nothing(one_or_many(path())),
        ),
        "cache" => described(
            "false: never reused; `{ key: TEXT }`: what else it depends on",
            cache(),
        ),
        "workdir" => described("The folder that a command works in", or_nothing(path())),
        "checkpoint" => described("true: a folder that survives its attempts", boolean()),
        "allow_failure" => described("true: its failure does not fail the run", boolean()),
        "pool" => described("A named limit that runs share", or_nothing(identifier())),
        "resources" => described(
            "What of the machine it takes",
            or_nothing(object(reader::RESOURCES, resource)),
        ),
        _ => undescribed(),
    }
}

fn retry(key: &str) -> Value {
    match key {
        "attempts" => described(
            "How many attempts there are, the first included",
            json!({ "type": ["integer", "null"], "minimum": 1, "maximum": ATTEMPTS_MAX }),
        ),
        "initial" => described(
            "How long the second attempt waits",
            or_nothing(reference("duration")),
        ),
        "factor" => described(
            "How many times as long each further attempt waits",
            json!({ "type": ["number", "null"], "minimum": 1, "maximum": BACKOFF_FACTOR_MAX }),
        ),
        "max" => described(
            "How long an attempt waits at most",
            or_nothing(reference("duration")),
        ),
        _ => undescribed(),
    }
}

fn cache() -> Value {
    let mut keyed = object(defaults::CACHE_KEYS, |key| match key {
        "key" => described(
            "Text that the result depends on; may hold expressions",
            text(),
        ),
        _ => undescribed(),
    });
    keyed["required"] = json!(["key"]);
    json!({ "anyOf": [boolean(), keyed] })
}

fn resource(key: &str) -> Value {
    match key {
        "cpu" => described(
            "Processors",
            json!({ "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": DEVICES_MAX }),
        ),
        "memory" => described("Memory: 512MiB, 4GB", or_nothing(size())),
        "gpu" => described(
            "GPUs",
            json!({ "type": ["integer", "null"], "minimum": 0, "maximum": DEVICES_MAX }),
        ),
        _ => undescribed(),
    }
}

/// See `crate::size`.
fn size() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]*\\.?[0-9]+ *([KkMmGgTt][Ii]?)?[Bb]$" })
}

/// A name as steps have them.
fn identifier() -> Value {
    let more = IDENTIFIER_CHARACTERS_MAX - 1;
    json!({ "type": "string", "pattern": format!("^[A-Za-z_][A-Za-z0-9_-]{{0,{more}}}$") })
}

fn env() -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
        "additionalProperties": text(),
    })
}

pub(super) fn path() -> Value {
    json!({ "allOf": [literal(), { "minLength": 1 }] })
}

/// One text, or a list of them.
pub(super) fn one_or_many(item: Value) -> Value {
    json!({ "anyOf": [{ "allOf": [item], "type": "string" }, { "type": "array", "items": item }] })
}
