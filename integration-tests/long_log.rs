//! A log whose middle was taken out, because it grew too large: it reads well all the same.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::support::{Project, step, transcript};

/// Where what was kept of the end begins: a hole as large as they come in practice.
const END_AT: u64 = 3 << 30;

#[test]
fn the_hole_in_a_long_log_is_told_and_takes_no_time() {
    let project = Project::of(
        "long-log",
        "name: long\nsteps:\n  a: { run: 'echo first' }\n",
    );
    assert_eq!(project.run_to_end()["state"], "succeeded");
    let status = project.json(&["status", "latest"]);
    let path = step(&status, "a")["attempts"][0]["log_path"].as_str();
    let path = path.expect("an attempt has a log");
    let log = File::options()
        .write(true)
        .open(path)
        .expect("the log is there");
    let end = "f what was cut\nlast but one\nlast\n";
    log.write_all_at(end.as_bytes(), END_AT)
        .expect("the log can be written");
    drop(log);

    let whole = project.command(&["logs", "latest", "a"]);
    let whole = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert!(
        whole.starts_with("first\n"),
        "{}",
        &whole[..whole.len().min(200)]
    );
    assert!(whole.contains(" bytes were taken out here: the log grew too large]\n"));
    assert!(whole.ends_with(end));
    let tail = project.command(&["logs", "latest", "a", "--tail", "2"]);
    assert_eq!(
        String::from_utf8_lossy(&tail.stdout),
        "last but one\nlast\n"
    );
    let tail = project.command(&["logs", "latest", "a", "--tail", "1000"]);
    assert!(String::from_utf8_lossy(&tail.stdout).ends_with(end));
    assert!(tail.stdout.len() < 1 << 20, "{}", tail.stdout.len());
    let lines = project.command(&["logs", "latest", "a", "--format", "json"]);
    assert!(
        lines.status.success() && lines.stdout.len() < 1 << 20,
        "{}",
        transcript(&lines).len()
    );
}
