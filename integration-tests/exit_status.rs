//! How commands end, for scripts.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Project, step, transcript};

const GOOD: &str = "name: p\nsteps: { a: { run: [\"true\"] } }\n";

/// A step that waits for its end.
const WAITS: &str = "name: p\nsteps: { a: { run: [sleep, \"600\"] } }\n";

fn expect(project: &Project, arguments: &[&str], status: i32) -> String {
    let output = project.command(arguments);
    let said = transcript(&output);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    said
}

#[test]
fn each_kind_of_end_has_its_status() {
    let project = Project::of("ends", GOOD);
    project.write("bad.yaml", "name: p\nsteps: { a: { run: [\"false\"] } }\n");
    project.write(
        "refuses.yaml",
        "name: p\nsteps: { a: { run: [sh, -c, exit 65] } }\n",
    );
    project.write("invalid.yaml", "name: p\n");
    expect(&project, &["run", "pipeline.yaml"], 0);
    expect(&project, &["run", "bad.yaml"], 1);
    expect(&project, &["run", "refuses.yaml"], 1);
    expect(&project, &["run", "invalid.yaml"], 1);
    expect(&project, &["validate", "pipeline.yaml", "invalid.yaml"], 1);
    expect(&project, &["cancel", "latest"], 1);
    expect(&project, &["run", "nothing.yaml"], 2);
    expect(&project, &["run", "pipeline.yaml", "-p", "x=1"], 2);
    expect(&project, &["run", "pipeline.yaml", "--force", "x"], 2);
    expect(&project, &["run", "pipeline.yaml", "--no-such-flag"], 2);
    expect(&project, &["status", "ffff"], 2);
    expect(&project, &["logs", "latest", "x"], 2);
    expect(&project, &["show", "a.x"], 2);
    expect(&project, &["artifacts", "ffff"], 2);
    expect(&project, &["--version"], 0);
}

/// A client that follows a run, and what it says.
struct Follower {
    child: Child,
    events: BufReader<ChildStdout>,
}

impl Follower {
    /// Starts it, and waits until it has told that the run's only step was started.
    fn of(project: &Project) -> Self {
        let mut child = project
            .ropewalk(&["run", "pipeline.yaml", "--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary can be started");
        let events = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut follower = Self { child, events };
        let mut line = String::new();
        while !line.contains("step_started") {
            line.clear();
            let length = follower.events.read_line(&mut line);
            assert_ne!(
                length.expect("events are text"),
                0,
                "it ended before the step began"
            );
        }
        follower
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a child has a pid"), signal).expect("the child is ours");
    }

    /// How it ended, and what else it said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.events
            .read_to_string(&mut said)
            .expect("events are text");
        (self.child.wait().expect("it is ours").code(), said)
    }
}

#[test]
fn ctrl_c_cancels_the_run_that_is_followed() {
    let project = Project::of("interrupted", WAITS);
    let follower = Follower::of(&project);
    follower.signal(Signal::INT);
    let (status, said) = follower.end();
    assert_eq!(status, Some(130), "{said}");
    let document = project.json(&["status"]);
    assert_eq!(document["state"], "cancelled", "{document:#}");
    assert_eq!(
        step(&document, "a")["attempts"][0]["state"],
        "cancelled",
        "{document:#}"
    );
}

#[test]
fn a_client_that_is_asked_to_end_leaves_the_run_alone() {
    let project = Project::of("terminated", WAITS);
    let follower = Follower::of(&project);
    follower.signal(Signal::TERM);
    assert_eq!(follower.end().0, Some(143));
    assert_eq!(project.json(&["status"])["state"], "running");
    let said = expect(&project, &["stop", "--cancel"], 0);
    assert_eq!(project.json(&["status"])["state"], "cancelled", "{said}");
}

#[test]
fn a_detached_run_goes_on_and_is_attached_to() {
    let project = Project::of("detached", WAITS);
    let document = project.json(&["run", "pipeline.yaml", "--detach"]);
    let run = document["run_id"]
        .as_str()
        .expect("a run has an id")
        .to_owned();
    let again = project.json(&["run", "pipeline.yaml", "--detach"]);
    assert_eq!(again["run_id"], run.as_str(), "the same run is attached to");
    let new = project.json(&["run", "pipeline.yaml", "--detach", "--new"]);
    assert_ne!(new["run_id"], run.as_str());
    expect(&project, &["stop", "--cancel"], 0);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let project = Project::of("pipe", GOOD);
    expect(&project, &["run", "pipeline.yaml"], 0);
    let mut child = project
        .ropewalk(&["events"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it is ours");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Daemon and keeper, which live on, keep nothing open of the command that started them.
#[test]
fn a_pipe_ends_with_the_command_that_writes_into_it() {
    let project = Project::of("pipe-run", GOOD);
    let run = project.ropewalk(&["run", "pipeline.yaml"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "\"$0\" \"$@\" 2>&1 | cat"])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(project.folder());
    let output = shell.output().expect("sh can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("succeeded"), "{said}");
    for record in ["daemon.json", "keeper.lock"] {
        let record = project.read(&format!(".ropewalk/{record}"));
        let first: Value = serde_json::Deserializer::from_str(&record)
            .into_iter()
            .next()
            .expect("it has a record")
            .expect("the record is JSON");
        let lives = Path::new("/proc").join(first["pid"].to_string()).exists();
        assert!(lives, "it ended with the command, which shows nothing");
    }
}
