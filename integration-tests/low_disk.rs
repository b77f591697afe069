//! Little room on the disk: nothing is launched, the run says what it waits for, and goes on once
//! there is room again.
//!
//! The disk is a file system in memory over the state folder, in a mount namespace of its own, whose
//! size is changed while the run goes on.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, not_run, step};

/// How long anything may take before the test fails; never a measure of how long it should take.
const PATIENCE: Duration = Duration::from_mins(1);

const ENOUGH: &str = "8g";
const LITTLE: &str = "256m";

/// A process that keeps the namespace.
struct Disk {
    project: Project,
    holder: Child,
}

impl Disk {
    /// None where this user may not have namespaces.
    fn new(pipeline: &str) -> Option<Self> {
        let project = Project::of("low-disk", pipeline);
        fs::create_dir(project.state_dir()).expect("a scratch folder can be written");
        let script = "mount -t tmpfs -o mode=0700,size=$2 none \"$1\" && echo ready && exec cat";
        let holder = Command::new("unshare")
            .args(["-r", "-m", "sh", "-c", script, "sh"])
            .arg(project.state_dir())
            .arg(ENOUGH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut disk = Self {
            project,
            holder: holder.ok()?,
        };
        let mut ready = [0; 6];
        let said = disk.holder.stdout.as_mut().expect("it is a pipe");
        let is_ready = said.read_exact(&mut ready).is_ok();
        is_ready.then_some(disk)
    }

    /// A command in the namespace.
    fn inside(&self, words: &Command) -> Command {
        let mut command = Command::new("nsenter");
        let folder = self.project.folder();
        command
            .args(["-U", "-m", "--preserve-credentials", "-t"])
            .arg(self.holder.id().to_string())
            .args(["sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh"])
            .arg(folder)
            .arg(words.get_program())
            .args(words.get_args())
            .env_clear()
            .envs(
                words
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::null());
        command
    }

    fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount
            .args(["-o", &format!("remount,size={size}")])
            .arg(self.project.state_dir());
        let path = std::env::var_os("PATH").expect("there is a PATH");
        let done = self.inside(&mount).env("PATH", path).status();
        assert!(done.expect("nsenter can be started").success());
    }

    fn status(&self) -> Value {
        let status = self.project.ropewalk(&["status", "--format", "json"]);
        let output = self.inside(&status).output();
        let output = output.expect("nsenter can be started");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let stop = self.project.ropewalk(&["stop"]);
        let _ = self.inside(&stop).output();
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn with_little_room_steps_wait_and_say_so() {
    let pipeline = "name: room\nsteps:\n\
                    \x20 a: { run: 'echo a >> trace; until [ -e go ]; do sleep 0.01; done' }\n\
                    \x20 b: { needs: [a], run: 'echo b >> trace' }\n";
    let Some(disk) = Disk::new(pipeline) else {
        not_run("this user may not have namespaces of mounts");
        return;
    };
    let run = disk.project.ropewalk(&["run", "pipeline.yaml"]);
    let mut follower = disk.inside(&run);
    let mut follower = follower
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nsenter can be started");
    let said = follower.stderr.take().expect("it is a pipe");

    wait_until("the first step", || {
        disk.project.folder().join("trace").exists()
    });
    disk.resize(LITTLE);
    disk.project.write("go", "");
    // What runs ends and is recorded; what follows waits.
    wait_until("the second step to wait", || {
        let status = disk.status();
        status["steps"].is_array()
            && step(&status, "a")["state"] == "succeeded"
            && step(&status, "b")["state"] == "waiting"
            && step(&status, "b")["reason"]["code"] == "disk"
    });
    let status = disk.status();
    let reason = status["reason"]["text"].as_str().unwrap_or_default();
    assert!(
        reason.starts_with("it waits for disk space: "),
        "{status:#}"
    );
    assert_eq!(disk.project.read("trace"), "a\n");

    // The follower looks by itself, for no event tells it.
    let mut told = BufReader::new(said).lines().map_while(Result::ok);
    assert!(told.any(|line| line.starts_with("it waits for disk space: ")));
    disk.resize(ENOUGH);
    let rest = thread::spawn(move || told.count());
    assert!(follower.wait().expect("the follower is ours").success());
    assert_eq!(disk.project.read("trace"), "a\nb\n");
    rest.join().expect("reading does not panic");
}

#[test]
fn a_daemon_starts_though_there_is_little_room() {
    let Some(disk) = Disk::new("name: room\nsteps:\n  a: { run: 'echo a > trace' }\n") else {
        not_run("this user may not have namespaces of mounts");
        return;
    };
    disk.resize(LITTLE);
    let detached = disk.project.ropewalk(&["run", "--detach", "pipeline.yaml"]);
    let started = disk.inside(&detached).output();
    let started = started.expect("nsenter can be started");
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(started.status.success(), "{said}");
    wait_until("the step to wait", || {
        let status = disk.status();
        status["steps"].is_array() && step(&status, "a")["reason"]["code"] == "disk"
    });
    disk.resize(ENOUGH);
    wait_until("the step", || disk.status()["state"] == "succeeded");
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
