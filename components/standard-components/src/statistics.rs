//! `statistics`: what every column of every split holds.
//!
//! Thin: `example_data::statistics` computes. It does not know what the data should look like.

use std::path::Path;

use component_api::catalog::Problem;
use component_api::manifest::Manifest;
use example_data::examples::Examples;
use example_data::{schema, statistics};
use serde_json::{Map, Value};

use crate::invocation::{Failure, Invocation, Outcome};
use crate::registry::StandardComponent;

/// The component.
pub(crate) const COMPONENT: StandardComponent = StandardComponent {
    manifest,
    check,
    run,
};

fn manifest() -> Manifest {
    Manifest::new(
        "statistics",
        "1",
        "Computes the statistics of every column of every split, in one pass.",
    )
    .input("examples", "Examples", "The rows.")
    .optional_input(
        "schema",
        "Schema",
        "Says which integers are categories (`int_domain: { is_categorical: true }`) and are counted \
         as such.",
    )
    .output(
        "statistics",
        "Statistics",
        "For each split its statistics, with the names of TensorFlow Metadata.",
    )
}

fn check(_params: &Map<String, Value>) -> Vec<Problem> {
    Vec::new()
}

fn run(invocation: &mut Invocation) -> Result<Outcome, Failure> {
    let examples = Examples::open(invocation.input("examples")?)?;
    let schema = invocation
        .optional_input("schema")
        .map(schema::read)
        .transpose()?;
    let output = invocation.output("statistics")?;
    for split in examples.splits() {
        compute(invocation, &examples, split, schema.as_ref(), &output)?;
    }
    let splits = examples.splits().to_vec();
    invocation.set_property("statistics", "split_names", splits);
    let span = invocation.input_property("examples", "span");
    invocation.set_property("statistics", "span", span);
    Ok(Outcome::Succeeded)
}

fn compute(
    invocation: &Invocation,
    examples: &Examples,
    split: &str,
    schema: Option<&schema::Schema>,
    output: &Path,
) -> Result<(), Failure> {
    let sketch = statistics::compute_split(examples, split, schema)?;
    statistics::write(output, split, &sketch)?;
    let found = sketch.finish(split);
    invocation.note(&format!(
        "{split}: {} rows, {} columns",
        found.num_examples,
        found.features.len()
    ));
    if found.num_examples == 0 {
        invocation.note(&format!(
            "warning: the split {split} has no rows, so its statistics say nothing"
        ));
    }
    Ok(())
}
