//! `defaults:`, and the keys that it and a step have in common beside what bounds attempts.

use serde_json::{Map, Value};

use super::{Reader, policy, resources, step};
use crate::at::At;
use crate::code::Code;
use crate::spec::{Cache, Defaults};

/// The keys of `defaults:` that are not those of a policy.
pub(crate) const KEYS: &[&str] = &[
    "env",
    "files",
    "cache",
    "workdir",
    "checkpoint",
    "allow_failure",
    "pool",
    "resources",
];

/// Keys of a `cache:` that is more than a boolean.
pub(crate) const CACHE_KEYS: &[&str] = &["key"];

/// `defaults:`, for every step.
pub(super) fn defaults(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Defaults {
    let mut map = reader.map(value, at, "a map of defaults");
    let known = [policy::KEYS, KEYS].concat();
    reader.known_keys(&map, &known, at, "`defaults`");
    Defaults {
        policy: policy::policy(&mut map, at, reader),
        env: step::env(map.remove("env"), &at.key("env"), reader),
        ..settings(&mut map, at, reader)
    }
}

/// Takes the keys that are not those of a policy, nor `env`, out of a map.
pub(super) fn settings(map: &mut Map<String, Value>, at: &At<'_>, reader: &mut Reader) -> Defaults {
    let mut take = |key: &str| map.remove(key).filter(|value| !value.is_null());
    Defaults {
        files: take("files").map(|v| step::key_files(v, &at.key("files"), reader)),
        cache: take("cache").and_then(|v| cache(v, &at.key("cache"), reader)),
        workdir: take("workdir").and_then(|v| workdir(v, &at.key("workdir"), reader)),
        checkpoint: take("checkpoint").map(|v| flag(v, &at.key("checkpoint"), reader)),
        allow_failure: take("allow_failure").map(|v| flag(v, &at.key("allow_failure"), reader)),
        pool: take("pool").and_then(|v| resources::pool(v, &at.key("pool"), reader)),
        resources: resources::resources(take("resources"), &at.key("resources"), reader),
        ..Defaults::default()
    }
}

fn flag(value: Value, at: &At<'_>, reader: &mut Reader) -> bool {
    reader.boolean(Some(value), at, false)
}

/// `true`, `false`, or `{ key: TEXT }`.
fn cache(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<Cache> {
    let mut map = match value {
        Value::Bool(true) => return Some(Cache::On),
        Value::Bool(false) => return Some(Cache::Off),
        Value::Object(map) => map,
        other => {
            reader.wrong_type(at, "true, false or `{ key: TEXT }`", &other);
            return None;
        }
    };
    let meant = reader.known_keys(&map, CACHE_KEYS, at, "`cache`");
    let Some(key) = map.remove("key").filter(|v| !v.is_null()) else {
        if meant.is_empty() {
            let message = "`cache` does not say its `key`".to_owned();
            let hint = "write `cache: { key: \"${{ params.date }}\" }`, or `cache: false`";
            reader.at_key(Code::MissingKey, at, message, hint);
        }
        return None;
    };
    reader.text(key, &at.key("key")).map(Cache::Key)
}

/// A folder, relative to that of the pipeline file.
fn workdir(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<String> {
    let folder = reader.literal(value, at)?;
    if folder.is_empty() || folder.contains('\0') {
        let message = "a folder's path is not empty and holds no NUL character".to_owned();
        reader.at_value(Code::WrongType, at, message, "");
        return None;
    }
    Some(folder)
}
