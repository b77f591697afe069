//! What a component's manifest says about the steps that use it.

use component_api::catalog::Catalog;
use component_api::manifest::{InputPort, Manifest, ParamSpec, ParamType};
use serde_json::{Map, Value, json};

use super::{described, expression, reference, type_words};

/// The components by name, each with what it is for.
pub(super) fn names(catalog: &Catalog) -> Value {
    let names = catalog.iter().map(|component| {
        let manifest = &component.manifest;
        described(&manifest.description, json!({ "const": manifest.name }))
    });
    let file = described("A component file", component_file());
    json!({ "anyOf": names.chain([file]).collect::<Vec<_>>() })
}

/// The path of a component file, see `crate::spec::is_component_file`.
pub(super) fn component_file() -> Value {
    json!({ "type": "string", "pattern": "/" })
}

/// Of a step that uses this component: its ports and its parameters, with what must be given.
pub(super) fn rule(manifest: &Manifest) -> Value {
    let inputs = manifest.inputs.iter();
    let inputs = inputs.map(|(name, port)| (name.clone(), input(port)));
    let params = manifest.params.iter();
    let params = params.map(|(name, spec)| (name.clone(), param(spec)));
    let needed_inputs = manifest.inputs.iter().filter(|(_, port)| !port.optional);
    let needed_params = manifest.params.iter().filter(|(_, spec)| spec.required);
    let needed_inputs: Vec<&String> = needed_inputs.map(|(name, _)| name).collect();
    let needed_params: Vec<&String> = needed_params.map(|(name, _)| name).collect();
    let mut needed = Vec::new();
    if !needed_inputs.is_empty() {
        needed.push("inputs");
    }
    if !needed_params.is_empty() {
        needed.push("with");
    }
    json!({
        "if": { "properties": { "uses": { "const": manifest.name } }, "required": ["uses"] },
        "then": {
            "properties": {
                "inputs": group(inputs.collect(), &needed_inputs),
                "with": group(params.collect(), &needed_params),
            },
            "required": needed,
        },
    })
}

/// A map with these keys, some of which are needed. Where none is, the map may be left empty.
fn group(properties: Map<String, Value>, needed: &[&String]) -> Value {
    let types = if needed.is_empty() {
        json!(["object", "null"])
    } else {
        json!("object")
    };
    json!({
        "type": types,
        "properties": properties,
        "additionalProperties": false,
        "required": needed,
    })
}

fn input(port: &InputPort) -> Value {
    let takes = match (port.many, port.optional) {
        (true, true) => reference("input"),
        // An empty list gives nothing.
        (true, false) => json!({ "allOf": [reference("input")], "minItems": 1 }),
        // An empty list is as good as no input.
        (false, true) => {
            json!({ "anyOf": [reference("source"), { "type": "array", "maxItems": 0 }] })
        }
        (false, false) => reference("source"),
    };
    described(
        &format!("{} ({})", port.description, port.artifact_type),
        takes,
    )
}

/// A value within its bounds, or text with an expression, which is judged when it is evaluated.
fn param(spec: &ParamSpec) -> Value {
    let mut value = Map::new();
    value.insert("type".to_owned(), type_words(spec.param_type));
    let is_number = matches!(spec.param_type, ParamType::Integer | ParamType::Number);
    let bounds = [("minimum", spec.min), ("maximum", spec.max)];
    for (word, bound) in bounds.into_iter().filter(|_| is_number) {
        if let Some(bound) = bound {
            value.insert(word.to_owned(), json!(bound));
        }
    }
    if !spec.values.is_empty() {
        value.insert("enum".to_owned(), spec.values.clone().into());
    }
    let mut schema = json!({ "anyOf": [value, expression()] });
    if !spec.default.is_null() {
        schema["default"] = spec.default.clone();
    }
    described(&spec.description, schema)
}
