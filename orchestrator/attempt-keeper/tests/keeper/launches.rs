//! Launching: what an attempt is given, and that it is launched once.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use attempt_keeper::{Answer, KeeperMessage, Request};

use crate::support::{Folder, is_alive, wait_until};

#[test]
fn an_attempt_runs_and_its_status_is_kept_until_acknowledged() {
    let folder = Folder::new();
    let client = folder.client();
    let script = "echo to the log; echo and the errors >&2; exit 7";
    let launch = folder.script("one", script);
    let status = client.run(&launch);
    assert_eq!((status.code, status.signal), (Some(7), None));
    assert!(!status.timed_out && !status.killed);
    assert!(status.ended_at_us >= status.started_at_us && status.started_at_us > 0);
    assert!(status.memory_max_bytes > 0);
    let log = folder.log("one");
    assert_eq!(
        fs::read_to_string(&log).unwrap(),
        "to the log\nand the errors\n"
    );
    assert_eq!(
        fs::metadata(&log).unwrap().permissions().mode() & 0o777,
        0o600
    );

    // Repeated, it is answered and not run.
    client.launch(&launch);
    assert_eq!(client.exited("one"), status);
    client.kill("one", 0);
    assert_eq!(client.exited("one"), status);
    client.send(&Request::List);
    let held = |attempts: &[&str]| Answer::Held {
        attempts: attempts.iter().map(|id| (*id).to_owned()).collect(),
    };
    assert_eq!(client.answer(), held(&["one"]));
    // Acknowledged, it is unknown.
    client.acknowledge("one");
    client.send(&Request::List);
    assert_eq!(client.answer(), held(&[]));
    client.kill("one", 0);
    assert_eq!(
        client.answer(),
        Answer::Unknown {
            attempt: "one".to_owned()
        }
    );
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 2);
}

#[test]
fn an_attempt_has_exactly_the_given_environment_and_nothing_else() {
    let folder = Folder::new();
    let client = folder.client();
    let script = "env; echo; readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; \
                  ls /proc/$$/fd; pwd; ps -o pgid= -p $$; echo $$; cat /proc/$$/oom_score_adj; \
                  cat /proc/$$/status";
    let mut launch = folder.script("env", script);
    launch
        .env
        .push(("MULTILINE".to_owned(), "line\nbreak".to_owned()));
    assert_eq!(client.run(&launch).code, Some(0));
    let log = fs::read_to_string(folder.log("env")).unwrap();
    let (environment, rest) = log.split_once("\n\n").unwrap();
    let mut environment: Vec<&str> = environment.lines().collect();
    environment.sort_unstable();
    let cookie = format!("ROPEWALK_ATTEMPT_COOKIE={}:env", client.keeper.instance());
    // PWD is the shell's own.
    let pwd = format!("PWD={}", folder.path().display());
    let expected = [
        "PATH=/usr/bin:/bin",
        &pwd,
        &cookie,
        "MULTILINE=line",
        "break",
    ];
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(environment, expected);

    let rest: Vec<&str> = rest.lines().map(str::trim).collect();
    let log_path = folder.log("env").display().to_string();
    assert_eq!(rest[..3], ["/dev/null", &log_path, &log_path]);
    assert_eq!(rest[3..6], ["0", "1", "2"], "descriptors were inherited");
    assert_eq!(rest[6], folder.path().display().to_string());
    assert_eq!(rest[7], rest[8], "it does not lead its process group");
    assert_eq!(rest[9], "500");
    let ignored = rest
        .iter()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    // 32 and 33 are the C library's own, which its posix_spawn ignores.
    assert_eq!(ignored & 0x7fff_ffff, 0, "signals are ignored");
}

