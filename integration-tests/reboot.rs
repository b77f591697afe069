//! The machine goes down while a step runs: the next boot takes the run to its end.
//!
//! Everything that ran is killed, and what comes next sees another boot identity: a file mounted over
//! the kernel's own, in a mount namespace.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::processes;
use crate::support::{Project, kill_process, not_run, step, transcript};

/// How long anything may take before the test fails; never a measure of how long it should take.
const PATIENCE: Duration = Duration::from_mins(1);

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

const PIPELINE: &str = "name: down\nsteps:\n\
    \x20 a: { run: 'test -e again || exec sleep 1000' }\n\
    \x20 b: { run: [echo, b], needs: [a] }\n";

#[test]
fn what_ran_when_the_machine_went_down_is_run_again() {
    let project = Project::of("reboot", PIPELINE);
    project.write("another-boot", "01234567-89ab-4cde-8f01-23456789abcd\n");
    let script = "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"";
    let in_another_boot = |words: &Command| {
        let mut command = Command::new("unshare");
        command
            .args(["-r", "-m", "sh", "-c", script, "sh"])
            .arg(project.folder().join("another-boot"))
            .arg(BOOT_ID)
            .arg(words.get_program())
            .args(words.get_args())
            .current_dir(project.folder());
        command
    };
    let may = in_another_boot(&Command::new("true")).output();
    if !may.is_ok_and(|output| output.status.success()) {
        not_run("this user may not have namespaces of mounts");
        return;
    }

    let mut follower = project.start_run();
    let began = Instant::now();
    let pid = loop {
        let status = project.command(&["status", "--format", "json"]);
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        let pid = status["steps"][0]["attempts"][0]["pid"].as_u64();
        if let Some(pid) = pid.and_then(|pid| u32::try_from(pid).ok()) {
            break pid;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for the step");
        thread::sleep(Duration::from_millis(20));
    };
    follower.kill().expect("the follower is ours");
    follower.wait().expect("the follower was killed");
    processes::kill(&project, "daemon.json");
    processes::kill(&project, "keeper.lock");
    assert!(kill_process(pid), "the step lived");
    project.write("again", "");

    let resume = project.ropewalk(&["resume", "latest"]);
    let resumed = in_another_boot(&resume).output();
    let resumed = resumed.expect("unshare can be started");
    assert!(resumed.status.success(), "{}", transcript(&resumed));
    let status = project.json(&["status"]);
    let attempts = step(&status, "a")["attempts"].as_array();
    let states = attempts.expect("a step has attempts").iter();
    let states: Vec<_> = states.map(|attempt| &attempt["state"]).collect();
    assert_eq!(states, ["lost", "succeeded"], "{status:#}");
    let events = transcript(&project.command(&["events", "latest"]));
    assert!(
        events.contains("the machine was started anew since"),
        "{events}"
    );
}
