//! Data that arrives in spans: which files a run takes, and what is told of them.

use serde_json::Value;

use crate::support::{Project, step, transcript};

const COUNT: &str = r#"name: count
steps:
  count:
    run: |
      wc -l $INPUT_ROWS >&2
      cp "$INPUT_ROWS" "$OUTPUT_COPY"
    inputs: { rows: { files: "data/span-{SPAN}/v{VERSION}/*.csv" } }
    outputs: { copy: Artifact }
    files: []
  told:
    run: [sh, -c, 'echo "$1" > ../told', sh, "${{ inputs.copy.span }} ${{ steps.count.outputs.copy.span }}"]
    inputs: { copy: count.copy }
"#;

/// A property of the newest artifact of a step's port.
pub(crate) fn property(project: &Project, step: &str, port: &str, name: &str) -> Value {
    let list = project.json(&["artifacts"]);
    let artifacts = list["artifacts"].as_array().expect("a list of artifacts");
    let found = artifacts
        .iter()
        .find(|a| a["step"] == step && a["name"] == port);
    let found = found.unwrap_or_else(|| panic!("no {step}.{port} in {list:#}"));
    found["properties"][name].clone()
}

#[test]
fn a_command_takes_the_newest_span_and_what_it_makes_is_of_that_span() {
    let project = Project::of("spans", COUNT);
    project.write("data/span-9/v1/a.csv", "a\n9\n");
    project.write("data/span-10/v1/a.csv", "a\n10\n");
    project.write("data/span-10/v2/a.csv", "a\n10\n");
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(property(&project, "count", "rows", "span"), 10);
    assert_eq!(property(&project, "count", "rows", "version"), 2);
    assert_eq!(property(&project, "count", "copy", "span"), 10);
    assert_eq!(project.read("../told"), "10 10\n");

    // Nothing new: nothing runs but what always does.
    let status = project.run_to_end();
    assert_eq!(step(&status, "count")["state"], "reused", "{status:#}");

    // A new span with the same rows is other data.
    project.write("data/span-11/v1/a.csv", "a\n10\n");
    let plan = project.json(&["plan", "pipeline.yaml"]);
    let planned = step(&plan, "count");
    assert_eq!(planned["action"], "run", "{plan:#}");
    let why = "input `rows` is of span 11, and was of span 10";
    assert_eq!(planned["reason"]["text"], why);
    let status = project.run_to_end();
    assert_eq!(step(&status, "count")["state"], "succeeded", "{status:#}");
    assert_eq!(property(&project, "count", "copy", "span"), 11);
}

#[test]
fn a_pinned_span_is_taken_whatever_is_there() {
    let pinned = r#"name: pinned
steps:
  take:
    run: cp "$INPUT_ROWS" "$OUTPUT_COPY"
    inputs: { rows: { files: "data/{YYYY}{MM}{DD}.csv", span: 2024-02-29 } }
    outputs: { copy: Artifact }
"#;
    let project = Project::of("pinned", pinned);
    project.write("data/20240301.csv", "new\n");
    let status = project.run_to_end();
    let failure = &step(&status, "take")["reason"];
    assert_eq!(step(&status, "take")["state"], "failed", "{status:#}");
    let text = failure["text"].as_str().unwrap_or_default();
    assert!(
        text.contains("no file of span 19782 matches"),
        "{failure:#}"
    );
    project.write("data/20240229.csv", "old\n");
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(property(&project, "take", "copy", "span"), 19_782);
    let output = project.command(&["show", "take.copy", "--path"]);
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let copy = std::fs::read_to_string(path);
    assert_eq!(
        copy.ok().as_deref(),
        Some("old\n"),
        "{}",
        transcript(&output)
    );
}
