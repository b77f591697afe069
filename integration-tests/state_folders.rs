//! State folders that earlier versions left: this one tells what they hold and goes on with it.
//!
//! `state_folders/README.md` says how the next one is made. Recorded paths are absolute, so each is
//! unpacked where it was made.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::FlockOperation;
use serde_json::{Value, json};

use crate::processes::{end_processes, kill};
use crate::support::{Project, kill_process, step, transcript};

/// Where they were made.
const PLACE: &str = "/tmp/ropewalk-kept-state";

const SUCCEEDS: &str = r#"
name: kept
params: { n: 3 }
steps:
  make:
    run: 'mkdir "$OUTPUT_TABLE"; seq "$COUNT" > "$OUTPUT_TABLE/rows.txt"; echo "rows=$COUNT" >> "$ROPEWALK_OUTPUT"'
    inputs: { raw: { files: data.csv } }
    env: { COUNT: "${{ params.n }}" }
    outputs: { table: Artifact, rows: integer }
    files: []
  score:
    run: 'echo "{\"auc\": 0.75, \"rows\": $ROWS}" > "$OUTPUT_METRICS"'
    inputs: { table: make.table }
    env: { ROWS: "${{ steps.make.outputs.rows }}" }
    outputs: { metrics: Metrics }
    files: []
"#;

const REFUSES: &str = r#"
name: gate
steps:
  judge: { run: 'echo verdict=false >> "$ROPEWALK_OUTPUT"; exit 65', outputs: { verdict: boolean }, files: [] }
  after: { run: 'true', needs: judge }
finally:
  tell: { run: [echo, "${{ run.state }}"] }
"#;

const FAILS: &str = r"
name: broken
steps:
  fails: { run: 'exit 3', retry: { attempts: 2, initial: 10ms } }
";

const INTERRUPTED: &str = r#"
name: long
steps:
  first: { run: 'echo n=1 >> "$ROPEWALK_OUTPUT"', outputs: { n: integer }, files: [] }
  second: { run: 'until [ -e go ]; do sleep 0.05; done', needs: first }
  third: { run: [echo, "${{ steps.first.outputs.n }}"], needs: second }
"#;

/// The place, which one test at a time has.
struct Place {
    project: Project,
    _lock: File,
}

impl Place {
    fn take() -> Self {
        let lock = File::create(format!("{PLACE}.lock")).expect("the place can be locked");
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).expect("the place can be locked");
        // Of a test that was killed.
        let _ = fs::remove_dir_all(PLACE);
        let (folder, name) = PLACE.rsplit_once('/').expect("it is a path");
        let scratch = tempfile::Builder::new()
            .prefix(name)
            .rand_bytes(0)
            .tempdir_in(folder);
        Self {
            project: Project::in_scratch(scratch.expect("the place can be made")),
            _lock: lock,
        }
    }
}

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration-tests/state_folders")
}

/// `tar`, with Python: `-c` or `-e`.
fn tar(what: &str, archive: &Path, members: &[&str]) {
    let done = Command::new("python3")
        .args(["-m", "tarfile", what])
        .arg(archive)
        .args(members)
        .current_dir(PLACE)
        .output()
        .expect("python3 can be started");
    assert!(done.status.success(), "{}", transcript(&done));
}

/// Everything that the commands tell of what happened.
fn told(project: &Project) -> Value {
    let events = project.command(&["events", "--format", "json"]);
    let events = String::from_utf8_lossy(&events.stdout).into_owned();
    let events = events
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is a document"));
    let events: Vec<Value> = events.collect();
    let runs = project.json(&["runs"]);
    let ids = runs["runs"].as_array().expect("there are runs").iter();
    let ids: Vec<&str> = ids.filter_map(|run| run["run_id"].as_str()).collect();
    let statuses: Vec<Value> = ids
        .iter()
        .map(|run| project.json(&["status", run]))
        .collect();
    json!({
        "events": events,
        "runs": runs,
        "artifacts": project.json(&["artifacts"]),
        "statuses": statuses,
    })
}

