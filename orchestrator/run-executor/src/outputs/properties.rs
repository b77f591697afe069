//! An artifact's properties: what the component says of it, else what its own JSON says at the top.

use std::collections::BTreeMap;
use std::path::Path;

use component_api::artifact::Layout;
use component_api::contract::RuntimeArtifact;
use run_engine::artifact::SPAN;
use serde_json::{Map, Value};

use super::layout_check::{json, read_json};
use super::tree::Tree;
use crate::limits::PROPERTIES_MAX;

/// Names that an artifact has anyway in expressions.
const RESERVED: [&str; 3] = ["digest", NAME, "uri"];
/// What a model is called: it is found, compared and pushed by that name. Expressions show the
/// artifact's own in its place.
const NAME: &str = "name";
/// The type whose artifacts have a name of their own, in their signature.
const MODEL: &str = "Model";
/// What a model's signature says at its top of the model as a whole.
const OF_SIGNATURE: [&str; 3] = ["flavour", NAME, "task"];

/// The first `PROPERTIES_MAX` by name. What is made of data of a span is of that span, unless the
/// component says otherwise.
pub(crate) fn read(
    type_name: &str,
    layout: Layout,
    tree: &Tree,
    root: &Path,
    said: Option<&RuntimeArtifact>,
    span: Option<i64>,
) -> BTreeMap<String, Value> {
    let said = said.map(|artifact| &artifact.metadata);
    let mut found = match said.filter(|metadata| !metadata.is_empty()) {
        Some(metadata) => metadata.clone(),
        None => scalars(match type_name {
            "Blessing" => read_json(&root.join("blessing.json")).ok(),
            _ if layout == Layout::Json => json(tree, root).ok(),
            _ => None,
        }),
    };
    let said_name = said.and_then(|metadata| metadata.get(NAME)).cloned();
    found.retain(|name, value| !RESERVED.contains(&name.as_str()) && !value.is_null());
    if let Some(name) = said_name.filter(Value::is_string) {
        found.insert(NAME.to_owned(), name);
    }
    if type_name == MODEL {
        for (name, value) in of_signature(root) {
            found.entry(name).or_insert(value);
        }
    }
    let span = found.remove(SPAN).or(span.map(Value::from));
    let most = PROPERTIES_MAX - usize::from(span.is_some());
    let found = found.into_iter().take(most);
    found
        .chain(span.map(|span| (SPAN.to_owned(), span)))
        .collect()
}

/// What the signature says of a model, so that one made by any program has a name too.
fn of_signature(root: &Path) -> Map<String, Value> {
    let mut found = scalars(read_json(&root.join("signature.json")).ok());
    found.retain(|name, value| OF_SIGNATURE.contains(&name.as_str()) && value.is_string());
    found
}

/// The entries of a map that are text, numbers or booleans.
fn scalars(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(entries)) => entries
            .into_iter()
            .filter(|(_, value)| !value.is_array() && !value.is_object())
            .collect(),
        _ => Map::new(),
    }
}
