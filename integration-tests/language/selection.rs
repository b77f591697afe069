//! Runs of some steps only, forced steps, and parameters from a file.

use serde_json::Value;

use crate::support::{Project, step, transcript};

const CHAIN: &str = r#"name: chain
params: { rate: 1, note: { type: string, default: plain } }
steps:
  load:
    run: [sh, -c, 'echo x >> ../loads; echo data > "$OUTPUT_DATA"']
    outputs: { data: Artifact }
    files: []
  count:
    run: |
      echo "rows=$RATE" >> "$ROPEWALK_OUTPUT"
      cat "$INPUT_DATA"
    inputs: { data: load.data }
    outputs: { rows: integer }
    env: { RATE: "${{ params.rate }}" }
    files: []
  tell:
    run: [echo, "${{ steps.count.outputs.rows }} ${{ params.note }}"]
    needs: [other]
  other: { run: [echo] }
finally:
  notify: { run: [echo, "${{ run.state }}"] }
"#;

/// The state of every step with the code of its reason.
fn steps(status: &Value) -> String {
    let steps = status["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines: Vec<String> = steps
        .iter()
        .map(|s| {
            let state = word(if s["state"].is_null() {
                &s["action"]
            } else {
                &s["state"]
            });
            format!("{} {state} {}", word(&s["id"]), word(&s["reason"]["code"]))
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn a_run_may_be_made_of_some_steps_only() {
    let project = Project::of("selection", CHAIN);
    let nothing = project.command(&["run", "pipeline.yaml", "--from", "count"]);
    insta::assert_snapshot!("nothing_stands_in", transcript(&nothing));

    let first = project.run_to_end();
    assert_eq!(first["state"], "succeeded", "{first:#}");
    let from = ["-p", "rate=2", "--from", "count"];
    let planned = project.json(&[&["plan", "pipeline.yaml"], &from[..]].concat());
    insta::assert_snapshot!("planned_from", steps(&planned));
    let status = project.run_with(&from);
    assert_eq!(status["state"], "succeeded", "{status:#}");
    insta::assert_snapshot!("from", steps(&status));
    assert_eq!(
        step(&status, "load")["reused_from"]["run_id"],
        first["run_id"]
    );

    let status = project.run_with(&["-p", "rate=3", "--until", "count"]);
    insta::assert_snapshot!("until", steps(&status));
    let status = project.run_with(&["--only", "tell"]);
    insta::assert_snapshot!("only", steps(&status));
    // What stands in is the newest that was given: that of the run with the rate 3.
    let log = project.command(&["logs", "latest", "tell"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout), "3 plain\n");

    let forced = project.run_with(&["--until", "count", "--from", "count", "--force-all"]);
    insta::assert_snapshot!("between_and_forced", steps(&forced));
    let loads = std::fs::read_to_string(project.folder().join("../loads"));
    assert_eq!(loads.expect("load ran"), "x\n");
    let retried = project.command(&["retry", "latest", "load"]);
    insta::assert_snapshot!(
        "retry_of_what_was_not_selected",
        masked(&transcript(&retried))
    );
}

#[test]
fn what_was_left_out_and_is_gone_cannot_stand_in() {
    let project = Project::of("selection-gone", CHAIN);
    project.run_to_end();
    let artifact = project.state_dir().join("latest/load.1/outputs/data");
    std::fs::remove_file(artifact).expect("the artifact is a file");
    let output = project.command(&["run", "pipeline.yaml", "--from", "count"]);
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
}

#[test]
fn a_selection_that_makes_no_sense_starts_nothing() {
    let project = Project::of("selection-bad", CHAIN);
    for (name, arguments) in [
        ("unknown", &["--from", "counts"][..]),
        ("apart", &["--from", "tell", "--until", "load"]),
        ("only_and_more", &["--only", "tell", "--until", "tell"]),
        ("forced_outside", &["--only", "load", "--force", "tell"]),
    ] {
        let output = project.command(&[&["run", "pipeline.yaml"], arguments].concat());
        insta::assert_snapshot!(format!("bad_{name}"), transcript(&output));
    }
}

#[test]
fn parameters_come_from_a_file_too() {
    let project = Project::of("params-file", CHAIN);
    project.write("../production.yaml", "rate: 4\nnote: \"1.10\"\n");
    let file = ["--params-file", "../production.yaml"];
    let status = project.run_with(&file);
    assert_eq!(status["params"]["rate"], 4);
    assert_eq!(status["params"]["note"], "1.10");
    let status = project.run_with(&[&file[..], &["-p", "rate=5"]].concat());
    assert_eq!(status["params"]["rate"], 5);

    project.write("../bad.yaml", "rat: 4\nnote: 1.10\nrate: high\n");
    let output = project.command(&["run", "pipeline.yaml", "--params-file", "../bad.yaml"]);
    insta::assert_snapshot!("bad_params_file", transcript(&output));
    let output = project.command(&["run", "pipeline.yaml", "--params-file", "../none.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
}

/// Without the ids of runs.
fn masked(text: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let words = text
        .split(' ')
        .map(|word| if is_id(word) { "RUN" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
