//! What is run again and what is not, through the command line.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Project;

const PIPELINE: &str = r#"name: reuse
params:
  size: { type: integer, default: 2 }
steps:
  read:
    run: cat "$INPUT_SOURCE" > "$OUTPUT_DATA"
    inputs: { source: { files: "data/*.txt" } }
    outputs: { data: Artifact }
    files: [ropewalk.yaml]
  train:
    run: [python3, train.py]
    inputs: { data: read.data }
    outputs: { model: Artifact }
    env: { SIZE: "${{ params.size }}" }
  measure:
    run: wc -c < "$INPUT_MODEL" > "$OUTPUT_SIZE"
    inputs: { model: train.model }
    outputs: { size: Artifact }
    files: [ropewalk.yaml]
  aside:
    run: echo aside > "$OUTPUT_TEXT"
    outputs: { text: Artifact }
    files: [ropewalk.yaml]
  always: { run: [echo, done], needs: [measure] }
"#;

fn project() -> Project {
    let project = Project::of("reuse", PIPELINE);
    project.write("data/a.txt", "some data\n");
    project.write(
        "train.py",
        "import os\nimport model\nopen(os.environ['OUTPUT_MODEL'], 'w').write(model.made(os.environ['SIZE']))\n",
    );
    project.write(
        "model.py",
        "def made(size):\n    return 'model' * int(size)\n",
    );
    project
}

/// The state of every step, by its id.
fn states(status: &Value) -> BTreeMap<&str, &str> {
    let steps = status["steps"]
        .as_array()
        .expect("a status has steps")
        .iter();
    steps
        .map(|step| (step["id"].as_str(), step["state"].as_str()))
        .map(|(id, state)| (id.expect("text"), state.expect("text")))
        .collect()
}

#[test]
fn only_what_depends_on_a_change_runs_again() {
    let project = project();
    let check = |what: &str, arguments: &[&str], run: &[&str]| {
        let plan = project.json(&[&["plan", "pipeline.yaml"], arguments].concat());
        let status = project.run_with(arguments);
        assert_eq!(status["state"], "succeeded", "{what}: {status:#}");
        for (id, state) in states(&status) {
            let expected = if run.contains(&id) {
                "succeeded"
            } else {
                "reused"
            };
            assert_eq!(state, expected, "{what}: {id}: {status:#}");
            let planned = plan["steps"].as_array().expect("a plan has steps");
            let planned = planned
                .iter()
                .find(|step| step["id"] == id)
                .expect("the same steps");
            let action = planned["action"].as_str().expect("text");
            let fits = match action {
                "reuse" => !run.contains(&id),
                "run" => run.contains(&id),
                // It depends on what a step before it gives.
                _ => true,
            };
            assert!(fits, "{what}: {id} was planned to {action}: {planned:#}");
        }
    };
    check(
        "first",
        &[],
        &["read", "train", "measure", "aside", "always"],
    );
    check("nothing", &[], &["always"]);
    check(
        "a parameter",
        &["-p", "size=3"],
        &["train", "measure", "always"],
    );
    check("back again", &["-p", "size=2"], &["always"]);
    project.write("data/a.txt", "other data\n");
    // The trainer ignores its data, so what it gives is the same and nothing after it runs.
    check("an input file", &[], &["read", "train", "always"]);
    project.write(
        "model.py",
        "def made(size):\n    return 'another model' * int(size)\n",
    );
    check("an imported module", &[], &["train", "measure", "always"]);
    check("by force", &["--force", "aside"], &["aside", "always"]);
    check(
        "by force, all",
        &["--force-all"],
        &["read", "train", "measure", "aside", "always"],
    );
}

#[test]
fn a_retry_carries_over_what_succeeded() {
    let project = Project::of(
        "retry",
        "name: p\nsteps:\n  good: { run: [\"true\"] }\n  bad: { run: [cat, there], needs: [good] }\n",
    );
    assert_eq!(project.run_to_end()["state"], "failed");
    project.write("there", "now it is\n");
    let output = project.command(&["retry", "latest", "--format", "json"]);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let status: Value =
        serde_json::from_str(lines.lines().last().unwrap_or_default()).expect("a document");
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert!(status["retry_of"].is_string());
    assert_eq!(
        states(&status),
        [("good", "reused"), ("bad", "succeeded")].into()
    );
}
