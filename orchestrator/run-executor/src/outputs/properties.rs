//! An artifact's properties: what the component says of it, else what its own JSON says at the top.

use std::collections::BTreeMap;
use std::path::Path;

use component_api::artifact::Layout;
use component_api::contract::RuntimeArtifact;
use serde_json::{Map, Value};

use super::layout_check::{json, read_json};
use super::tree::Tree;
use crate::limits::PROPERTIES_MAX;

/// Names that an artifact has anyway in expressions.
const RESERVED: [&str; 3] = ["digest", NAME, "uri"];
/// A component may say what a model is called: it is found, compared and pushed by that name.
/// Expressions show the artifact's own in its place.
const NAME: &str = "name";

/// The first `PROPERTIES_MAX` by name.
pub(super) fn read(
    type_name: &str,
    layout: Layout,
    tree: &Tree,
    root: &Path,
    said: Option<&RuntimeArtifact>,
) -> BTreeMap<String, Value> {
    let said = said.map(|artifact| &artifact.metadata);
    let said = said.filter(|metadata| !metadata.is_empty());
    let names_itself = said.is_some();
    let found = match said {
        Some(metadata) => metadata.clone(),
        None => scalars(match type_name {
            "Blessing" => read_json(&root.join("blessing.json")).ok(),
            _ if layout == Layout::Json => json(tree, root).ok(),
            _ => None,
        }),
    };
    found
        .into_iter()
        .filter(|(name, value)| {
            let reserved = RESERVED.contains(&name.as_str()) && !(names_itself && name == NAME);
            !reserved && !value.is_null()
        })
        .take(PROPERTIES_MAX)
        .collect()
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
