//! After the death of a keeper: its attempts are ended, and it is known how that was proven.

use std::fs;
use std::time::Duration;

use attempt_keeper::{KeeperMessage, Proof, RemainsError, Trace, end_remains};

use crate::launches::make_fifo;
use crate::support::{Folder, PATIENCE, is_alive, signal, wait_until};

/// Kills the keeper and waits for its death to be noticed.
fn kill_keeper(client: &crate::support::Client) {
    signal(client.keeper.greeting().pid, 9);
    while client.message() != KeeperMessage::Disconnected {}
}

/// As on a machine where the keeper may not have a control group of its own.
fn forget_cgroup(folder: &Folder) -> Option<String> {
    let mut record = folder.lock_record();
    let group = record["cgroup"].as_str().map(str::to_owned);
    record["cgroup"] = serde_json::Value::Null;
    fs::write(folder.file("keeper.lock"), format!("{record}\n")).unwrap();
    group
}

/// Each with what gives the process away that writes its id.
const REMAINS: [(&str, &str, Trace); 8] = [
    (
        "main process",
        "echo \"pid $$\" > pids; exec sleep 1000",
        Trace::Cookie,
    ),
    (
        "in its group",
        "trap '' TERM; sh -c \"$LOOP\" & wait",
        Trace::Cookie,
    ),
    (
        "in its own session",
        "setsid sh -c \"$LOOP\" & wait",
        Trace::Cookie,
    ),
    (
        "forked twice",
        "(setsid sh -c \"$LOOP\" &) & wait; read line < gate",
        Trace::Cookie,
    ),
    (
        "without its cookie",
        "cd /; env -i sh -c \"$OUT\" < /dev/null > /dev/null 2>&1 & wait",
        Trace::Session,
    ),
    (
        "without its cookie, in the group of one that has it, in a session of their own",
        "cd /; exec < /dev/null > /dev/null 2>&1; setsid sh -c 'env -i sh -c \"$OUT\" & wait' & wait",
        Trace::Group,
    ),
    (
        "without its cookie, in the folder",
        "env -i setsid sh -c \"$LOOP\" < /dev/null > /dev/null 2>&1 & wait",
        Trace::Folder,
    ),
    (
        "without its cookie, outside, with the log open",
        "cd /; env -i setsid sh -c \"$OUT\" & wait",
        Trace::OpenFile,
    ),
];

#[test]
fn remains_are_ended_by_the_scan() {
    for (name, script, trace) in REMAINS {
        let folder = Folder::new();
        let attempt_dir = folder.file("attempt");
        fs::create_dir(&attempt_dir).unwrap();
        let client = folder.client();
        let mut launch = folder.script("run/step/1", script);
        launch.cwd.clone_from(&attempt_dir);
        launch.log = attempt_dir.join("log");
        let pids = attempt_dir.join("pids");
        let forever = "while :; do sleep 1000; done";
        for (variable, file) in [("LOOP", "pids"), ("OUT", pids.to_str().unwrap())] {
            let value = format!("echo \"pid $$\" > {file}; {forever}");
            launch.env.push((variable.to_owned(), value));
        }
        make_fifo(&folder, "attempt/gate");
        client.launch(&launch);
        let main = client.launched("run/step/1");
        let left: u32 = folder.wait_for_line("attempt/pids", "pid").parse().unwrap();
        let instance = client.keeper.instance().to_owned();
        let paths = [attempt_dir.as_path()];
        let group = forget_cgroup(&folder);
        kill_keeper(&client);
        let ended = end_remains(folder.path(), &instance, "run/step/1", &paths, PATIENCE).unwrap();
        assert_eq!(ended.proof, Proof::Scan, "{name}");
        assert_eq!(ended.found.get(&left), Some(&trace), "{name}");
        assert!(
            !is_alive(left) && !is_alive(main),
            "{name}: {left} or {main} is alive"
        );
        if let Some(group) = group {
            wait_until("the empty group's removal", || fs::remove_dir(&group).ok());
        }
    }
}

