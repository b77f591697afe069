//! Other processes of the product: a short program's output, a daemon in the background.

use std::fs;
use std::path::Path;
use std::time::Duration;

use attempt_keeper::{SpawnError, output_of, start_daemon};

use crate::support::{Folder, PATIENCE, is_alive, wait_until};

#[test]
fn the_output_of_a_program_is_bounded_in_time_and_size() {
    let run = |script: &str, time: Duration, bytes: usize| {
        output_of(
            &["/bin/sh", "-c", script],
            Path::new("/"),
            &[("A", "b")],
            time,
            bytes,
        )
    };
    let output = run("echo $A; echo no >&2; exit 3", PATIENCE, 100).unwrap();
    assert_eq!((output.code, output.signal), (Some(3), None));
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b"b\n"[..], &b"no\n"[..])
    );
    let output = run("kill -9 $$", PATIENCE, 100).unwrap();
    assert_eq!((output.code, output.signal), (None, Some(9)));
    // More than a pipe holds, at its very limit.
    let output = run("head -c 200000 /dev/zero", PATIENCE, 200_000).unwrap();
    assert_eq!(output.stdout.len(), 200_000);

    let error = run("yes", PATIENCE, 100_000).unwrap_err();
    assert!(matches!(error, SpawnError::TooMuchOutput { .. }), "{error}");
    let error = run(
        "exec > /dev/null 2>&1; sleep 1000",
        Duration::from_millis(50),
        1,
    )
    .unwrap_err();
    assert!(matches!(error, SpawnError::TimedOut { .. }), "{error}");
    let error = output_of(&["no-such-program"], Path::new("/"), &[], PATIENCE, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`no-such-program` cannot be started in /"
    );
    let error = output_of(&[], Path::new("/"), &[], PATIENCE, 1).unwrap_err();
    assert!(matches!(error, SpawnError::EmptyCommand), "{error}");
}

#[test]
fn what_a_program_leaves_behind_is_not_waited_for() {
    // The background process keeps the pipe open.
    let folder = Folder::new();
    let script = "sleep 1000 & echo $!";
    let output = output_of(
        &["/bin/sh", "-c", script],
        folder.path(),
        &[],
        PATIENCE,
        100,
    )
    .unwrap();
    let left = String::from_utf8(output.stdout).unwrap();
    crate::support::signal(left.trim().parse().unwrap(), 9);
}

#[test]
fn a_daemon_keeps_nothing_of_its_starter() {
    let folder = Folder::new();
    let log = folder.file("daemon.log");
    fs::write(&log, "before\n").unwrap();
    // A descriptor that would be inherited: the shell hands 9 on, and starts this test binary, which
    // starts the daemon. Here it is enough that the daemon lists its descriptors.
    let script = "ls /proc/$$/fd; readlink /proc/$$/fd/0; echo done >&2; exec sleep 1000";
    let argv = ["/bin/sh", "-c", script].map(str::to_owned);
    let mut daemon = start_daemon(&argv, &log).unwrap();
    folder.wait_for_line("daemon.log", "done");
    assert_eq!(
        fs::read_to_string(&log).unwrap(),
        "before\n0\n1\n2\n/dev/null\ndone\n"
    );
    assert_eq!(daemon.ended(), None);
    crate::support::signal(daemon.pid, 9);
    let how = wait_until("the daemon's end", || daemon.ended());
    assert_eq!(how, "signal 9");
    // Dropped, it is waited for by a thread of the starter: no zombie stays.
    let short = start_daemon(&["/bin/true".to_owned()], &log).unwrap();
    let pid = short.pid;
    drop(short);
    wait_until("the zombie's end", || {
        (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    });
    assert!(!is_alive(pid));
}
