//! What follows from an end: conditions, failures that are allowed, and the steps of `finally:`.

use serde_json::Value;

use crate::support::{Project, step, transcript};

const FLOW: &str = r#"name: flow
params: { threshold: 5, status: 0 }
steps:
  count:
    run: echo "rows=7" >> "$ROPEWALK_OUTPUT"
    outputs: { rows: integer }
    files: []
  enough:
    run: [echo, "there are ${{ steps.count.outputs.rows }}"]
    if: ${{ steps.count.outputs.rows > params.threshold }}
  after_enough: { run: [echo], needs: enough }
  optional:
    run: exit "$STATUS"
    env: { STATUS: "${{ params.status }}" }
    allow_failure: true
  goes_on: { run: [echo], needs: [optional] }
  repairs:
    run: [echo, repaired]
    if: ${{ steps.optional.state == "failed" }}
  never: { run: [echo], if: false }
finally:
  notify:
    run: [sh, -c, 'echo "it $1" > ../told', sh, "${{ run.state }}"]
  complain:
    run: [echo]
    if: ${{ run.state != "succeeded" }}
    needs: [notify]
"#;

fn states(status: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = status["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let states = steps
        .iter()
        .map(|step| (text(&step["id"]), text(&step["state"])));
    let mut states: Vec<_> = states.collect();
    states.sort();
    states
}

#[track_caller]
fn assert_states(status: &Value, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(id, state)| ((*id).to_owned(), (*state).to_owned()))
        .collect();
    assert_eq!(states(status), expected, "{status:#}");
}

#[test]
fn steps_run_as_their_conditions_say() {
    let project = Project::of("flow", FLOW);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_states(
        &status,
        &[
            ("after_enough", "succeeded"),
            ("complain", "skipped"),
            ("count", "succeeded"),
            ("enough", "succeeded"),
            ("goes_on", "succeeded"),
            ("never", "skipped"),
            ("notify", "succeeded"),
            ("optional", "succeeded"),
            ("repairs", "skipped"),
        ],
    );
    let reason = &step(&status, "repairs")["reason"];
    assert_eq!(reason["code"], "condition_false");
    let told = "its `if` is false: steps.optional.state == \"failed\"";
    assert_eq!(reason["text"], told);
    let file = project.folder().join("../told");
    let told = std::fs::read_to_string(file).expect("notify wrote it");
    assert_eq!(told, "it succeeded\n");
}

#[test]
fn what_is_allowed_to_fail_fails_no_run() {
    let project = Project::of("allowed", FLOW);
    let status = project.run_with(&["-p", "status=3", "-p", "threshold=9"]);
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(status["reason"], Value::Null);
    assert_states(
        &status,
        &[
            ("after_enough", "skipped"),
            ("complain", "skipped"),
            ("count", "succeeded"),
            ("enough", "skipped"),
            ("goes_on", "succeeded"),
            ("never", "skipped"),
            ("notify", "succeeded"),
            ("optional", "failed"),
            ("repairs", "succeeded"),
        ],
    );
    let retried = project.command(&["retry", "latest"]);
    assert_eq!(retried.status.code(), Some(1), "{}", transcript(&retried));
}

#[test]
fn finally_follows_a_failure_and_a_cancellation() {
    let pipeline = r#"name: ends
params: { seconds: 0 }
steps:
  work: { run: [sh, -c, 'sleep "$1"; exit 1', sh, "${{ params.seconds }}"] }
finally:
  notify: { run: [sh, -c, 'echo "$1" >> ../told', sh, "${{ run.state }}"] }
"#;
    let project = Project::of("ends", pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "failed", "{status:#}");
    project.json(&["run", "pipeline.yaml", "--detach", "-p", "seconds=600"]);
    project.command(&["cancel", "latest"]);
    let resumed = project.command(&["resume", "latest"]);
    assert_eq!(resumed.status.code(), Some(1), "{}", transcript(&resumed));
    let status = project.json(&["status"]);
    assert_eq!(status["state"], "cancelled", "{status:#}");
    assert_eq!(step(&status, "notify")["state"], "succeeded");
    let told = std::fs::read_to_string(project.folder().join("../told"));
    assert_eq!(told.unwrap_or_default(), "failed\ncancelled\n");
}

#[test]
fn a_plan_tells_what_is_certain_of_conditions() {
    let project = Project::of("planned", FLOW);
    let action = |document: &Value, id: &str| {
        let steps = document["steps"].as_array().cloned().unwrap_or_default();
        let found = steps.into_iter().find(|step| step["id"] == id);
        found.map_or(Value::Null, |step| step["action"].clone())
    };
    let before = project.json(&["plan", "pipeline.yaml"]);
    assert_eq!(action(&before, "enough"), "unknown", "{before:#}");
    assert_eq!(action(&before, "never"), "skip");
    assert_eq!(action(&before, "notify"), "run");
    assert_eq!(action(&before, "complain"), "unknown");
    project.run_to_end();
    let after = project.json(&["plan", "pipeline.yaml", "-p", "threshold=9"]);
    assert_eq!(action(&after, "count"), "reuse", "{after:#}");
    assert_eq!(action(&after, "enough"), "skip");
    assert_eq!(action(&after, "after_enough"), "skip");
}
