//! Input ports that a command declares.

use crate::support::{Project, step, transcript};

#[test]
fn a_command_may_say_what_its_inputs_take() {
    let pipeline = r#"name: ports
steps:
  give:
    run: |
      echo '{ "a": 1 }' > "$OUTPUT_METRICS"
    outputs: { metrics: Metrics, more: { type: Artifact, optional: true } }
    files: []
  take:
    run: [sh, -c, 'echo "paths=$(echo "$INPUT_ALL" | wc -l) more=${INPUT_MORE-none}"']
    inputs:
      all: { from: [give.metrics, give.metrics], type: Metrics }
      one: { from: give.metrics, many: true }
      more: { from: give.more, optional: true }
      data: { from: { files: "*.yaml" }, type: Files }
"#;
    let project = Project::of("ports", pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(step(&status, "take")["state"], "succeeded");
    let log = project.command(&["logs", "latest", "take"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout), "paths=2 more=none\n");
}

#[test]
fn what_is_wrong_with_declared_ports_is_told() {
    let pipeline = r"name: wrong
steps:
  give: { run: [x], outputs: { metrics: Metrics } }
  a: { run: [x], inputs: { m: { from: give.metrics, type: Model } } }
  b: { run: [x], inputs: { m: { from: [give.metrics], many: false } } }
  c: { run: [x], inputs: { m: { from: give.metrics, type: Modle } } }
  d: { run: [x], inputs: { m: { from: give.metrics, tpye: Model } } }
  e: { run: [x], inputs: { m: { from: give.nothing, optional: perhaps } } }
  f: { uses: push, inputs: { model: { from: give.metrics, type: Metrics } }, with: { destination: x } }
";
    let project = Project::of("wrong-ports", pipeline);
    let output = project.command(&["validate", "pipeline.yaml"]);
    insta::assert_snapshot!("wrong_ports", transcript(&output));
}