#[test]
fn repeated_launches_start_one_process() {
    let folder = Folder::new();
    let client = folder.client();
    let launch = folder.script("once", "echo started >> starts; read line < gate; exit 0");
    make_fifo(&folder, "gate");
    let again = Request::Launch(Box::new(launch.clone()));
    client.keeper.send_all(&vec![again; 20]).unwrap();
    let pid = client.launched("once");
    client.launch(&launch);
    // Those that came while it was being started are answered by `launched`, later ones by `running`.
    assert_eq!(
        client.answer(),
        Answer::Running {
            attempt: "once".to_owned(),
            pid
        }
    );
    fs::write(folder.file("gate"), "go\n").unwrap();
    let status = loop {
        match client.answer() {
            Answer::Running { .. } => {}
            Answer::Exited { status, .. } => break status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status.code, Some(0));
    assert_eq!(
        fs::read_to_string(folder.file("starts")).unwrap(),
        "started\n"
    );
}

#[test]
fn a_new_client_adopts_what_runs_and_learns_what_ended() {
    let folder = Folder::new();
    let (ends, runs) = (
        folder.script("ends", "exit 3"),
        folder.script("runs", "read line < gate"),
    );
    make_fifo(&folder, "gate");
    let first = folder.client();
    let instance = first.keeper.instance().to_owned();
    first.launch(&runs);
    let pid = first.launched("runs");
    drop(first);
    // `ends` is launched by a client that dies before the answer.
    let second = folder.client();
    second.launch(&ends);
    drop(second);

    let third = folder.client();
    assert_eq!(third.keeper.instance(), instance);
    third.launch(&runs);
    assert_eq!(
        third.answer(),
        Answer::Running {
            attempt: "runs".to_owned(),
            pid
        }
    );
    // Whether it has ended when asked again or ends later, the status arrives once.
    third.launch(&ends);
    let status = loop {
        match third.answer() {
            Answer::Launched { .. } | Answer::Running { .. } => {}
            Answer::Exited { attempt, status } if attempt == "ends" => break status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status.code, Some(3));
    fs::write(folder.file("gate"), "go\n").unwrap();
    assert_eq!(third.exited("runs").code, Some(0));
}

#[test]
fn what_cannot_be_started_is_refused_with_its_error_number() {
    let folder = Folder::new();
    let client = folder.client();
    fs::write(folder.file("plain"), "no program").unwrap();
    fs::write(folder.file("garbage"), "\x01\x02").unwrap();
    fs::write(folder.file("lost"), "#!/no/such/interpreter\n").unwrap();
    for program in ["garbage", "lost"] {
        fs::set_permissions(folder.file(program), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let mut cases = vec![
        (folder.command("none", &[]), 22, "empty"),
        (
            folder.command("missing", &["no-such-program"]),
            2,
            "on the PATH of the step",
        ),
        (
            folder.command("missing file", &["./none"]),
            2,
            "there is no",
        ),
        (
            folder.command("no permission", &["./plain"]),
            13,
            "not executable",
        ),
        (
            folder.command("a directory", &["/usr"]),
            13,
            "is a directory",
        ),
        (folder.command("no program", &["./garbage"]), 8, "#!/bin/sh"),
        (
            folder.command("no interpreter", &["./lost"]),
            2,
            "interpreter",
        ),
        (
            folder.command("nul", &["/bin/sh", "\0"]),
            22,
            "cannot be started",
        ),
        (folder.command("id\n", &["/bin/sh"]), 22, "identifier"),
    ];
    let mut nowhere = folder.command("nowhere", &["/bin/true"]);
    nowhere.cwd = folder.file("no such folder");
    cases.push((nowhere, 2, "working directory"));
    let mut no_log = folder.command("no log", &["/bin/true"]);
    no_log.log = folder.file("no such folder/log");
    cases.push((no_log, 2, "the log"));
    let mut bad_name = folder.command("bad name", &["/bin/true"]);
    bad_name.env.push(("A=B".to_owned(), "c".to_owned()));
    cases.push((bad_name, 22, "A=B"));
    let mut too_long = folder.command("too long", &["/bin/true"]);
    too_long.argv.push("x".repeat(300_000));
    cases.push((too_long, 7, "too long"));
    let mut on_path = folder.command("on path", &["plain"]);
    on_path.env = vec![(
        "PATH".to_owned(),
        format!("/usr:{}", folder.path().display()),
    )];
    cases.push((on_path, 13, "chmod +x"));

    for (launch, errno, part) in cases {
        // Twice: a refusal is kept, as a status is.
        for _ in 0..2 {
            client.launch(&launch);
            let answer = client.answer();
            let Answer::Refused {
                attempt,
                errno: named,
                message,
            } = answer
            else {
                panic!("{}: {answer:?}", launch.attempt);
            };
            assert_eq!(
                (attempt.as_str(), named),
                (launch.attempt.as_str(), errno),
                "{message}"
            );
            assert!(message.contains(part), "{message}");
        }
        client.acknowledge(&launch.attempt);
    }
}

#[test]
fn a_program_is_found_on_the_path_of_the_attempt() {
    let folder = Folder::new();
    let client = folder.client();
    fs::create_dir(folder.file("tools")).unwrap();
    let tool = folder.file("tools/tool");
    fs::write(&tool, "#!/bin/sh\necho \"$0\"\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o700)).unwrap();
    let mut launch = folder.command("tool", &["tool"]);
    // A relative part is meant from the attempt's working directory.
    launch.env = vec![("PATH".to_owned(), "/nonexistent:tools:/bin".to_owned())];
    assert_eq!(client.run(&launch).code, Some(0));
}

#[test]
fn hundreds_of_attempts_at_once_are_all_told() {
    let folder = Folder::new();
    let client = folder.client();
    let count = 300;
    let launches: Vec<Request> = (0..count)
        .map(|n| folder.script(&format!("many-{n}"), &format!("exit {}", n % 100)))
        .map(|launch| Request::Launch(Box::new(launch)))
        .collect();
    client.keeper.send_all(&launches).unwrap();
    let mut codes = std::collections::BTreeMap::new();
    while codes.len() < count {
        if let Answer::Exited { attempt, status } = client.answer() {
            assert!(codes.insert(attempt, status.code).is_none());
        }
    }
    for n in 0..count {
        assert_eq!(
            codes[&format!("many-{n}")],
            Some(i32::try_from(n % 100).unwrap())
        );
    }
}

#[test]
fn a_killed_keeper_is_noticed_and_another_one_takes_its_place() {
    let folder = Folder::new();
    let client = folder.client();
    let pid = client.keeper.greeting().pid;
    crate::support::signal(pid, 9);
    assert_eq!(client.message(), KeeperMessage::Disconnected);
    wait_until("the keeper's end", || (!is_alive(pid)).then_some(()));
    let next = folder.client();
    assert_ne!(next.keeper.instance(), client.keeper.instance());
    assert_eq!(next.run(&folder.script("works", "exit 0")).code, Some(0));
}

pub(crate) fn make_fifo(folder: &Folder, name: &str) {
    let made = std::process::Command::new("mkfifo")
        .arg(folder.file(name))
        .status()
        .unwrap();
    assert!(made.success());
}
