//! A catalog like the standard one, small enough to read beside the tests.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fmt::Write as _;

use component_api::catalog::{Catalog, Component, Problem};
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use pipeline_plan::{Compiled, Plan, compile_text};
use pipeline_spec::Diagnostic;
use serde_json::{Map, Value};

pub(crate) fn catalog() -> Catalog {
    let spec = ParamSpec::new;
    let ingest = Manifest::new("ingest", "1", "Reads files")
        .input("source", "Files", "What to read")
        .optional_input("schema", "Schema", "Its types")
        .output("examples", "Examples", "The rows")
        .param("splits", spec(ParamType::Map, "Weights by split"));
    let statistics = Manifest::new("statistics", "1", "Describes data")
        .input("examples", "Examples", "What to describe")
        .output("statistics", "Statistics", "The description");
    let schema = Manifest::new("schema", "1", "Infers or takes a schema")
        .optional_input("statistics", "Statistics", "What to infer from")
        .optional_input("curated", "Files", "A schema from git")
        .output("schema", "Schema", "The schema");
    let validate = Manifest::new("validate", "1", "Checks data")
        .input("statistics", "Statistics", "What to check")
        .input("schema", "Schema", "Against what")
        .output("anomalies", "Anomalies", "What is wrong")
        .param(
            "fail_on",
            spec(ParamType::String, "When to refuse").one_of(&["error", "warning", "never"]),
        );
    let transform = Manifest::new("transform", "1", "Prepares features")
        .many_input("examples", "Examples", false, "What to prepare")
        .input("schema", "Schema", "Its types")
        .output("graph", "TransformGraph", "How it was prepared")
        .output("examples", "Examples", "The features")
        .param(
            "label",
            spec(ParamType::Any, "A column or an expression").required(),
        );
    let train = Manifest::new("train", "2", "Trains a model")
        .input("examples", "Examples", "What to learn from")
        .optional_input("graph", "TransformGraph", "How it was prepared")
        .output("model", "Model", "The model")
        .output("metrics", "Metrics", "How well it does")
        .param(
            "model",
            spec(ParamType::String, "The model's name").required(),
        )
        .param(
            "seed",
            spec(ParamType::Integer, "For randomness").default_value(1),
        )
        .param(
            "rate",
            spec(ParamType::Number, "Step size")
                .default_value(0.1)
                .between(0.0, 1.0),
        );
    let evaluate = Manifest::new("evaluate", "1", "Judges a model")
        .input("model", "Model", "What to judge")
        .input("examples", "Examples", "By what")
        .optional_input("baseline", "Model", "The model to beat")
        .output("evaluation", "Evaluation", "The metrics")
        .output("blessing", "Blessing", "The verdict")
        .param(
            "thresholds",
            spec(ParamType::List, "What it must reach").default_value(Value::Array(Vec::new())),
        );
    let push = Manifest::new("push", "1", "Publishes a model")
        .input("model", "Model", "What to publish")
        .many_input("blessings", "Blessing", true, "Why it may be published")
        .output("pushed", "PushedModel", "What was published")
        .param(
            "destination",
            spec(ParamType::String, "Where to").required(),
        )
        .always_runs();
    let plain = [ingest, statistics, schema, validate, transform, train, push];
    let plain = plain.into_iter().map(|manifest| Component {
        manifest,
        check: |_| Vec::new(),
    });
    Catalog::new(plain.chain([Component {
        manifest: evaluate,
        check: check_thresholds,
    }]))
}

/// Every threshold has a `min` below 1.
fn check_thresholds(params: &Map<String, Value>) -> Vec<Problem> {
    let thresholds = params.get("thresholds").and_then(Value::as_array);
    let thresholds = thresholds.into_iter().flatten().enumerate();
    thresholds
        .filter(|(_, threshold)| threshold["min"].as_f64().is_none_or(|min| min > 1.0))
        .map(|(index, _)| Problem {
            path: format!("/thresholds/{index}/min"),
            message: "no metric reaches more than 1".to_owned(),
            hint: "use a number from 0 to 1".to_owned(),
        })
        .collect()
}

pub(crate) fn compiled(text: &str) -> Compiled {
    compile_text(text, &catalog())
}

/// The plan of a pipeline in which nothing is wrong, not even in passing.
#[track_caller]
pub(crate) fn plan(text: &str) -> Plan {
    let compiled = compiled(text);
    assert_eq!(rendered(text, &compiled.diagnostics), "");
    compiled.plan.unwrap()
}

/// Diagnostics as a compiler shows them, with the place marked below its line.
pub(crate) fn rendered(text: &str, diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut result = String::new();
    for found in diagnostics {
        let at = found.position.unwrap();
        let line = lines.get(at.line - 1).copied().unwrap_or_default();
        let end = if at.end_line == at.line {
            at.end_column
        } else {
            line.chars().count() + 1
        };
        let marks = "^".repeat(end.saturating_sub(at.column).max(1));
        let severity = found.severity.word();
        writeln!(
            result,
            "{severity}[{}] at {}:{}: {}\n  | {line}\n  | {}{marks}",
            found.code,
            at.line,
            at.column,
            found.message,
            " ".repeat(at.column - 1),
        )
        .unwrap();
        for (index, hint) in found.hint.lines().enumerate() {
            let sign = if index == 0 { "=" } else { " " };
            writeln!(result, "  {sign} {hint}").unwrap();
        }
    }
    result
}
