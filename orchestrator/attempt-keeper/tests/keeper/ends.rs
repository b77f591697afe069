//! Ending attempts: kills, timeouts, grace, and what they leave behind.

use std::fs;

use attempt_keeper::{Answer, Request};

use crate::launches::make_fifo;
use crate::support::{Folder, is_alive, signal};

/// A shell that ignores SIGTERM, and says so before it waits for ever.
const DEAF: &str = "trap '' TERM; echo \"ready $$\" >> said; while :; do read line < gate; done";

#[test]
fn a_kill_is_a_signal_first_and_forced_after_the_grace() {
    let folder = Folder::new();
    let client = folder.client();
    make_fifo(&folder, "gate");
    let polite = "trap 'echo asked; exit 5' TERM; echo \"polite $$\" >> said; while :; do read line < gate; done";
    client.launch(&folder.script("polite", polite));
    client.launched("polite");
    folder.wait_for_line("said", "polite");
    client.kill("polite", 60_000);
    let status = client.exited("polite");
    assert_eq!(
        (status.code, status.killed, status.timed_out),
        (Some(5), true, false)
    );
    let log = fs::read_to_string(folder.log("polite")).unwrap();
    assert_eq!(log.lines().last(), Some("asked"), "{log}");

    client.launch(&folder.script("deaf", DEAF));
    client.launched("deaf");
    folder.wait_for_line("said", "ready");
    client.kill("deaf", 60_000);
    // A second kill with a shorter grace counts.
    client.kill("deaf", 30);
    let status = client.exited("deaf");
    assert_eq!(
        (status.code, status.signal, status.killed),
        (None, Some(9), true)
    );
}

#[test]
fn a_stopped_attempt_is_ended_by_the_signal() {
    let folder = Folder::new();
    let client = folder.client();
    make_fifo(&folder, "gate");
    client.launch(&folder.script("stopped", "echo \"ready $$\" >> said; read line < gate"));
    let pid = client.launched("stopped");
    folder.wait_for_line("said", "ready");
    signal(pid, 19);
    client.kill("stopped", 60_000);
    assert_eq!(client.exited("stopped").signal, Some(15));
}

#[test]
fn a_timeout_is_enforced_without_a_client() {
    let folder = Folder::new();
    make_fifo(&folder, "gate");
    let mut launch = folder.script("deaf", DEAF);
    launch.timeout_ms = Some(100);
    launch.grace_ms = 50;
    let client = folder.client();
    client.launch(&launch);
    let pid = client.launched("deaf");
    drop(client);
    crate::support::wait_until("the timeout", || (!is_alive(pid)).then_some(()));
    let client = folder.client();
    client.launch(&launch);
    let status = loop {
        match client.answer() {
            Answer::Running { .. } => {}
            Answer::Exited { status, .. } => break status,
            other => panic!("{other:?}"),
        }
    };
    assert!(status.timed_out && !status.killed);
    assert_eq!(status.signal, Some(9));
    assert!(
        status.ended_at_us - status.started_at_us >= 150_000,
        "{status:?}"
    );
}

#[test]
fn an_attempt_that_waits_its_turn_can_be_killed() {
    let folder = Folder::new();
    let client = folder.client();
    let attempt = || Request::Launch(Box::new(folder.script("queued", "exit 0")));
    let kill = Request::Kill {
        attempt: "queued".to_owned(),
        grace_ms: 0,
    };
    // In one write both are taken in one turn, mostly before the spawner looks.
    client.keeper.send_all(&[attempt(), kill]).unwrap();
    let status = loop {
        match client.answer() {
            Answer::Launched { .. } => {}
            Answer::Exited { status, .. } => break status,
            other => panic!("{other:?}"),
        }
    };
    assert!(status.killed);
    assert!(
        status.code.is_none() || status.code == Some(0),
        "{status:?}"
    );
}

/// Each script leaves a process behind, whose id it writes to `said`, and ends.
#[test]
fn what_an_attempt_leaves_behind_is_ended_before_its_end_is_told() {
    let cases = [
        ("in its group", "sh -c \"$LOOP\" &"),
        ("deaf, in its group", "sh -c \"trap '' TERM HUP; $LOOP\" &"),
        ("in its own session", "setsid sh -c \"$LOOP\" &"),
        (
            "in its own session, with a child",
            "setsid sh -c \"sleep 1000 & $LOOP\" &",
        ),
        ("forked twice", "(setsid sh -c \"$LOOP\" &) &"),
        ("without its cookie", "env -i setsid sh -c \"$LOOP\" &"),
        (
            "with its outputs closed",
            "setsid sh -c \"$LOOP\" > /dev/null 2>&1 &",
        ),
    ];
    let folder = Folder::new();
    let client = folder.client();
    for (number, (name, script)) in cases.into_iter().enumerate() {
        let ready = format!("pid-{number}");
        // The loop names itself in a file; the script ends only after that.
        let leaving = format!("echo \"pid $$\" > {ready}; while :; do sleep 1000; done");
        let whole = format!("{script}\nuntil [ -s {ready} ]; do sleep 0.01; done; exit 4");
        let mut launch = folder.script(name, &whole);
        launch.env.push(("LOOP".to_owned(), leaving));
        let status = client.run(&launch);
        assert_eq!(status.code, Some(4), "{name}");
        let left: u32 = folder.wait_for_line(&ready, "pid").parse().unwrap();
        assert!(
            !is_alive(left),
            "{name}: process {left} outlived the attempt"
        );
    }
}

#[test]
fn leftovers_of_one_attempt_are_not_looked_for_in_another() {
    let folder = Folder::new();
    let client = folder.client();
    make_fifo(&folder, "gate");
    // An orphan of a running attempt lives as long as the attempt.
    let keeps = "(setsid sh -c 'echo \"pid $$\" > orphan; while :; do sleep 1000; done' &) & \
                 read line < gate";
    client.launch(&folder.script("keeps", keeps));
    client.launched("keeps");
    let orphan: u32 = folder.wait_for_line("orphan", "pid").parse().unwrap();
    for n in 0..5 {
        assert_eq!(
            client
                .run(&folder.script(&format!("short-{n}"), "exit 0"))
                .code,
            Some(0)
        );
    }
    assert!(
        is_alive(orphan),
        "the orphan of a running attempt was killed"
    );
    fs::write(folder.file("gate"), "go\n").unwrap();
    assert_eq!(client.exited("keeps").code, Some(0));
    assert!(!is_alive(orphan));
}
