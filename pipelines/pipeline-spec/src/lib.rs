//! Pipeline YAML to a [`PipelineSpec`] and diagnostics.
//!
//! Pure, and total: whatever the text, [`parse`] gives what it could read and says what is wrong
//! with the rest. It knows neither the components nor what an expression means.
//!
//! # Invariant
//!
//! Nothing is expanded, nested or recursed into before the event pass (`guard`) has bounded it.
#![deny(clippy::disallowed_methods)]

mod at;
pub mod code;
pub mod diagnostic;
pub mod duration;
mod guard;
mod index;
pub mod limits;
mod nearest;
mod position;
mod read;
mod scalar;
pub mod schema;
pub mod size;
pub mod spec;
pub mod template;
mod tree;

pub use at::At;
pub use code::Code;
pub use diagnostic::{Collector, Diagnostic, Part, Place, Position, Severity, join};
pub use nearest::{did_you_mean, nearest};
pub use read::MAPS;
pub use spec::PipelineSpec;

use std::collections::BTreeMap;

use component_api::manifest::ParamSpec;
use index::Index;
use spec::ComponentSpec;

/// Reads a pipeline file: what could be read, and everything that is wrong with its form.
///
/// ```
/// let (spec, diagnostics) = pipeline_spec::parse("name: hello\nsteps:\n  greet: { rum: [echo, hi] }\n");
/// assert_eq!(spec.name, "hello");
/// assert_eq!(diagnostics[0].hint, "did you mean `run`?");
/// assert_eq!(diagnostics[0].position.unwrap().line, 3);
/// ```
pub fn parse(text: &str) -> (PipelineSpec, Vec<Diagnostic>) {
    let (spec, mut diagnostics) = parse_unplaced(text);
    locate(text, &mut diagnostics);
    diagnostics.sort_by_key(|d| (d.position, d.code));
    (spec, diagnostics)
}

/// As [`parse`], but most diagnostics have no position yet: for callers that have more of them to
/// [`locate`].
pub fn parse_unplaced(text: &str) -> (PipelineSpec, Vec<Diagnostic>) {
    let mut collector = Collector::default();
    let text = without_byte_order_mark(text);
    let Ok(guarded) = guard::check(text, &mut collector) else {
        return (PipelineSpec::default(), collector.into_vec());
    };
    let Some(tree) = tree::read(text, &mut collector) else {
        return (PipelineSpec::default(), collector.into_vec());
    };
    let mut reader = read::Reader::new(collector);
    let spec = read::pipeline(tree, &mut reader);
    if guarded.respelled {
        reader.check_respelled(text);
    }
    (spec, reader.into_collector().into_vec())
}

/// Reads a component file: what could be read, and everything that is wrong with it.
///
/// ```
/// let text = "name: mine\nversion: 1\noutputs: { rows: Rows }\nrun: [python3, mine.py]\n";
/// let (component, diagnostics) = pipeline_spec::parse_component(text);
/// assert_eq!(component.unwrap().manifest.name, "mine");
/// assert_eq!(diagnostics[0].message, "there is no type `Rows`");
/// ```
pub fn parse_component(text: &str) -> (Option<ComponentSpec>, Vec<Diagnostic>) {
    let mut collector = Collector::default();
    let mut component = None;
    let text = without_byte_order_mark(text);
    if let Ok(guarded) = guard::check(text, &mut collector)
        && let Some(tree) = tree::read(text, &mut collector)
    {
        let mut reader = read::Reader::new(collector);
        component = read::component(tree, &mut reader);
        if guarded.respelled {
            reader.check_respelled(text);
        }
        collector = reader.into_collector();
    }
    let mut diagnostics = collector.into_vec();
    locate(text, &mut diagnostics);
    diagnostics.sort_by_key(|d| (d.position, d.code));
    (component, diagnostics)
}

/// Reads a file of parameters for a pipeline that declares these: a map of names and values, which
/// become the text that `-p NAME=VALUE` would give.
///
/// ```
/// use component_api::manifest::{ParamSpec, ParamType};
/// let declared = [("rate".to_owned(), ParamSpec::new(ParamType::Number, ""))].into();
/// let (values, _) = pipeline_spec::parse_params("rate: 0.5\n", &declared);
/// assert_eq!(values["rate"], "0.5");
/// let (_, diagnostics) = pipeline_spec::parse_params("rat: 0.5\n", &declared);
/// assert_eq!(diagnostics[0].hint, "did you mean `rate`?");
/// ```
pub fn parse_params(
    text: &str,
    declared: &BTreeMap<String, ParamSpec>,
) -> (BTreeMap<String, String>, Vec<Diagnostic>) {
    let mut collector = Collector::default();
    let mut values = BTreeMap::new();
    let text = without_byte_order_mark(text);
    if let Ok(guarded) = guard::check(text, &mut collector)
        && let Some(tree) = tree::read(text, &mut collector)
    {
        let mut reader = read::Reader::new(collector);
        values = read::given_params(tree, declared, &mut reader);
        if guarded.respelled {
            reader.check_respelled(text);
        }
        collector = reader.into_collector();
    }
    let mut diagnostics = collector.into_vec();
    locate(text, &mut diagnostics);
    diagnostics.sort_by_key(|d| (d.position, d.code));
    (values, diagnostics)
}

/// Fills the positions of diagnostics that have none yet.
pub fn locate(text: &str, diagnostics: &mut [Diagnostic]) {
    if diagnostics.iter().all(|d| d.position.is_some()) {
        return;
    }
    let index = Index::build(without_byte_order_mark(text));
    for diagnostic in diagnostics {
        if diagnostic.position.is_none() {
            diagnostic.position = Some(index.position(&diagnostic.place));
        }
    }
}

/// Editors show no byte order mark, so no column counts it.
fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
