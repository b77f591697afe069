//! A step, and what stands in it.

use component_api::artifact::ARTIFACT_TYPES;
use component_api::catalog::Catalog;
use serde_json::{Value, json};

use super::settings::{one_or_many, path, setting};
use super::{
    boolean, described, expression, literal, named, object, or_nothing, reference, text,
    undescribed, uses,
};
use crate::limits::{IDENTIFIER_CHARACTERS_MAX, ITEMS_MAX, SPANS_MAX};
use crate::read::{approve, input, params, step as reader};

/// A step: of one kind, with what that kind takes.
pub(super) fn step(catalog: &Catalog) -> Value {
    let mut step = object(reader::KEYS, |key| property(key, catalog));
    let kinds = reader::KINDS
        .iter()
        .map(|kind| json!({ "required": [kind] }));
    step["oneOf"] = kinds.collect();
    let without = |keys: &[&str]| {
        let keys = keys.iter().map(|key| ((*key).to_owned(), json!(false)));
        json!({ "properties": keys.collect::<serde_json::Map<_, _>>() })
    };
    // A component file runs a command, which may depend on files and work somewhere.
    let mut rules = vec![json!({
        "if": { "required": ["uses"] },
        "then": {
            "if": { "properties": { "uses": uses::component_file() } },
            "then": without(&reader::RUN_ONLY[..1]),
            "else": without(reader::RUN_ONLY),
        },
    })];
    // No program is started for a question.
    rules.push(json!({ "if": { "required": ["approve"] }, "then": without(approve::NO_KEYS) }));
    rules.push(
        json!({ "if": { "required": ["max_parallel"] }, "then": { "required": ["foreach"] } }),
    );
    rules.extend(
        catalog
            .iter()
            .map(|component| uses::rule(&component.manifest)),
    );
    step["allOf"] = rules.into();
    step
}

fn property(key: &str, catalog: &Catalog) -> Value {
    match key {
        "uses" => described("A component", uses::names(catalog)),
        "run" => described(
            "A command: a list is executed as it is, text runs under `sh -eu -c`",
            run(),
        ),
        "approve" => described(
            "A question to a person, and the model it is about",
            question(),
        ),
        "inputs" => described(
            "What it takes, by port",
            or_nothing(named(reference("input"))),
        ),
        "with" => described("The component's parameters", or_nothing(named(json!({})))),
        "outputs" => described("What a command gives, by port", or_nothing(named(output()))),
        "needs" => described(
            "Steps that must have succeeded before it",
            or_nothing(one_or_many(literal())),
        ),
        "if" => described(
            "Whether it runs: `${{ ... }}`, true or false",
            json!({ "anyOf": [boolean(), { "type": "string", "pattern": "^\\s*\\$\\{\\{" }] }),
        ),
        "foreach" => described(
            "The step is done for each item of it: a list, or `${{ ... }}` that gives one",
            json!({ "anyOf": [
                { "type": "array", "maxItems": ITEMS_MAX },
                { "type": "string", "pattern": "^\\s*\\$\\{\\{" },
                { "type": "null" },
            ] }),
        ),
        "max_parallel" => described(
            "How many items of `foreach` there are at once",
            or_nothing(json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })),
        ),
        "description" => described("For people", or_nothing(literal())),
        _ => setting(key),
    }
}

fn run() -> Value {
    let shell = json!({ "type": "string", "pattern": "\\S", "not": expression() });
    json!({ "anyOf": [shell, { "type": "array", "minItems": 1, "items": text() }] })
}

/// What is asked, or `{ message, model }`.
fn question() -> Value {
    let asked =
        || json!({ "allOf": [text(), { "not": { "type": "string", "pattern": "^\\s*$" } }] });
    let mut long = object(approve::KEYS, |key| match key {
        "message" => described("What is asked", asked()),
        "model" => described("The model that is approved", reference("input")),
        _ => undescribed(),
    });
    long["required"] = json!(["message"]);
    json!({ "anyOf": [asked(), long] })
}

/// `Type`, or `{ type, optional }`.
fn output() -> Value {
    let artifacts = ARTIFACT_TYPES.iter().map(|t| t.name);
    let types: Vec<&str> = artifacts.chain(params::TYPES.iter().copied()).collect();
    let types = json!({ "enum": types });
    let mut declaration = object(reader::OUTPUT_KEYS, |key| match key {
        "type" => types.clone(),
        "optional" => described("Whether the step may succeed without it", boolean()),
        _ => undescribed(),
    });
    declaration["required"] = json!(["type"]);
    json!({ "anyOf": [types, declaration] })
}

/// What a port is given.
pub(super) fn input() -> Value {
    json!({ "anyOf": [reference("source"), { "type": "array", "items": reference("source") }] })
}

/// `step.port`, or a resolver.
pub(super) fn source() -> Value {
    let resolvers = input::RESOLVERS.iter().map(|(name, beside)| {
        let keys = [&[*name], *beside].concat();
        let mut resolver = object(&keys, resolver);
        let needed: &[&str] = if *name == "import" {
            &["import", "type"]
        } else {
            &[*name]
        };
        resolver["required"] = json!(needed);
        resolver
    });
    let forms: Vec<Value> = [port()].into_iter().chain(resolvers).collect();
    json!({ "anyOf": forms })
}

/// `step.port`.
fn port() -> Value {
    let more = IDENTIFIER_CHARACTERS_MAX - 1;
    let identifier = format!("[A-Za-z_][A-Za-z0-9_-]{{0,{more}}}");
    json!({ "type": "string", "pattern": format!("^{identifier}\\.{identifier}$") })
}

fn resolver(key: &str) -> Value {
    let name = || json!({ "allOf": [literal(), { "minLength": 1 }] });
    match key {
        "files" => described(
            "External files: found, digested and recorded",
            one_or_many(path()),
        ),
        "span" => described(
            "Which span of the files",
            json!({ "type": ["integer", "null"] }),
        ),
        "import" => described("Something made elsewhere: a path or file:///PATH", name()),
        "type" => {
            let types = ARTIFACT_TYPES.iter().map(|found| found.name);
            let types: Vec<&str> = types.filter(|name| *name != "Files").collect();
            described("The artifact type of the import", json!({ "enum": types }))
        }
        "latest" => described("The newest artifact of that output", port()),
        "pipeline" => described("Of which pipeline; this one if absent", or_nothing(name())),
        "latest_spans" => described("The artifacts of the newest spans of that output", port()),
        "count" => described(
            "How many spans",
            json!({ "type": ["integer", "null"], "minimum": 1, "maximum": SPANS_MAX }),
        ),
        "previous_span" => described(
            "The artifact of that output with the greatest smaller span",
            port(),
        ),
        "latest_pushed" => described("The newest model of this name that was pushed", name()),
        "latest_blessed" => described(
            "The newest model of this name with a passing evaluation",
            name(),
        ),
        _ => undescribed(),
    }
}
