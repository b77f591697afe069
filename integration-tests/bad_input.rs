//! What is wrong is told in a sentence, and nothing is half recorded.

use std::fs;

use serde_json::Value;

use crate::support::{Project, step, transcript};

/// What the last attempt of a step says of its failure: code and message.
fn failure(status: &Value, id: &str) -> (String, String) {
    let step = step(status, id);
    assert_eq!(step["state"], "failed", "{step:#}");
    let attempts = step["attempts"].as_array().expect("a step has attempts");
    let message = match attempts.last() {
        Some(attempt) => attempt["error"]["message"].as_str(),
        None => step["reason"]["text"].as_str(),
    };
    let code = attempts
        .last()
        .and_then(|attempt| attempt["error"]["code"].as_str());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (text(code), text(message))
}

fn run_fails(name: &str, pipeline: &str) -> (Project, Value) {
    let project = Project::of(name, pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "failed", "{status:#}");
    (project, status)
}

#[test]
fn a_missing_data_file_is_named() {
    let (_project, status) = run_fails(
        "missing-file",
        "name: p\nsteps:\n  a: { run: [cat], inputs: { x: { files: \"data/nothing.csv\" } } }\n  b: { run: [\"true\"] }\n",
    );
    let (_, message) = failure(&status, "a");
    assert!(message.contains("data/nothing.csv"), "{message}");
    assert_eq!(
        step(&status, "b")["state"],
        "succeeded",
        "the rest of the run goes on"
    );
}

#[test]
fn a_promised_output_that_is_not_there_fails_the_step() {
    let (_project, status) = run_fails(
        "no-output",
        "name: p\nsteps:\n  a: { run: [\"true\"], outputs: { model: Artifact } }\n",
    );
    let (code, message) = failure(&status, "a");
    assert_eq!(code, "output_missing");
    assert!(message.contains("model"), "{message}");
}

#[test]
fn an_output_of_another_form_fails_the_step() {
    let (_project, status) = run_fails(
        "garbage",
        "name: p\nsteps:\n  a:\n    run: echo garbage > \"$OUTPUT_METRICS\"\n    outputs: { metrics: Metrics }\n  b:\n    run: echo rows=many >> \"$ROPEWALK_OUTPUT\"\n    outputs: { rows: integer }\n",
    );
    for id in ["a", "b"] {
        let (code, message) = failure(&status, id);
        assert!(
            code == "output_invalid" || code == "output_value",
            "{code}: {message}"
        );
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let (_project, status) = run_fails(
        "no-program",
        "name: p\nsteps: { a: { run: [no-such-program] } }\n",
    );
    let (code, message) = failure(&status, "a");
    assert_eq!(code, "command_not_found", "{message}");
    assert!(message.contains("no-such-program"), "{message}");
}

#[test]
fn a_component_that_dies_leaves_its_signal() {
    let (_project, status) = run_fails(
        "dies",
        "name: p\nsteps: { a: { run: \"kill -SEGV $$\" } }\n",
    );
    let (code, _) = failure(&status, "a");
    assert_eq!(code, "signalled");
    assert_eq!(step(&status, "a")["attempts"][0]["signal"], 11);
}

#[test]
fn a_state_folder_of_a_newer_version_is_refused() {
    let project = Project::of("newer", "name: p\nsteps: { a: { run: [\"true\"] } }\n");
    assert_eq!(project.run_to_end()["state"], "succeeded");
    project.stop();
    let format = project.read(".ropewalk/format");
    fs::write(
        project.state_dir().join("format"),
        format.replace('1', "999"),
    )
    .expect("it is ours");
    for arguments in [["run", "pipeline.yaml"].as_slice(), &["runs"]] {
        let output = project.command(arguments);
        let said = transcript(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("999"), "{said}");
    }
}

#[test]
fn a_state_folder_that_cannot_be_made_is_refused() {
    let project = Project::of("unwritable", "name: p\nsteps: { a: { run: [\"true\"] } }\n");
    project.write("file", "");
    let output = project.command(&["run", "pipeline.yaml", "--state", "file/state"]);
    let said = transcript(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("file/state"), "{said}");
}

#[test]
fn a_file_that_is_no_text_is_told_with_its_place() {
    let project = Project::new("binary");
    fs::write(project.folder().join("pipeline.yaml"), b"name: p\nx\xff\n").expect("it is ours");
    let document = project.json(&["validate", "pipeline.yaml"]);
    assert_eq!(document["valid"], false);
    let diagnostic = &document["diagnostics"][0];
    assert_eq!(
        (&diagnostic["line"], &diagnostic["column"]),
        (&2.into(), &2.into())
    );
}
