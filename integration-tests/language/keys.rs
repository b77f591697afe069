//! Keys that say where a step works, what it may reuse and what survives its attempts.

use crate::support::{Project, step, transcript};

#[test]
fn a_command_works_where_workdir_says() {
    let pipeline = r#"name: places
defaults: { workdir: code }
steps:
  tool: { run: [./tool.sh], outputs: { where: string }, files: [] }
  shell:
    run: echo "where=$(basename "$PWD")" >> "$ROPEWALK_OUTPUT"
    workdir: code/deeper
    outputs: { where: string }
    files: []
  nowhere: { run: [pwd], workdir: not/there, allow_failure: true }
"#;
    let project = Project::of("workdir", pipeline);
    project.write("code/deeper/x", "");
    let tool = "#!/bin/sh\necho \"where=$(basename \"$PWD\")\" >> \"$ROPEWALK_OUTPUT\"\n";
    project.write("code/tool.sh", tool);
    project.make_executable("code/tool.sh");
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    assert_eq!(step(&status, "tool")["outputs"]["where"], "code");
    assert_eq!(step(&status, "shell")["outputs"]["where"], "deeper");
    let error = &step(&status, "nowhere")["attempts"][0]["error"];
    let folder = project.folder().join("not/there");
    let message = format!(
        "`pwd` cannot be started: its working directory {} does not exist",
        folder.display()
    );
    assert_eq!(error["message"], message, "{status:#}");

    project.write("pipeline.yaml", &pipeline.replace("code/deeper", "code"));
    let status = project.run_to_end();
    assert_eq!(step(&status, "tool")["state"], "reused");
    assert_eq!(
        step(&status, "shell")["reason"]["text"],
        "its working folder changed"
    );
}

#[test]
fn a_key_of_the_authors_own_stands_in_place_of_files() {
    let pipeline = r#"name: daily
params: { day: monday }
steps:
  fetch:
    run: echo "rows=3" >> "$ROPEWALK_OUTPUT"
    outputs: { rows: integer }
    cache: { key: "${{ params.day }}" }
  never:
    run: echo "rows=3" >> "$ROPEWALK_OUTPUT"
    outputs: { rows: integer }
    cache: false
"#;
    let project = Project::of("cache-key", pipeline);
    project.write("other.txt", "1");
    project.run_to_end();
    project.write("other.txt", "2");
    let status = project.run_to_end();
    assert_eq!(step(&status, "fetch")["state"], "reused", "{status:#}");
    let never = step(&status, "never");
    assert_eq!(never["reason"]["code"], "cache_off", "{status:#}");
    let status = project.run_with(&["-p", "day=tuesday"]);
    let why = &step(&status, "fetch")["reason"]["text"];
    assert_eq!(why, "its cache key changed from \"monday\" to \"tuesday\"");
}

#[test]
fn a_checkpoint_survives_the_attempts_of_a_step_and_goes_with_its_success() {
    let pipeline = r#"name: long
params: { fail_at: 3 }
steps:
  train:
    run: |
      seen=$(cat "$ROPEWALK_CHECKPOINT_DIR/epoch" 2>/dev/null || echo 0)
      epoch=$((seen + 1))
      echo "$epoch" > "$ROPEWALK_CHECKPOINT_DIR/epoch"
      echo "from epoch $seen"
      echo "epoch=$epoch" >> "$ROPEWALK_OUTPUT"
      test "$epoch" -ge 4
    outputs: { epoch: integer }
    files: []
    checkpoint: true
    retry: { attempts: 2, initial: 0s }
"#;
    let project = Project::of("checkpoint", pipeline);
    let checkpoints = project.state_dir().join("checkpoints");
    let count = || std::fs::read_dir(&checkpoints).map_or(0, Iterator::count);
    let failed = project.run_to_end();
    assert_eq!(failed["state"], "failed", "{failed:#}");
    let log = project.command(&["logs", "latest", "train"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout), "from epoch 1\n");
    assert_eq!(count(), 1);
    // A later run of the same goes on from there.
    let retried = project.command(&["retry", "latest"]);
    assert_eq!(retried.status.code(), Some(0), "{}", transcript(&retried));
    let status = project.json(&["status"]);
    assert_eq!(step(&status, "train")["outputs"]["epoch"], 4);
    assert_eq!(count(), 0);
    // With its success it is over: who forces it begins anew.
    let status = project.run_with(&["--force-all"]);
    assert_eq!(status["state"], "failed", "{status:#}");
}

#[test]
fn defaults_hold_for_every_step_that_does_not_say_it_itself() {
    let pipeline = r#"name: defaults
defaults:
  env: { GREETING: hello, PLACE: "${{ params.place }}" }
  allow_failure: true
  cache: false
  files: []
  retry: { attempts: 1 }
params: { place: world }
steps:
  plain:
    run: echo "said=$GREETING $PLACE" >> "$ROPEWALK_OUTPUT"
    outputs: { said: string }
  own:
    run: echo "said=$GREETING $PLACE" >> "$ROPEWALK_OUTPUT"
    outputs: { said: string }
    env: { GREETING: good day }
    cache: true
  fails: { run: [sh, -c, exit 1] }
"#;
    let project = Project::of("defaults", pipeline);
    project.run_to_end();
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let plain = step(&status, "plain");
    assert_eq!(plain["outputs"]["said"], "hello world");
    assert_eq!(plain["reason"]["code"], "cache_off");
    let own = step(&status, "own");
    assert_eq!(own["outputs"]["said"], "good day world");
    assert_eq!(own["state"], "reused");
    assert_eq!(step(&status, "fails")["state"], "failed");
}

#[test]
fn what_is_wrong_with_these_keys_is_told_where_it_stands() {
    let pipeline = r#"name: wrong
defaults:
  env: { WHO: "${{ params.nobody }}", TMPDIR: /tmp }
  needs: [a]
  workdir: ""
  checkpoint: perhaps
steps:
  a: { run: [echo], cache: { keys: x } }
  b: { run: [echo], cache: { key: [1] } }
  c: { run: [echo], cache: {} }
  d: { run: [echo], cache: 3 }
  e: { uses: schema, workdir: code }
  f: { run: [echo], cache: { key: "${{ steps.g.outputs.x }}" } }
"#;
    let project = Project::of("wrong-keys", pipeline);
    let output = project.command(&["validate", "pipeline.yaml"]);
    insta::assert_snapshot!("wrong_keys", transcript(&output));
}