#[test]
fn remains_are_ended_by_the_control_group_where_there_is_one() {
    let folder = Folder::new();
    let client = folder.client();
    // The one that escapes the scan: no cookie, no group, no folder, no open file.
    let escape = "cd /; env -i setsid sh -c \"$LOOP\" < /dev/null > /dev/null 2>&1 & wait";
    let mut launch = folder.script("a", escape);
    let pids = folder.file("pids");
    let value = format!("echo \"pid $$\" > {}; exec sleep 1000", pids.display());
    launch.env.push(("LOOP".to_owned(), value));
    client.launch(&launch);
    client.launched("a");
    let left: u32 = folder.wait_for_line("pids", "pid").parse().unwrap();
    let instance = client.keeper.instance().to_owned();
    let has_group = !folder.lock_record()["cgroup"].is_null();
    kill_keeper(&client);
    if has_group {
        let proof = end_remains(folder.path(), &instance, "a", &[], PATIENCE)
            .unwrap()
            .proof;
        assert_eq!(proof, Proof::Cgroup);
        assert!(!is_alive(left));
        // Again, and after the next keeper has taken office, the proof still stands.
        let next = folder.client();
        assert_ne!(next.keeper.instance(), instance);
        let proof = end_remains(folder.path(), &instance, "a", &[], PATIENCE)
            .unwrap()
            .proof;
        assert_eq!(proof, Proof::Cgroup);
    } else {
        let proof = end_remains(folder.path(), &instance, "a", &[], PATIENCE)
            .unwrap()
            .proof;
        assert_eq!(proof, Proof::Scan);
        assert!(is_alive(left), "the documented limit of the scan");
        signal(left, 9);
    }
}

#[test]
fn an_attempt_of_a_living_keeper_has_no_remains() {
    let folder = Folder::new();
    let client = folder.client();
    client.launch(&folder.command("a", &["sleep", "1000"]));
    let pid = client.launched("a");
    let instance = client.keeper.instance();
    let paths = [folder.path()];
    let alive = end_remains(folder.path(), instance, "a", &paths, Duration::ZERO);
    let keeper = client.keeper.greeting().pid;
    assert!(
        matches!(alive, Err(RemainsError::KeeperAlive { pid }) if pid == keeper),
        "{alive:?}"
    );
    assert!(is_alive(pid));
}

#[test]
fn the_scan_spares_bystanders() {
    let folder = Folder::new();
    let client = folder.client();
    let instance = client.keeper.instance().to_owned();
    forget_cgroup(&folder);
    kill_keeper(&client);
    let next = folder.client();
    let log = folder.file("shared.log");
    fs::write(&log, "").unwrap();
    // Somebody reads the log, and an attempt of the next keeper writes to the same file.
    let mut reader = std::process::Command::new("tail")
        .arg("-f")
        .arg(&log)
        .spawn()
        .unwrap();
    let mut other = folder.command("other", &["sleep", "1000"]);
    other.log.clone_from(&log);
    next.launch(&other);
    let pid = next.launched("other");
    let ended = end_remains(folder.path(), &instance, "gone", &[&log], PATIENCE).unwrap();
    assert_eq!(ended.proof, Proof::Scan);
    assert!(ended.found.is_empty(), "{:?}", ended.found);
    assert!(is_alive(pid) && is_alive(reader.id()));
    reader.kill().unwrap();
    reader.wait().unwrap();
    next.kill("other", 0);
    assert_eq!(next.exited("other").signal, Some(9));
}

/// Its process lives on only because there was no reboot: it stands for one of the new boot, whose
/// number is given anew, and must be left alone.
#[test]
fn nothing_survives_a_reboot() {
    let folder = Folder::new();
    let client = folder.client();
    let instance = client.keeper.instance().to_owned();
    client.launch(&folder.command("a", &["sleep", "1000"]));
    let pid = client.launched("a");
    kill_keeper(&client);
    let mut record = folder.lock_record();
    record["boot_id"] = "another boot".into();
    fs::write(folder.file("keeper.lock"), format!("{record}\n")).unwrap();
    let ended = end_remains(folder.path(), &instance, "a", &[folder.path()], PATIENCE).unwrap();
    assert_eq!(ended.proof, Proof::Reboot);
    assert!(ended.found.is_empty());
    // Neither does the next keeper touch what its predecessor's record names.
    let _next = folder.client();
    assert!(is_alive(pid));
    signal(pid, 9);
}

/// The dead keeper's number was given to somebody else: to the leader of a session, even.
#[test]
fn a_number_that_was_given_anew_is_not_mistaken_for_the_keeper() {
    let folder = Folder::new();
    let client = folder.client();
    let instance = client.keeper.instance().to_owned();
    forget_cgroup(&folder);
    kill_keeper(&client);
    let script = "echo \"pid $$\" > pids; cd /; exec sleep 1000";
    let mut innocent = std::process::Command::new("setsid")
        .args(["sh", "-c", script])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let pid: u32 = folder.wait_for_line("pids", "pid").parse().unwrap();
    let mut record = folder.lock_record();
    // The keeper's own start time stays.
    record["pid"] = pid.into();
    fs::write(folder.file("keeper.lock"), format!("{record}\n")).unwrap();
    let ended = end_remains(folder.path(), &instance, "a", &[], PATIENCE).unwrap();
    assert_eq!(ended.proof, Proof::Scan);
    assert!(is_alive(pid), "{:?}", ended.found);
    signal(pid, 9);
    innocent.wait().unwrap();
}
