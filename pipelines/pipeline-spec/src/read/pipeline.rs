//! The top of a pipeline file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::{Reader, defaults, params, resources, step};
use crate::at::At;
use crate::code::Code;
use crate::limits::NAME_CHARACTERS_MAX;
use crate::spec::{Defaults, PipelineSpec, Step};

pub(crate) const KEYS: &[&str] = &[
    "name",
    "description",
    "params",
    "concurrency",
    "defaults",
    "steps",
    "finally",
];

/// Top-level keys that begin so are the user's own: a home for YAML anchors.
pub(crate) const USERS_PREFIX: &str = "x-";

/// Reads the whole document.
pub(crate) fn pipeline(tree: Value, reader: &mut Reader) -> PipelineSpec {
    let at = At::ROOT;
    let mut map = match tree {
        Value::Object(map) => map,
        Value::Null => {
            let message = "the file is empty".to_owned();
            let hint = "a pipeline has at least `name:` and `steps:`";
            reader.at_value(Code::EmptyPipeline, &at, message, hint);
            return PipelineSpec::default();
        }
        other => {
            reader.wrong_type(&at, "a map with `name:` and `steps:`", &other);
            return PipelineSpec::default();
        }
    };
    map.retain(|key, _| !key.starts_with(USERS_PREFIX));
    let meant = reader.known_keys(&map, KEYS, &at, "a pipeline");
    let defaults = defaults::defaults(map.remove("defaults"), &at.key("defaults"), reader);
    let mut all = steps(map.remove("steps"), &at, &meant, &defaults, reader);
    finally(map.remove("finally"), &at, &mut all, &defaults, reader);
    PipelineSpec {
        name: name(map.remove("name"), &at, &meant, reader),
        description: reader.literal_or_empty(map.remove("description"), &at.key("description")),
        params: params::params(map.remove("params"), &at.key("params"), reader),
        concurrency: {
            let value = map.remove("concurrency");
            resources::concurrency(value, &at.key("concurrency"), reader)
        },
        defaults,
        steps: all,
    }
}

/// The name; an absent one is not told of if another key was probably `meant`.
fn name(value: Option<Value>, root: &At<'_>, meant: &[&str], reader: &mut Reader) -> String {
    let at = root.key("name");
    let Some(value) = value else {
        if meant.contains(&"name") {
            return String::new();
        }
        let message = "the pipeline has no name".to_owned();
        let hint = "add `name: my-pipeline` as the first line";
        reader.at_value(Code::MissingKey, &at, message, hint);
        return String::new();
    };
    let Some(name) = reader.literal(value, &at) else {
        return String::new();
    };
    if !is_name(&name) {
        let message = format!("`{}` cannot be a pipeline's name", name.escape_debug());
        let hint = format!(
            "use 1 to {NAME_CHARACTERS_MAX} visible characters, without spaces at either end"
        );
        reader.at_value(Code::InvalidName, &at, message, hint);
    }
    name
}

/// Names of pipelines and models are free, but stand on one line and can be seen.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= NAME_CHARACTERS_MAX
        && !text.chars().any(char::is_control)
}

fn steps(
    value: Option<Value>,
    root: &At<'_>,
    meant: &[&str],
    defaults: &Defaults,
    reader: &mut Reader,
) -> BTreeMap<String, Step> {
    let at = root.key("steps");
    let map = match value {
        None if meant.contains(&"steps") => return BTreeMap::new(),
        Some(Value::Object(map)) if !map.is_empty() => map,
        None | Some(Value::Null | Value::Object(_)) => {
            let message = "the pipeline has no steps".to_owned();
            let hint = "add a step: `steps: { hello: { run: [echo, hello] } }`";
            reader.at_key(Code::EmptyPipeline, &at, message, hint);
            return BTreeMap::new();
        }
        Some(other) => {
            let message = format!("expected a map of steps, found {}", super::kind(&other));
            let hint = "each step is an entry, and its key is the step's id";
            reader.at_value(Code::WrongType, &at, message, hint);
            return BTreeMap::new();
        }
    };
    let mut steps = BTreeMap::new();
    for (id, value) in reader.named(map, &at, "a step") {
        let step = step::step(&id, value, &at.key(&id), defaults, reader);
        steps.insert(id, step);
    }
    steps
}

/// `finally:`, steps that run after all others.
fn finally(
    value: Option<Value>,
    root: &At<'_>,
    steps: &mut BTreeMap<String, Step>,
    defaults: &Defaults,
    reader: &mut Reader,
) {
    let at = root.key("finally");
    let map = reader.map(value, &at, "a map of steps");
    for (id, value) in reader.named(map, &at, "a step") {
        let at = at.key(&id);
        let step = Step {
            finally: true,
            ..step::step(&id, value, &at, defaults, reader)
        };
        match steps.entry(id.clone()) {
            Entry::Vacant(free) => {
                free.insert(step);
            }
            Entry::Occupied(_) => {
                let message = format!("`{id}` is a step in `steps:` already");
                reader.at_key(Code::NameCollision, &at, message, "rename one of the two");
            }
        }
    }
}
