//! A step that nothing can end: it is shown as stuck and keeps its slot, and its run ends without it only
//! if that is asked for.
//!
//! No process survives SIGKILL at will. One that the kernel has frozen (a control group of version 1)
//! stands for one that waits for a dead disk: the signal waits until it is thawed.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, kill_process, not_run, step, transcript};

/// How long anything may take before the test fails: a process counts as stuck a minute after it was killed.
const PATIENCE: Duration = Duration::from_mins(3);

const PIPELINE: &str = "name: deaf\nsteps:\n\
    \x20 a: { run: 'test -e again || exec sleep 1000', grace: 0s }\n\
    \x20 b: { run: [echo, b], needs: a }\n\
    finally:\n\
    \x20 z: { run: [echo, z] }\n";

/// A group of frozen processes. Thawed, killed and removed when it goes away.
struct Freezer(PathBuf);

impl Freezer {
    /// None where this user may not make one.
    fn new() -> Option<Self> {
        let all = Path::new("/sys/fs/cgroup/freezer");
        let group = all.join(format!("ropewalk-stuck-{}", std::process::id()));
        let is_there = all.join("tasks").exists() && fs::create_dir(&group).is_ok();
        is_there.then_some(Self(group))
    }

    fn freeze(&self, pid: u64) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("the group takes it");
        self.set("FROZEN");
    }

    fn set(&self, state: &str) {
        let file = self.0.join("freezer.state");
        fs::write(&file, state).expect("the group can be set");
        wait_until("the freezer", || {
            fs::read_to_string(&file).is_ok_and(|now| now.trim() == state)
        });
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.set("THAWED");
        let pids = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        for pid in pids.lines().filter_map(|pid| pid.parse().ok()) {
            kill_process(pid);
        }
        wait_until("the group's end", || fs::remove_dir(&self.0).is_ok());
    }
}

#[test]
fn a_run_ends_without_a_stuck_step_when_it_is_asked_to() {
    let Some(freezer) = Freezer::new() else {
        not_run("there is no freezer of control groups that this user may use");
        return;
    };
    let project = Project::of("stuck", PIPELINE);
    project.command(&["run", "pipeline.yaml", "--detach"]);
    let pid = wait_for(&project, "the process", |status| {
        step(status, "a")["attempts"][0]["pid"].as_u64()
    });
    freezer.freeze(pid);
    project.command(&["cancel", "latest"]);
    let status = wait_for(&project, "the step to be stuck", |status| {
        (step(status, "a")["state"] == "stuck").then(|| status.clone())
    });
    assert_eq!(status["state"], "cancelling");
    assert_eq!(step(&status, "a")["attempts"][0]["state"], "stuck");
    let reason = status["reason"]["text"].as_str().unwrap_or_default();
    let told = reason.starts_with("`a` is stuck: ") && reason.contains(&format!("process {pid}"));
    assert!(told, "{status:#}");

    project.command(&["cancel", "latest", "--abandon"]);
    let status = wait_for(&project, "the end of the run", |status| {
        (status["state"] == "cancelled").then(|| status.clone())
    });
    for (id, state) in [("a", "cancelled"), ("b", "cancelled"), ("z", "succeeded")] {
        assert_eq!(step(&status, id)["state"], state, "{status:#}");
    }
    assert_eq!(step(&status, "a")["attempts"][0]["state"], "stuck");
    let events = project.command(&["events", "latest", "--format", "json"]);
    let events = String::from_utf8_lossy(&events.stdout).into_owned();
    assert!(events.contains("\"step_stuck\""), "{events}");

    // It may live, so nothing is run beside it.
    let retry = project.command(&["retry", "latest"]);
    let said = transcript(&retry);
    assert!(!retry.status.success() && said.contains("`a`"), "{said}");
    freezer.set("THAWED");
    project.write("again", "");
    wait_until("its end to be heard of", || {
        project.command(&["retry", "latest"]).status.success()
    });
}

/// What a run's document comes to tell.
fn wait_for<T>(project: &Project, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
    let mut found = None;
    wait_until(what, || {
        found = find(&project.json(&["status", "latest"]));
        found.is_some()
    });
    found.unwrap_or_else(|| panic!("waited for it"))
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
