//! What steps and runs share: pools, the machine's resources, the runs of a pipeline at once.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, step, transcript};

/// Steps that note when they begin and end in a file that both can see.
const POOL: &str = r#"name: pooled
defaults:
  pool: database
  env: { JOURNAL: "${{ env.HOME }}/journal" }
steps:
  a: { run: 'echo "begin a" >> "$JOURNAL"; sleep 0.2; echo "end a" >> "$JOURNAL"' }
  b: { run: 'echo "begin b" >> "$JOURNAL"; sleep 0.2; echo "end b" >> "$JOURNAL"' }
  c: { run: 'echo "begin c" >> "$JOURNAL"; sleep 0.2; echo "end c" >> "$JOURNAL"' }
"#;

#[test]
fn a_pool_that_nobody_lists_lets_one_step_run_at_a_time_over_all_runs() {
    let project = Project::of("pool", POOL);
    let other = POOL.replace("name: pooled", "name: other");
    project.write("other/pipeline.yaml", &other);
    project.json(&["run", "pipeline.yaml", "--detach", "--slots", "3"]);
    let run = [
        "run",
        "other/pipeline.yaml",
        "--format",
        "json",
        "--slots",
        "3",
    ];
    let output = project.command(&run);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let resumed = project.command(&["resume"]);
    assert_eq!(resumed.status.code().filter(|code| *code > 2), None);
    wait_for(&project, "both have ended", |runs| {
        runs.iter().all(|run| run["state"] == "succeeded")
    });
    let journal = project.read("../journal");
    let lines: Vec<&str> = journal.lines().collect();
    assert_eq!(lines.len(), 12, "{journal}");
    for pair in lines.chunks(2) {
        let step = pair[0].strip_prefix("begin ").unwrap_or("none");
        assert_eq!(pair[1], format!("end {step}"), "{journal}");
    }
}

#[test]
fn a_pool_has_as_many_places_as_the_projects_file_says() {
    // Each ends only when it has seen that the other has begun.
    let pipeline = r"name: wide
defaults: { pool: wide, timeout: 2m }
steps:
  a: { run: 'touch ../a; until [ -e ../b ]; do sleep 0.05; done' }
  b: { run: 'touch ../b; until [ -e ../a ]; do sleep 0.05; done' }
";
    let project = Project::of("wide-pool", pipeline);
    project.write("ropewalk.yaml", "pools: { wide: 2 }\n");
    let status = project.run_with(&["--slots", "2"]);
    assert_eq!(status["state"], "succeeded", "{status:#}");
}

