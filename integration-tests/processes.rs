//! Ending what the product started, for sure: a state folder is about to be replaced.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Project, kill_process};

/// Ends daemon and keeper, and waits until they are gone.
pub(crate) fn end_processes(project: &Project) {
    project.stop();
    kill(project, "keeper.lock");
}

/// Kills the process that a JSON file of the state folder names, and waits until it is gone.
pub(crate) fn kill(project: &Project, file: &str) {
    let record = fs::read_to_string(project.state_dir().join(file)).unwrap_or_default();
    // A lock's record is its first line; daemon.json is one document.
    let line = record.lines().next().unwrap_or_default();
    let record: Value = serde_json::from_str(line)
        .or_else(|_| serde_json::from_str(&record))
        .unwrap_or_default();
    let Some(pid) = record["pid"].as_u64().and_then(|pid| pid.try_into().ok()) else {
        return;
    };
    // A process that nobody waits for stays a zombie, which holds nothing.
    let is_alive = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().map(str::trim_start);
        state.is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
    };
    if kill_process(pid) {
        while is_alive() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
