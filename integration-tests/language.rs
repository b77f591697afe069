//! The pipeline language, executed: what a file says is what happens.

mod attempts;
mod components;
mod flow;
mod keys;
mod ports;
mod resolvers;
mod scale;
mod selection;
mod sharing;
mod shell;
mod spans;

use crate::support::{Project, transcript};

/// The reference, whose examples are whole files where they begin with a name.
const REFERENCE: &str = include_str!("../docs/pipeline-language.md");

#[test]
fn the_examples_of_the_reference_are_valid() {
    let blocks = REFERENCE.split("```yaml\n").skip(1);
    let examples = blocks.filter_map(|block| block.split("```").next());
    let mut number = 0;
    let project = Project::new("reference");
    for example in examples.filter(|example| example.starts_with("name:")) {
        number += 1;
        let file = format!("example-{number}.yaml");
        project.write(&file, example);
        let output = project.command(&["validate", &file]);
        assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    }
    assert!(number > 1, "the reference has examples");
}
