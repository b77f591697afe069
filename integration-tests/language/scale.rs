//! The largest pipelines.

use pipeline_spec::limits::TEXT_BYTES_MAX;

use crate::support::{Project, transcript};

/// A pipeline of this many bytes, most of them in comments.
fn pipeline_of(bytes: usize) -> String {
    let mut text = "name: large\nsteps: { a: { run: [echo] } }\n".to_owned();
    let line = format!("# {}\n", "padding ".repeat(120));
    while text.len() + line.len() < bytes {
        text.push_str(&line);
    }
    text.extend(std::iter::repeat_n('#', bytes - text.len()));
    text
}

#[test]
fn a_file_of_the_most_bytes_runs_and_a_larger_one_is_refused_with_the_number() {
    let project = Project::of("large-file", &pipeline_of(TEXT_BYTES_MAX));
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    project.write("pipeline.yaml", &pipeline_of(TEXT_BYTES_MAX + 1));
    let output = project.command(&["run", "pipeline.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = "the file has 16777217 bytes; a pipeline file may have 16777216";
    assert!(said.contains(told), "{said}");
}
