//! A component file: the manifest of a component, and what it runs.

use std::collections::BTreeMap;

use component_api::artifact;
use component_api::manifest::{InputPort, Manifest, OutputPort, ParamType};
use serde_json::{Map, Value};

use super::{Reader, params, step};
use crate::at::At;
use crate::code::Code;
use crate::nearest::{did_you_mean, nearest};
use crate::spec::{Action, ComponentSpec, OwnType, is_identifier};

pub(super) const KEYS: &[&str] = &[
    "name",
    "version",
    "description",
    "types",
    "inputs",
    "outputs",
    "params",
    "image",
    "run",
];

/// The types of Kubeflow Pipelines that a type may specialise.
const BASES: &[&str] = &[
    "system.Artifact",
    "system.Dataset",
    "system.Model",
    "system.Metrics",
    "system.ClassificationMetrics",
    "system.SlicedClassificationMetrics",
    "system.HTML",
    "system.Markdown",
];

type Types = BTreeMap<String, OwnType>;

/// Reads the whole document; none if it is nothing like a component.
pub(crate) fn component(tree: Value, reader: &mut Reader) -> Option<ComponentSpec> {
    let at = At::ROOT;
    let Value::Object(mut map) = tree else {
        reader.wrong_type(&at, "a map with `name:`, `version:` and `run:`", &tree);
        return None;
    };
    let meant = reader.known_keys(&map, KEYS, &at, "a component");
    for key in ["name", "version", "run"] {
        if !map.contains_key(key) && !meant.contains(&key) {
            let message = format!("the component has no `{key}`");
            let hint = "a component file has at least `name:`, `version:` and `run:`";
            reader.at_key(Code::MissingKey, &at.key(key), message, hint);
        }
    }
    let mut take = |key: &str| map.remove(key).filter(|value| !value.is_null());
    if let Some(image) = take("image") {
        let message = "this version runs no containers".to_owned();
        let hint = "leave `image` out: `run` is started on this machine";
        if reader.literal(image, &at.key("image")).is_some() {
            reader.at_value(Code::InvalidDeclaration, &at.key("image"), message, hint);
        }
    }
    let types = types(take("types"), &at.key("types"), reader);
    let run = take("run").map_or(Action::Unreadable, |v| run(v, &at.key("run"), reader));
    let manifest = Manifest {
        name: name(take("name"), &at.key("name"), reader),
        version: text(take("version"), &at.key("version"), reader),
        description: reader.literal_or_empty(take("description"), &at.key("description")),
        inputs: inputs(take("inputs"), &at.key("inputs"), &types, reader),
        outputs: outputs(take("outputs"), &at.key("outputs"), &types, reader),
        params: params::params(take("params"), &at.key("params"), reader),
        always_runs: false,
    };
    Some(ComponentSpec {
        manifest,
        types,
        run,
    })
}