#[test]
fn what_the_machine_never_has_fails_the_step_and_what_it_has_is_waited_for() {
    let pipeline = r#"name: resources
steps:
  huge: { run: [echo], resources: { cpu: 4096 }, allow_failure: true }
  vast: { run: [echo], resources: { memory: 900TB }, allow_failure: true }
  drawn: { run: [echo], resources: { gpu: 4000 }, allow_failure: true }
  small: { run: [sh, -c, 'echo "gpus=$CUDA_VISIBLE_DEVICES."'], resources: { cpu: 0.5, memory: 10MiB, gpu: 0 } }
"#;
    let project = Project::of("resources", pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    for (id, start) in [
        ("huge", "it asks for 4096 processors, and this machine has "),
        (
            "vast",
            "it asks for 838190.3 GiB of memory, and this machine has ",
        ),
        ("drawn", "it asks for 4000 GPUs, and this machine has "),
    ] {
        let text = step(&status, id)["reason"]["text"]
            .as_str()
            .unwrap_or_default();
        assert!(text.starts_with(start), "{text}");
    }
    let log = project.command(&["logs", "latest", "small"]);
    let log = String::from_utf8_lossy(&log.stdout);
    assert!(log.ends_with("gpus=.\n"), "{log}");
}

#[test]
fn a_step_takes_no_more_memory_than_it_says() {
    let pipeline = r#"name: bounded
steps:
  grows:
    run: [python3, -c, "print(len(bytearray(400 << 20)))"]
    resources: { memory: 128MiB, cpu: 1 }
    allow_failure: true
  stays:
    run: [python3, -c, "print(len(bytearray(4 << 20)))", --flag, it's]
    resources: { memory: 128MiB }
"#;
    let project = Project::of("bounded", pipeline);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let grows = step(&status, "grows");
    assert_eq!(grows["state"], "failed", "{status:#}");
    let log = |id: &str| {
        let output = project.command(&["logs", "latest", id]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(log("stays").ends_with("4194304\n"), "{}", log("stays"));
    // One of the two ways, depending on this machine.
    let told = "ropewalk: no control group of version 2 can be written here: each process by itself \
                may have 128 MiB of data";
    if log("grows").starts_with(told) {
        assert!(log("grows").contains("and its processors are not bounded"));
        assert!(log("grows").contains("MemoryError"), "{}", log("grows"));
    } else {
        let error = &grows["attempts"][0]["error"];
        assert_eq!(error["code"], "out_of_memory", "{status:#}");
    }
}

#[test]
fn two_steps_that_ask_for_all_processors_run_one_after_the_other() {
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pipeline = POOL
        .replace("name: pooled", "name: greedy")
        .replace("pool: database", &format!("resources: {{ cpu: {all} }}"));
    let project = Project::of("processors", &pipeline);
    let status = project.run_with(&["--slots", "3"]);
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let journal = project.read("../journal");
    for pair in journal.lines().collect::<Vec<_>>().chunks(2) {
        let step = pair[0].strip_prefix("begin ").unwrap_or("none");
        assert_eq!(pair[1], format!("end {step}"), "{journal}");
    }
}

/// A pipeline whose runs last until the file `go` is there.
const ONE: &str = r#"name: one
params: { number: 0 }
concurrency: { max_runs: 1, when_busy: WHEN_BUSY }
steps:
  wait:
    run: 'until [ -e ../go ]; do sleep 0.05; done; echo "$NUMBER"'
    env: { NUMBER: "${{ params.number }}" }
"#;

fn detached(project: &Project, number: u32) -> Value {
    let number = format!("number={number}");
    project.json(&["run", "pipeline.yaml", "--detach", "-p", &number])
}

/// Waits until the list of runs, the newest first, is as it should be.
fn wait_for(project: &Project, what: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let give_up = Instant::now() + Duration::from_mins(2);
    loop {
        let runs = project.json(&["runs"]);
        let runs = runs["runs"].as_array().cloned().unwrap_or_default();
        if is_so(&runs) {
            return runs;
        }
        assert!(Instant::now() < give_up, "{what}: {runs:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn state(runs: &[Value], run: &Value) -> String {
    let found = runs.iter().find(|one| one["run_id"] == run["run_id"]);
    found.map_or(String::new(), |run| {
        run["state"].as_str().unwrap_or_default().to_owned()
    })
}

#[test]
fn a_run_that_is_one_too_many_waits_for_its_turn_through_a_kill_too() {
    let project = Project::of("queue", &ONE.replace("WHEN_BUSY", "queue"));
    let first = detached(&project, 1);
    wait_for(&project, "it runs", |runs| state(runs, &first) == "running");
    let (second, third) = (detached(&project, 2), detached(&project, 3));
    assert_eq!(second["state"], "queued", "{second:#}");
    let why = second["reason"]["text"].as_str().unwrap_or_default();
    let first_id = first["run_id"].as_str().unwrap_or_default();
    let expected = format!("run {first_id} of this pipeline has not ended, and `max_runs` is 1");
    assert_eq!(why, expected);
    let daemon: Value =
        serde_json::from_str(&project.read(".ropewalk/daemon.json")).unwrap_or_default();
    let pid = daemon["pid"]
        .as_u64()
        .and_then(|pid| u32::try_from(pid).ok());
    assert!(pid.is_some_and(crate::support::kill_process), "{daemon:#}");
    // Any command that changes something starts the next daemon.
    let cancelled = project.command(&["cancel", third["run_id"].as_str().unwrap_or_default()]);
    assert_eq!(
        cancelled.status.code(),
        Some(0),
        "{}",
        transcript(&cancelled)
    );
    let runs = wait_for(&project, "the first is adopted", |runs| {
        state(runs, &first) == "running" && state(runs, &third) == "cancelled"
    });
    assert_eq!(state(&runs, &second), "queued");
    project.write("../go", "");
    wait_for(&project, "the second had its turn", |runs| {
        state(runs, &first) == "succeeded" && state(runs, &second) == "succeeded"
    });
}

#[test]
fn a_busy_pipeline_makes_no_other_run_if_it_says_so() {
    let project = Project::of("skip", &ONE.replace("WHEN_BUSY", "skip"));
    let first = detached(&project, 1);
    let output = project.command(&["run", "pipeline.yaml", "-p", "number=2"]);
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("`when_busy: skip`: no other is made"),
        "{text}"
    );
    // The same run is attached to as ever.
    assert_eq!(detached(&project, 1)["run_id"], first["run_id"]);
    project.write("../go", "");
    wait_for(&project, "it ends", |runs| {
        state(runs, &first) == "succeeded"
    });
}

#[test]
fn a_newer_run_may_take_the_place_of_the_one_that_runs() {
    let project = Project::of(
        "cancel-running",
        &ONE.replace("WHEN_BUSY", "cancel-running"),
    );
    let first = detached(&project, 1);
    wait_for(&project, "it runs", |runs| state(runs, &first) == "running");
    let second = detached(&project, 2);
    let runs = wait_for(&project, "the second runs", |runs| {
        state(runs, &second) == "running"
    });
    assert_eq!(state(&runs, &first), "cancelled");
    project.write("../go", "");
    wait_for(&project, "it ends", |runs| {
        state(runs, &second) == "succeeded"
    });
}

#[test]
fn what_is_wrong_with_these_keys_is_told_where_it_stands() {
    let pipeline = r#"name: wrong
concurrency: { max_runs: 0, when_busy: cancel, least: 1 }
defaults: { resources: { memory: 4 } }
steps:
  a: { run: [echo], pool: "two words" }
  b: { run: [echo], resources: { cpu: 0, memory: 4XB, gpu: 1.5, disk: 1GB } }
  c: { run: [echo], resources: { memory: 12B } }
  d: { run: [echo], resources: 3 }
"#;
    let project = Project::of("wrong-sharing", pipeline);
    let output = project.command(&["validate", "pipeline.yaml"]);
    insta::assert_snapshot!("wrong_sharing", transcript(&output));
}
