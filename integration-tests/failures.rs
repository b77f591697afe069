//! Every way in which a step can fail, through the front door: the code, the sentence, what to do.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::processes;
use crate::server::wait_for;
use crate::snapshots;
use crate::support::{Project, step};

/// A step for each code, of that name. They fail each for itself.
const FAILURES: &str = r#"name: failures
params: { zero: 0 }
steps:
  expression: { run: [echo, "${{ 1 // params.zero }}"] }
  no_match: { run: [cat], inputs: { rows: { files: "nowhere/*.csv" } } }
  file_not_found: { run: [cat], inputs: { rows: { files: nowhere.csv } } }
  rows:
    run: mkdir -p "$OUTPUT_EXAMPLES/Split-eval" && touch "$OUTPUT_EXAMPLES/Split-eval/rows.parquet"
    outputs: { examples: Examples }
  input_missing:
    uses: infra-validate
    inputs: { model: { latest_blessed: nobody }, examples: rows.examples }
  input_invalid: { run: [cat], inputs: { made: { import: folder, type: Model } } }
  command_not_found: { run: [trian, --fast] }
  not_executable: { run: [./script.sh] }
  permission_denied: { run: [./folder] }
  exec_format: { run: [./garbage] }
  launch_refused: { run: [echo, LONG] }
  resources: { run: ["true"], resources: { gpu: 4096 } }
  exit_status: { run: "echo it went wrong >&2; exit 3" }
  signalled: { run: "kill -SEGV $$" }
  timed_out: { run: [sleep, "600"], timeout: 300ms }
  input_changed: { run: "echo 3 >> changing.csv", inputs: { rows: { files: changing.csv } } }
  output_missing: { run: ["true"], outputs: { model: Artifact } }
  output_invalid: { run: 'echo garbage > "$OUTPUT_METRICS"', outputs: { metrics: Metrics } }
  output_value: { run: 'echo rows=many >> "$ROPEWALK_OUTPUT"', outputs: { rows: integer } }
  makes: { run: 'echo text > "$OUTPUT_TEXT"', outputs: { text: Artifact } }
  removes:
    run: 'chmod u+w "$(dirname "$TEXT")" && rm -f "$TEXT"'
    env: { TEXT: "${{ steps.makes.outputs.text.uri }}" }
  artifact_vanished: { run: [cat], inputs: { text: makes.text }, needs: [removes] }
  disk_full:
    run: 'ln -s /dev/full "$(dirname "$ROPEWALK_EXECUTOR_INPUT")/disk_full.2.json"; exit 1'
    retry: { attempts: 2, initial: 10ms }
"#;

/// Codes that take more than a step: a daemon or keeper that dies, a hundred thousand files, a
/// machine without memory. They are tested where those are.
const ELSEWHERE: [&str; 4] = ["killed", "lost", "out_of_memory", "too_many_files"];

/// The codes of docs/errors.md, which the engine's own table is held against.
fn codes() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let (_, page) = page
        .split_once("\n## While a pipeline runs\n")
        .expect("it has two parts");
    let sections = page.split("\n### `").skip(1);
    let codes = sections.filter_map(|section| section.split_once('`'));
    codes.map(|(code, _)| code.to_owned()).collect()
}

fn project() -> Project {
    let long = "x".repeat(3 << 20);
    let project = Project::of("failures", &FAILURES.replace("LONG", &long));
    project.write("script.sh", "#!/bin/sh\n");
    project.write("folder/file", "");
    project.write("changing.csv", "1\n2\n");
    project.write("garbage", "print()\n");
    let garbage = project.folder().join("garbage");
    fs::set_permissions(garbage, fs::Permissions::from_mode(0o755)).expect("it is ours");
    project
}

/// The error of a step: its last attempt's, else its own.
fn error<'a>(status: &'a Value, id: &str) -> &'a Value {
    let step = step(status, id);
    assert_eq!(step["state"], "failed", "{step:#}");
    let attempts = step["attempts"].as_array().expect("a step has attempts");
    attempts
        .last()
        .map_or(&step["error"], |last| &last["error"])
}

#[test]
fn each_failure_has_its_code_a_sentence_and_what_to_do() {
    let project = project();
    let output = project.command(&["run", "pipeline.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let status = project.json(&["status"]);
    let mut wrong = Vec::new();
    for code in codes()
        .iter()
        .filter(|code| !ELSEWHERE.contains(&code.as_str()))
    {
        let error = error(&status, code);
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        // Only the program itself knows what its exit status means.
        let is_hinted = code == "exit_status" || !text("hint").is_empty();
        if text("code") != *code || text("message").is_empty() || !is_hinted {
            wrong.push(format!("{code}: {error:#}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let text = String::from_utf8_lossy(&output.stdout);
    snapshots::check("failures-run", &project, &text);
}

/// Something ends the keeper whenever it holds the step.
#[test]
fn a_step_whose_keeper_dies_each_time_is_lost() {
    let project = Project::of(
        "lost",
        "name: lost\nsteps: { a: { run: [sleep, \"1000\"] } }\n",
    );
    project.command(&["run", "pipeline.yaml", "--detach"]);
    let mut killed = 0;
    let status = wait_for("the end of the run", || {
        let status = project.json(&["status"]);
        if status["state"] == "failed" {
            return Some(status);
        }
        let attempts = status["steps"][0]["attempts"].as_array();
        let last = attempts.and_then(|attempts| attempts.last());
        let is_new =
            |attempt: &&Value| attempt["pid"].is_u64() && attempt["number"].as_u64() > Some(killed);
        if let Some(number) = last
            .filter(is_new)
            .and_then(|attempt| attempt["number"].as_u64())
        {
            processes::kill(&project, "keeper.lock");
            killed = number;
        }
        None
    });
    let error = &step(&status, "a")["error"];
    assert_eq!(error["code"], "lost", "{status:#}");
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("keeper.log"), "{error:#}");
}

/// One more than an artifact may have.
#[test]
fn an_output_of_too_many_files_is_refused() {
    let project = Project::of(
        "too-many-files",
        "name: many\nsteps:\n  many:\n    run: mkdir \"$OUTPUT_X\" && cd \"$OUTPUT_X\" && seq 100001 | xargs touch\n    \
         outputs: { x: Artifact }\n    files: []\n",
    );
    let status = project.run_to_end();
    let error = error(&status, "many");
    assert_eq!(error["code"], "too_many_files", "{status:#}");
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(hint.starts_with("pack them"), "{error:#}");
}
