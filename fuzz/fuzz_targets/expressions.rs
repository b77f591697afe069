//! Whatever the expression: it is refused in words when compiled, or evaluated within its bounds.
#![no_main]

use std::collections::BTreeMap;

use component_api::catalog::Catalog;
use libfuzzer_sys::fuzz_target;
use pipeline_plan::expression::{Scope, resolve_text};

/// A pipeline with names of every kind for the expression to speak of.
const PIPELINE: &str = "name: x
params: { n: 1, s: text, l: { type: list, default: [1, a] }, m: { type: map, default: { k: 1.5 } } }
steps:
  one: { run: [x], outputs: { rows: integer, model: Model } }
  two:
    run: [x]
    env: { A: TEXT }
";

fuzz_target!(|bytes: &[u8]| {
    let expression = String::from_utf8_lossy(bytes);
    let text = format!("${{{{ {expression} }}}}");
    // As a pipeline holds it; quoted, so that only the expression is at stake.
    let quoted = serde_json::to_string(&text).expect("text is JSON");
    let pipeline = PIPELINE.replace("TEXT", &quoted);
    let compiled = pipeline_plan::compile_text(&pipeline, &Catalog::default());
    for diagnostic in &compiled.diagnostics {
        assert!(diagnostic.position.is_some(), "{diagnostic:?}");
    }
    // And as a run evaluates it, compiled or not.
    let params = BTreeMap::from([("n".to_owned(), 1.into()), ("s".to_owned(), "text".into())]);
    let scope = Scope {
        params: &params,
        step: &|_| None,
        values: &BTreeMap::new(),
    };
    let _ = resolve_text(&text, &scope);
});