fn name(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> String {
    let name = text(value, at, reader);
    if !name.is_empty() && !is_identifier(&name) {
        reader.invalid_name(at, crate::diagnostic::Part::Value, &name, "a component");
    }
    name
}

fn text(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> String {
    value
        .and_then(|value| reader.literal(value, at))
        .unwrap_or_default()
}

/// `run:`, as a step's. Values reach it by variables: it does not know the pipelines that use it.
fn run(value: Value, at: &At<'_>, reader: &mut Reader) -> Action {
    let action = step::command(value, at, reader);
    let words: &[String] = match &action {
        Action::Command(words) => words,
        Action::Shell(script) => std::slice::from_ref(script),
        Action::Uses(_) | Action::Approve { .. } | Action::Unreadable => &[],
    };
    if words
        .iter()
        .any(|word| crate::template::has_expression(word))
    {
        let message = "no expression is evaluated in a component file".to_owned();
        let hint = "its parameters are the variables `PARAM_NAME`, its inputs `INPUT_NAME`";
        reader.at_value(Code::ExpressionMisplaced, at, message, hint);
    }
    action
}

/// `types: { NAME: { base, files } }`.
fn types(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> Types {
    let map = reader.map(value, at, "a map of artifact types");
    let mut types = Types::new();
    for (name, value) in reader.named(map, at, "an artifact type") {
        let at = at.key(&name);
        if artifact::find(&name).is_some() || ParamType::from_word(&name).is_some() {
            let message = format!("`{name}` is a type already");
            reader.at_key(Code::NameCollision, &at, message, "choose another name");
        }
        let mut map = reader.map(Some(value), &at, "`{ base, files }`");
        reader.known_keys(&map, &["base", "files"], &at, "an artifact type");
        let base = base(map.remove("base"), &at.key("base"), reader);
        let files = map.remove("files").filter(|value| !value.is_null());
        let files = files.map(|v| reader.literals(v, &at.key("files"), "a list of files"));
        let files = files.unwrap_or_default();
        types.insert(name, OwnType { base, files });
    }
    types
}

fn base(value: Option<Value>, at: &At<'_>, reader: &mut Reader) -> String {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return BASES[0].to_owned();
    };
    let base = reader.literal(value, at).unwrap_or_default();
    if !base.is_empty() && !BASES.contains(&base.as_str()) {
        let message = format!("Kubeflow Pipelines has no type `{base}`");
        let hint = did_you_mean(&base, BASES.iter().copied());
        reader.at_value(Code::UnknownType, at, message, hint);
    }
    base
}

fn inputs(
    value: Option<Value>,
    at: &At<'_>,
    types: &Types,
    reader: &mut Reader,
) -> BTreeMap<String, InputPort> {
    let map = reader.map(value, at, "a map of inputs");
    let ports = reader.named(map, at, "an input").map(|(port, value)| {
        let at = at.key(&port);
        let keys = ["type", "optional", "many", "description"];
        let mut map = port_map(value, &keys, &at, reader);
        let input = InputPort {
            artifact_type: type_name(map.remove("type"), &at, types, false, reader),
            optional: reader.boolean(map.remove("optional"), &at.key("optional"), false),
            many: reader.boolean(map.remove("many"), &at.key("many"), false),
            description: reader.literal_or_empty(map.remove("description"), &at.key("description")),
        };
        (port, input)
    });
    ports.collect()
}

fn outputs(
    value: Option<Value>,
    at: &At<'_>,
    types: &Types,
    reader: &mut Reader,
) -> BTreeMap<String, OutputPort> {
    let map = reader.map(value, at, "a map of outputs");
    let ports = reader.named(map, at, "an output").map(|(port, value)| {
        let at = at.key(&port);
        let mut map = port_map(value, &["type", "description"], &at, reader);
        let output = OutputPort {
            artifact_type: type_name(map.remove("type"), &at, types, true, reader),
            description: reader.literal_or_empty(map.remove("description"), &at.key("description")),
        };
        (port, output)
    });
    ports.collect()
}

/// `Type` is short for `{ type: Type }`.
fn port_map(
    value: Value,
    keys: &[&'static str],
    at: &At<'_>,
    reader: &mut Reader,
) -> Map<String, Value> {
    match value {
        Value::String(_) => [("type".to_owned(), value)].into_iter().collect(),
        value => {
            let map = reader.map(Some(value), at, "a type, or a map with `type:`");
            reader.known_keys(&map, keys, at, "a port");
            map
        }
    }
}

/// An artifact's type, or for an output a value's as well; any artifact where nothing is said.
fn type_name(
    value: Option<Value>,
    at: &At<'_>,
    types: &Types,
    takes_values: bool,
    reader: &mut Reader,
) -> String {
    let any = artifact::ANY.to_owned();
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return any;
    };
    let Some(name) = reader.literal(value, at) else {
        return any;
    };
    let is_value = ParamType::from_word(&name).is_some();
    if is_value && !takes_values {
        let message = format!("`{name}` is a value's type, and an input is an artifact");
        let hint = "declare it in `params:`";
        reader.at_value(Code::UnknownType, at, message, hint);
        return any;
    }
    if is_value || artifact::find(&name).is_some() || types.contains_key(&name) {
        return name;
    }
    let known = artifact::ARTIFACT_TYPES.iter().map(|t| t.name);
    let message = format!("there is no type `{name}`");
    let hint = match nearest(&name, known.chain(types.keys().map(String::as_str))) {
        Some(found) => format!("did you mean `{found}`?"),
        None => format!("declare it: `types: {{ {name}: {{ base: system.Artifact }} }}`"),
    };
    reader.at_value(Code::UnknownType, at, message, hint);
    any
}
