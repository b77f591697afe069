//! The JSON Schema has something to say of every key that the reader knows.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use component_api::catalog::Catalog;
use pipeline_spec::schema::schema;
use serde_json::Value;

/// The keys that are described by nothing, by their path in the schema.
fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                if path.ends_with("/properties") && *value == Value::Bool(true) {
                    found.push(format!("{path}/{key}"));
                }
                undescribed(value, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                undescribed(item, &format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_key_of_the_language_is_described() {
    let schema = schema(&Catalog::default());
    let mut found = Vec::new();
    undescribed(&schema, "", &mut found);
    assert!(
        found.is_empty(),
        "pipeline-spec/src/schema.rs and schema/ say nothing of {found:#?}"
    );
}

#[test]
fn the_keys_are_those_that_are_documented() {
    let page =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pipeline-language.md");
    let page = std::fs::read_to_string(page).unwrap();
    let schema = schema(&Catalog::default());
    let places = ["/properties", "/definitions/step/properties"];
    let keys = places
        .iter()
        .flat_map(|place| schema.pointer(place).unwrap().as_object().unwrap().keys());
    let missing: Vec<&String> = keys
        .filter(|key| !page.contains(&format!("| `{key}` |")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/pipeline-language.md has no row for {missing:?}"
    );
}
