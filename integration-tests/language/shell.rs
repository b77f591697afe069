//! A step tried by hand.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Project, transcript};

const PIPELINE: &str = r#"name: by-hand
params: { rate: 3 }
steps:
  load:
    run: echo data > "$OUTPUT_DATA"
    outputs: { data: Artifact }
    files: []
  train:
    run: [sh, -c, 'cat "$INPUT_DATA" "$0"; exit 1', it's here]
    inputs: { data: load.data }
    outputs: { model: Artifact }
    env: { RATE: "${{ params.rate }}" }
    workdir: code
  after: { run: [echo], needs: train }
"#;

#[test]
fn a_shell_has_what_the_step_had_and_its_outputs_are_nobodys() {
    let project = Project::of("shell", PIPELINE);
    project.write("code/x", "");
    let status = project.run_to_end();
    assert_eq!(status["state"], "failed", "{status:#}");
    project.stop();
    let script = r#"pwd; cat "$INPUT_DATA"; echo "$RATE $ROPEWALK_STEP $ROPEWALK_RUN_ID"
echo made > "$OUTPUT_MODEL"; echo "$OUTPUT_MODEL"; exit 7
"#;
    let mut shell = project
        .ropewalk(&["shell", "latest", "train"])
        .env("SHELL", "/bin/sh")
        .env("NOT_THE_STEPS", "x")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let mut stdin = shell.stdin.take().expect("it is a pipe");
    stdin.write_all(script.as_bytes()).expect("the shell reads");
    drop(stdin);
    let output = shell.wait_with_output().expect("the shell ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let run = status["run_id"].as_str().unwrap_or_default();
    let folder = project.folder();
    let scratch = folder.join(format!(".ropewalk/runs/{run}/train.shell/outputs/model"));
    let expected = format!(
        "{}\ndata\n3 train {run}\n{}\n",
        folder.join("code").display(),
        scratch.display()
    );
    assert_eq!(said, expected, "{}", transcript(&output));
    assert_eq!(output.status.code(), Some(7), "the shell's own status");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let command = r#"its command: sh -c 'cat "$INPUT_DATA" "$0"; exit 1' 'it'\''s here'"#;
    assert!(told.contains(command), "{told}");
    assert!(scratch.is_file());
    // The next one begins anew.
    let given = project.json(&["shell", "latest", "train"]);
    assert_eq!(given["env"]["RATE"], "3");
    assert_eq!(given["env"]["NOT_THE_STEPS"], Value::Null);
    assert!(!scratch.exists());
}

#[test]
fn a_step_that_was_reused_has_what_it_had_and_one_that_never_began_has_nothing() {
    let project = Project::of("shell-reused", PIPELINE);
    project.write("code/x", "");
    let first = project.run_to_end();
    project.run_to_end();
    let given = project.json(&["shell", "latest", "load"]);
    assert_eq!(given["env"]["ROPEWALK_RUN_ID"], first["run_id"]);
    let output = project.command(&["shell", "latest", "after"]);
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let output = project.command(&["shell", "latest", "nobody"]);
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
}
