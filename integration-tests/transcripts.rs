//! What commands say, word for word. Identities, times and paths are replaced.

use std::process::Output;

use crate::snapshots;
use crate::support::{Project, transcript};

const WORDS: &str = r#"name: words
params:
  greeting: { type: string, default: hello }
steps:
  write:
    run: echo "$GREETING" > "$OUTPUT_TEXT"
    env: { GREETING: "${{ params.greeting }}" }
    outputs: { text: Artifact }
  count:
    run: |
      echo "counting"
      echo "characters=$(wc -c < "$INPUT_TEXT")" >> "$ROPEWALK_OUTPUT"
      echo '{ "words": 1 }' > "$OUTPUT_METRICS"
    inputs: { text: write.text }
    outputs: { characters: integer, metrics: Metrics }
  tell:
    run: [echo, "${{ steps.count.outputs.characters }} characters"]
"#;

/// Holds a transcript against its snapshot, column by column where it shows source text.
fn check_exactly(name: &str, project: &Project, output: &Output) {
    let folder = project.folder().display().to_string();
    let text = transcript(output).replace(&folder, "[PROJECT]");
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}

/// Replaces what differs from run to run.
fn check(name: &str, project: &Project, output: &Output) {
    snapshots::check(name, project, &transcript(output));
}

#[test]
fn without_a_command() {
    let project = Project::new("bare");
    check_exactly("bare", &project, &project.command(&[]));
}

#[test]
fn reading_where_nothing_ever_ran() {
    let project = Project::of("nothing", WORDS);
    for (name, arguments) in [
        ("nothing-runs", ["runs"].as_slice()),
        ("nothing-status", &["status"]),
        ("nothing-plan", &["plan", "pipeline.yaml"]),
        ("nothing-resume", &["resume"]),
        ("nothing-stop", &["stop"]),
    ] {
        check(name, &project, &project.command(arguments));
    }
    assert!(!project.state_dir().exists(), "reading made a state folder");
}

#[test]
fn a_run_and_what_is_remembered_of_it() {
    let project = Project::of("words", WORDS);
    for (name, arguments) in [
        ("words-validate", ["validate", "pipeline.yaml"].as_slice()),
        ("words-run", &["run", "pipeline.yaml"]),
        ("words-status", &["status"]),
        (
            "words-runs",
            &["runs", "--columns", "params.greeting,metrics.count.words"],
        ),
        ("words-events", &["events", "latest"]),
        ("words-artifacts", &["artifacts"]),
        ("words-show", &["show", "count.metrics"]),
        ("words-logs", &["logs", "latest", "count"]),
        ("words-plan", &["plan", "pipeline.yaml"]),
        ("words-run-again", &["run", "pipeline.yaml"]),
        (
            "words-plan-changed",
            &["plan", "pipeline.yaml", "-p", "greeting=welcome"],
        ),
        (
            "words-run-changed",
            &["run", "pipeline.yaml", "-p", "greeting=welcome"],
        ),
    ] {
        check(name, &project, &project.command(arguments));
    }
}

#[test]
fn a_step_that_fails() {
    let project = Project::of(
        "fails",
        "name: fails\nsteps:\n  good: { run: [\"true\"] }\n  bad:\n    needs: [good]\n    run: |\n      echo it went wrong >&2\n      exit 3\n  after: { run: [echo], needs: [bad] }\n",
    );
    check(
        "fails-run",
        &project,
        &project.command(&["run", "pipeline.yaml"]),
    );
    check("fails-status", &project, &project.command(&["status"]));
}

#[test]
fn a_step_that_refuses() {
    let project = Project::of(
        "refuses",
        "name: refuses\nsteps:\n  gate:\n    run: |\n      echo '{ \"pass\": false, \"kind\": \"evaluation\", \"checks\": [{ \"check\": \"auc\", \"value\": 0.61, \"bound\": \">= 0.8\", \"verdict\": \"failed\", \"reason\": \"0.61 is below 0.8\" }] }' > blessing.json\n      mkdir \"$OUTPUT_BLESSING\"\n      mv blessing.json \"$OUTPUT_BLESSING\"\n      exit 65\n    outputs: { blessing: Blessing }\n  after: { run: [echo], needs: [gate] }\n",
    );
    check(
        "refuses-run",
        &project,
        &project.command(&["run", "pipeline.yaml"]),
    );
    check(
        "refuses-show",
        &project,
        &project.command(&["show", "gate.blessing"]),
    );
}

#[test]
fn an_invalid_file() {
    let project = Project::of(
        "invalid",
        "name: invalid\nstepz: {}\nsteps:\n  a:\n    uses: statistic\n    inputs: { x: b.rows }\n  b: { run: \"echo ${{ params.rows }}\", outputs: { row: integer } }\n",
    );
    check_exactly(
        "invalid-validate",
        &project,
        &project.command(&["validate", "pipeline.yaml"]),
    );
    check_exactly(
        "invalid-run",
        &project,
        &project.command(&["run", "pipeline.yaml"]),
    );
    assert!(
        !project.state_dir().exists(),
        "an invalid file left something behind"
    );
}
