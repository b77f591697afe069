//! The language as a JSON Schema, for editors.
//!
//! It reads the same tables of keys as the reader, so it has a property for every key that the reader
//! knows, and no other; a test fails where a key is described by nothing. It says what form can say:
//! names, expressions and everything between steps are the compiler's.
//!
//! Draft 7, which every editor understands. Merges and aliases are resolved before it is asked.
#![expect(
    clippy::needless_pass_by_value,
    reason = "fragments are made to be put into the whole; that `json!` copies them is its affair"
)]

mod settings;
mod step;
mod uses;

use component_api::catalog::Catalog;
use component_api::manifest::ParamType;
use serde_json::{Map, Value, json};

use crate::limits::{IDENTIFIER_CHARACTERS_MAX, MAX_RUNS_MAX, NAME_CHARACTERS_MAX};
use crate::read::{params, pipeline, resources};

/// What a pipeline file may look like, with the components of this catalog.
pub fn schema(catalog: &Catalog) -> Value {
    let mut root = object(pipeline::KEYS, top);
    let more = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Ropewalk pipeline",
        "required": ["name", "steps"],
        "patternProperties": { format!("^{}", pipeline::USERS_PREFIX): true },
        "definitions": {
            "step": step::step(catalog),
            "input": step::input(),
            "source": step::source(),
            "param": param(),
            "duration": duration(),
        },
    });
    extend(&mut root, more);
    root
}

/// A map with these keys and no others.
fn object(keys: &[&str], property: impl Fn(&str) -> Value) -> Value {
    let properties = keys.iter().map(|key| ((*key).to_owned(), property(key)));
    json!({
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

fn top(key: &str) -> Value {
    match key {
        "name" => described(
            "The pipeline's name: runs, reuse and models' lineage go by it",
            json!({ "allOf": [literal(), { "minLength": 1, "maxLength": NAME_CHARACTERS_MAX, "pattern": "^\\S(.*\\S)?$" }] }),
        ),
        "description" => described("For people", or_nothing(literal())),
        "params" => described(
            "Values that `ropewalk run -p NAME=VALUE` sets",
            or_nothing(named(reference("param"))),
        ),
        "defaults" => described(
            "For every step that does not say it itself",
            or_nothing(settings::defaults()),
        ),
        "concurrency" => described(
            "How many of its runs there may be at once",
            or_nothing(object(resources::CONCURRENCY, concurrency)),
        ),
        "steps" => {
            let mut steps = named(reference("step"));
            steps["minProperties"] = json!(1);
            described("The steps; a key is a step's id", steps)
        }
        "finally" => described(
            "Steps that run after all others, whatever became of them",
            or_nothing(named(reference("step"))),
        ),
        _ => undescribed(),
    }
}

/// A pipeline's parameter: a default, or a declaration.
fn param() -> Value {
    let mut declaration = object(params::KEYS, declaration);
    declaration["anyOf"] = json!([{ "required": ["type"] }, { "required": ["default"] }]);
    json!({ "anyOf": [literal(), declaration] })
}

fn declaration(key: &str) -> Value {
    match key {
        "type" => json!({ "enum": params::TYPES }),
        "default" => described("Its value where none is given", json!({})),
        "min" => described("The least number", json!({ "type": ["number", "null"] })),
        "max" => described("The greatest number", json!({ "type": ["number", "null"] })),
        "values" => described(
            "The only values allowed",
            json!({ "type": ["array", "null"], "minItems": 1 }),
        ),
        "required" => described("Whether a value must be given", boolean()),
        "description" => described("For people", or_nothing(literal())),
        _ => undescribed(),
    }
}

/// How many runs of the pipeline there may be at once.
fn concurrency(key: &str) -> Value {
    match key {
        "max_runs" => described(
            "How many of its runs go on at once",
            json!({ "type": ["integer", "null"], "minimum": 1, "maximum": MAX_RUNS_MAX }),
        ),
        "when_busy" => {
            let words = resources::WHEN_BUSY.iter().map(|(word, _)| json!(word));
            let words: Vec<Value> = words.chain([Value::Null]).collect();
            described("What becomes of one more", json!({ "enum": words }))
        }
        _ => undescribed(),
    }
}

/// See `crate::duration`.
fn duration() -> Value {
    let number = "[0-9]+(\\.[0-9]+)?";
    let units = ["w", "d", "h", "m", "s", "ms"].map(|unit| format!("({number}{unit})?"));
    let dates = ["w", "d"].map(|unit| format!("({number}{unit})?"));
    let clock = ["h", "m", "s"].map(|unit| format!("({number}{unit})?"));
    let iso = format!("[Pp]{}([Tt]{})?", dates.concat(), clock.concat());
    // JSON Schema's patterns know no flag for letters of either case.
    let iso = ["w", "d", "h", "m", "s"].iter().fold(iso, |iso, unit| {
        let both = format!("[{}{unit}]", unit.to_ascii_uppercase());
        iso.replace(&format!("{unit})?"), &format!("{both})?"))
    });
    json!({
        "type": "string",
        "pattern": format!("^({}|{iso})$", units.concat()),
        "minLength": 2,
        "description": "90s, 1h30m, 2d, PT5M",
    })
}

/// A map whose keys are names of steps, ports or parameters.
fn named(value: Value) -> Value {
    let more = IDENTIFIER_CHARACTERS_MAX - 1;
    json!({
        "type": "object",
        "propertyNames": { "pattern": format!("^[A-Za-z_][A-Za-z0-9_-]{{0,{more}}}$") },
        "additionalProperties": value,
    })
}

/// Text, in which expressions are evaluated; a number or boolean is read as text.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

/// Text in which no expression is evaluated.
fn literal() -> Value {
    json!({ "type": ["string", "number", "boolean"], "not": expression() })
}

/// Text with an expression in it.
fn expression() -> Value {
    json!({ "type": "string", "pattern": "\\$\\{\\{" })
}

fn boolean() -> Value {
    json!({ "type": ["boolean", "null"] })
}

/// An empty value is as good as none.
fn or_nothing(value: Value) -> Value {
    json!({ "anyOf": [{ "type": "null" }, value] })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

/// Editors show the description of the property, not of what it refers to.
fn described(description: &str, mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        // What stands beside a reference is passed over in this draft.
        schema = json!({ "allOf": [schema] });
    }
    schema["description"] = description.into();
    schema
}

/// A key of the reader that has no description here: a test finds it.
fn undescribed() -> Value {
    Value::Bool(true)
}

fn extend(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}

/// The words of the types that a value may have.
fn type_words(param_type: ParamType) -> Value {
    match param_type {
        ParamType::String => json!("string"),
        ParamType::Integer => json!("integer"),
        ParamType::Number => json!("number"),
        ParamType::Boolean => json!("boolean"),
        ParamType::List => json!("array"),
        ParamType::Map => json!("object"),
        ParamType::Any => json!(["string", "number", "boolean", "array", "object", "null"]),
    }
}