/// A state folder with a run of every end, and one that was interrupted.
fn make(archive: &Path) {
    let Place { project, _lock } = Place::take();
    project.write("ropewalk.yaml", "");
    project.write("data.csv", "id\n1\n");
    for (file, text) in [
        ("pipeline.yaml", SUCCEEDS),
        ("gate.yaml", REFUSES),
        ("broken.yaml", FAILS),
        ("long.yaml", INTERRUPTED),
    ] {
        project.write(file, text);
    }
    for file in ["pipeline.yaml", "pipeline.yaml", "gate.yaml", "broken.yaml"] {
        project.command(&["run", file]);
    }
    project.command(&["run", "long.yaml", "--detach"]);
    let pid = loop {
        let status = project.json(&["status", "latest"]);
        if let Some(pid) = step(&status, "second")["attempts"][0]["pid"].as_u64() {
            break pid;
        }
    };
    kill(&project, "daemon.json");
    kill(&project, "keeper.lock");
    kill_process(u32::try_from(pid).expect("it is a process id"));
    end_processes(&project);
    let told = serde_json::to_vec_pretty(&told(&project)).expect("it is JSON");
    fs::write(format!("{PLACE}/told.json"), told).expect("the place can be written");
    tar("-c", archive, &["project", "told.json"]);
}

/// Everything that was told is told: there may be more of it by now.
fn same(before: &Value, now: &Value, at: &str) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            for (key, value) in before {
                same(
                    value,
                    now.get(key).unwrap_or(&Value::Null),
                    &format!("{at}.{key}"),
                );
            }
        }
        (Value::Array(before), Value::Array(now)) => {
            assert_eq!(before.len(), now.len(), "{at}");
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                same(before, now, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(before, now, "{at}"),
    }
}

fn check(archive: &Path) {
    let Place { project, _lock } = Place::take();
    tar("-e", archive, &[]);
    let before = fs::read_to_string(format!("{PLACE}/told.json")).expect("it was kept");
    let before: Value = serde_json::from_str(&before).expect("it is JSON");
    same(&before, &told(&project), "");
    let artifacts = before["artifacts"]["artifacts"]
        .as_array()
        .expect("there are some");
    let table = artifacts.iter().find(|one| one["name"] == "table");
    let table = table.expect("one is a table")["path"]
        .as_str()
        .expect("it has a path");
    let rows = fs::read_to_string(Path::new(table).join("rows.txt"));
    assert_eq!(rows.expect("the artifact is there"), "1\n2\n3\n");

    // What is there is reused.
    let again = project.run_to_end();
    for id in ["make", "score"] {
        assert_eq!(step(&again, id)["state"], "reused", "{again:#}");
    }
    // What was interrupted goes on where it was.
    let interrupted = before["statuses"].as_array().expect("there are runs");
    let interrupted = interrupted.iter().find(|run| run["state"] == "interrupted");
    let run = interrupted.expect("one was interrupted")["run_id"].as_str();
    let run = run.expect("it has an id");
    project.write("go", "");
    let resumed = project.command(&["resume", run]);
    assert!(resumed.status.success(), "{}", transcript(&resumed));
    let status = project.json(&["status", run]);
    for (id, attempts) in [("first", 1), ("second", 2), ("third", 1)] {
        let step = step(&status, id);
        assert_eq!(step["state"], "succeeded", "{status:#}");
        assert_eq!(step["attempts"].as_array().map(Vec::len), Some(attempts));
    }
}

#[test]
fn what_earlier_versions_left_is_told_reused_and_finished() {
    if let Ok(version) = std::env::var("ROPEWALK_KEEP_STATE") {
        make(&kept().join(format!("{version}.tar.gz")));
    }
    let mut archives: Vec<PathBuf> = fs::read_dir(kept())
        .expect("there are state folders")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "gz"))
        .collect();
    archives.sort();
    assert!(!archives.is_empty(), "none is kept");
    for archive in &archives {
        check(archive);
    }
}
