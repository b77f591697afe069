//! Ending attempts: kills, timeouts, grace, and what they leave behind.

use std::fs;

use attempt_keeper::{Answer, Request};

use crate::launches::make_fifo;
use crate::support::{Folder, is_alive, stop, wait_until};

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
    stop(pid);
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
    wait_until("the timeout", || (!is_alive(pid)).then_some(()));
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

/// Each script leaves a process behind, whose id it writes to a file, and ends. What is in its process
/// group dies with the group; of the rest keeper.log says what gave it away.
#[test]
fn what_an_attempt_leaves_behind_is_ended_before_its_end_is_told() {
    let by_cookie = Some("found by their cookie");
    let by_output = Some("found by the output that they have open");
    let by_being_orphans = Some("found by being orphans of none that runs");
    let cases = [
        ("in its group", "sh -c \"$LOOP\" &", None),
        (
            "deaf, in its group",
            "sh -c \"trap '' TERM HUP; $LOOP\" &",
            None,
        ),
        ("in its own session", "setsid sh -c \"$LOOP\" &", by_cookie),
        (
            "in its own session, with a child",
            "setsid sh -c \"sleep 1000 & $LOOP\" &",
            by_cookie,
        ),
        ("forked twice", "(setsid sh -c \"$LOOP\" &) &", by_cookie),
        (
            "without its cookie",
            "env -i setsid sh -c \"$LOOP\" &",
            by_output,
        ),
        (
            "without its cookie, with its outputs closed",
            "env -i setsid sh -c \"$LOOP\" > /dev/null 2>&1 &",
            by_being_orphans,
        ),
        (
            "with its outputs closed",
            "setsid sh -c \"$LOOP\" > /dev/null 2>&1 &",
            by_cookie,
        ),
    ];
    let folder = Folder::new();
    let client = folder.client();
    for (number, (name, script, found)) in cases.into_iter().enumerate() {
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
        assert_eq!(trace_of(&folder, left).as_deref(), found, "{name}");
    }
}

/// What gave a process away that was left behind, by the line of keeper.log that names it. One that
/// died with its process group stands there at most as a member of that.
fn trace_of(folder: &Folder, pid: u32) -> Option<String> {
    let log = fs::read_to_string(folder.file("keeper.log")).unwrap();
    let line = log.lines().find_map(|line| {
        let (said, pids) = line.split_once(": [")?;
        let mut pids = pids.trim_end_matches(']').split(", ");
        pids.any(|one| one == pid.to_string()).then_some(said)
    });
    let found = line.map(|line| line[line.find("found by").unwrap()..].to_owned());
    found.filter(|found| found != "found by their process group")
}

/// An orphan of an attempt that runs is the keeper's to reap, or the system would fill with zombies.
#[test]
fn orphans_of_a_running_attempt_are_reaped() {
    let folder = Folder::new();
    let client = folder.client();
    make_fifo(&folder, "gate");
    let script = "i=0; while [ $i -lt 40 ]; do (sh -c 'exit 7' &); i=$((i + 1)); done; \
                  echo \"ready $$\" >> said; read line < gate";
    client.launch(&folder.script("forks", script));
    client.launched("forks");
    folder.wait_for_line("said", "ready");
    let keeper = client.keeper.greeting().pid;
    wait_until("the zombies' end", || {
        (children(keeper) == ["forks"]).then_some(())
    });
    fs::write(folder.file("gate"), "go\n").unwrap();
    assert_eq!(client.exited("forks").code, Some(0));
    wait_until("no child at all", || {
        children(keeper).is_empty().then_some(())
    });
}

/// The children of a keeper, each by the attempt in its cookie; a zombie has none.
fn children(keeper: u32) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let children = processes.filter(|one| {
        let stat = fs::read_to_string(one.path().join("stat")).unwrap_or_default();
        let parent = stat
            .rfind(')')
            .and_then(|end| stat[end..].split(' ').nth(2));
        parent == Some(keeper.to_string().as_str())
    });
    let names = children.map(|child| {
        let environ = fs::read(child.path().join("environ")).unwrap_or_default();
        let environ = String::from_utf8_lossy(&environ).into_owned();
        let cookie = environ.split('\0').find_map(|entry| {
            let value = entry.strip_prefix("ROPEWALK_ATTEMPT_COOKIE=")?;
            Some(value.split_once(':')?.1.to_owned())
        });
        cookie.unwrap_or_default()
    });
    names.collect()
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

/// Beside an older attempt that runs on: what it could have started itself is left alone until it ends.
#[test]
fn what_nothing_tells_apart_lives_as_long_as_the_attempts_that_it_may_belong_to() {
    let folder = Folder::new();
    let client = folder.client();
    make_fifo(&folder, "gate");
    client.launch(&folder.script("older", "read line < gate"));
    client.launched("older");
    let leave = |name: &str, redirection: &str| {
        let inner = format!("echo \"pid $$\" > {name}.pid; while :; do sleep 1000; done");
        let script = format!(
            "env -i setsid sh -c '{inner}' {redirection} &\nuntil [ -s {name}.pid ]; do sleep 0.01; done"
        );
        assert_eq!(client.run(&folder.script(name, &script)).code, Some(0));
        let left = folder.wait_for_line(&format!("{name}.pid"), "pid");
        left.parse::<u32>().unwrap()
    };
    let writes = leave("writes", "");
    assert!(!is_alive(writes), "it had the output of its attempt open");
    let silent = leave("silent", "< /dev/null > /dev/null 2>&1");
    assert!(is_alive(silent), "the documented limit");
    fs::write(folder.file("gate"), "go\n").unwrap();
    assert_eq!(client.exited("older").code, Some(0));
    assert!(!is_alive(silent));
}
