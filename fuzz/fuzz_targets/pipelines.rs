//! Whatever the text: a sentence with a place comes back, and never a panic.
#![no_main]

use component_api::catalog::{Catalog, Component};
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use libfuzzer_sys::fuzz_target;

/// Components with ports and parameters of every kind.
fn catalog() -> Catalog {
    let spec = ParamSpec::new;
    let ingest = Manifest::new("ingest", "1", "Reads files")
        .input("source", "Files", "What to read")
        .output("examples", "Examples", "The rows")
        .param("splits", spec(ParamType::Map, "Weights by split"));
    let train = Manifest::new("train", "1", "Trains a model")
        .many_input("examples", "Examples", true, "What to learn from")
        .output("model", "Model", "The model")
        .param("model", spec(ParamType::String, "Its name").required())
        .param(
            "rate",
            spec(ParamType::Number, "Step size").between(0.0, 1.0),
        );
    Catalog::new([ingest, train].map(|manifest| Component {
        manifest,
        check: |_| Vec::new(),
    }))
}

fuzz_target!(|bytes: &[u8]| {
    // The binary reads files in just this way.
    let text = String::from_utf8_lossy(bytes);
    let compiled = pipeline_plan::compile_text(&text, &catalog());
    // YAML ends a line with LF, CR LF or a CR alone.
    let lines = 1 + text.replace("\r\n", "\n").matches(['\n', '\r']).count();
    for diagnostic in &compiled.diagnostics {
        let at = diagnostic.position.expect("every diagnostic has a place");
        assert!(
            at.line >= 1 && at.column >= 1 && at.line <= lines,
            "{diagnostic:?}"
        );
        assert!(!diagnostic.message.is_empty(), "{diagnostic:?}");
    }
    let has_errors = compiled
        .diagnostics
        .iter()
        .any(pipeline_spec::Diagnostic::is_error);
    assert_eq!(compiled.plan.is_none(), has_errors);
});
