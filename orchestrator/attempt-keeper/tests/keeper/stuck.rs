//! A process that survives SIGKILL: it is told, held, and ends when it can.
//!
//! No process does so at will. One that is frozen by the kernel (a control group of version 1) stands
//! for one that waits for a dead disk: the signal waits until it is thawed.

use std::fs;
use std::path::{Path, PathBuf};

use attempt_keeper::{Answer, Proof, RemainsError, end_remains};

use crate::launches::make_fifo;
use crate::support::{Client, Folder, PATIENCE, is_alive, not_run, signal, wait_until};

/// A group whose processes can be frozen. Thawed and removed when it goes away.
struct Freezer(PathBuf);

impl Freezer {
    /// None where this user may not make one.
    fn new(name: &str) -> Option<Self> {
        let all = Path::new("/sys/fs/cgroup/freezer");
        let group = all.join(format!("{name}-{}", std::process::id()));
        if all.join("tasks").exists() && fs::create_dir(&group).is_ok() {
            return Some(Self(group));
        }
        not_run("there is no freezer of control groups that this user may use");
        None
    }

    fn freeze(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
        self.set("FROZEN");
    }

    fn thaw(&self) {
        self.set("THAWED");
    }

    fn set(&self, state: &str) {
        fs::write(self.0.join("freezer.state"), state).unwrap();
        wait_until("the freezer", || {
            let now = fs::read_to_string(self.0.join("freezer.state")).unwrap();
            (now.trim() == state).then_some(())
        });
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        let _ = fs::read_to_string(self.0.join("cgroup.procs"))
            .map(|pids| pids.lines().for_each(|pid| signal(pid.parse().unwrap(), 9)));
        wait_until("the group's end", || fs::remove_dir(&self.0).ok());
    }
}

#[test]
fn an_attempt_that_survives_its_kill_is_told_as_stuck_and_ends_later() {
    let Some(freezer) = Freezer::new("stuck-main") else {
        return;
    };
    let folder = Folder::new();
    let client = folder.client();
    let mut launch = folder.command("a", &["sleep", "1000"]);
    launch.stuck_after_ms = Some(100);
    client.launch(&launch);
    let pid = client.launched("a");
    freezer.freeze(pid);
    client.kill("a", 0);
    told_as_stuck(&client, pid);
    // It is held, and a repeated launch starts nothing and tells the same.
    client.launch(&launch);
    let attempt = "a".to_owned();
    assert_eq!(client.answer(), Answer::Running { attempt, pid });
    told_as_stuck(&client, pid);
    freezer.thaw();
    let status = client.exited("a");
    assert!(status.killed && status.signal == Some(9), "{status:?}");
}

#[test]
fn what_an_attempt_left_behind_may_be_stuck_too() {
    let Some(freezer) = Freezer::new("stuck-leftover") else {
        return;
    };
    let folder = Folder::new();
    make_fifo(&folder, "gate");
    let client = folder.client();
    let script =
        "setsid sh -c 'echo \"pid $$\" > pids; exec sleep 1000' & read line < gate; exit 3";
    let mut launch = folder.script("a", script);
    launch.stuck_after_ms = Some(100);
    client.launch(&launch);
    client.launched("a");
    let left: u32 = folder.wait_for_line("pids", "pid").parse().unwrap();
    freezer.freeze(left);
    fs::write(folder.file("gate"), "go\n").unwrap();
    told_as_stuck(&client, left);
    freezer.thaw();
    assert_eq!(client.exited("a").code, Some(3));
    assert!(!is_alive(left));
}

#[test]
fn remains_that_survive_are_named_and_nothing_is_proven() {
    let Some(freezer) = Freezer::new("stuck-remains") else {
        return;
    };
    let folder = Folder::new();
    let client = folder.client();
    client.launch(&folder.command("a", &["sleep", "1000"]));
    let pid = client.launched("a");
    let instance = client.keeper.instance().to_owned();
    freezer.freeze(pid);
    signal(client.keeper.greeting().pid, 9);
    let try_for = std::time::Duration::from_millis(100);
    let error = end_remains(folder.path(), &instance, "a", &[], try_for).unwrap_err();
    let RemainsError::Stuck { pids } = error else {
        panic!("{error}");
    };
    assert_eq!(pids, [pid]);
    freezer.thaw();
    let ended = end_remains(folder.path(), &instance, "a", &[], PATIENCE).unwrap();
    assert_ne!(ended.proof, Proof::Reboot);
    assert!(!is_alive(pid));
}

fn told_as_stuck(client: &Client, pid: u32) {
    let answer = client.answer();
    let Answer::Stuck { attempt, pids } = answer else {
        panic!("instead of stuck: {answer:?}");
    };
    assert_eq!((attempt.as_str(), pids), ("a", vec![pid]));
}
