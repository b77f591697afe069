//! The state folder: one keeper, its lock, its socket, and its end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;

use attempt_keeper::{Answer, KeeperClient, KeeperError, KeeperMessage, Request};

use crate::launches::make_fifo;
use crate::support::{Client, Folder, is_alive, keeper_argv, signal, stop, wait_until};

#[test]
fn clients_that_start_at_once_share_one_keeper() {
    let folder = Folder::new();
    let count = 8;
    let barrier = Arc::new(Barrier::new(count));
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let (barrier, path) = (Arc::clone(&barrier), folder.path().to_path_buf());
            thread::spawn(move || {
                barrier.wait();
                let client = Client::of(&path).unwrap();
                client.keeper.instance().to_owned()
            })
        })
        .collect();
    let instances: Vec<String> = threads.into_iter().map(|one| one.join().unwrap()).collect();
    assert!(
        instances.iter().all(|instance| *instance == instances[0]),
        "{instances:?}"
    );
}

#[test]
fn a_second_keeper_is_refused_by_the_lock() {
    let folder = Folder::new();
    let client = folder.client();
    let argv = keeper_argv(folder.path());
    let output = Command::new(&argv[0]).args(&argv[1..]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    let pid = client.keeper.greeting().pid;
    assert!(
        said.contains(&format!("another keeper (process {pid}) holds")),
        "{said}"
    );
    assert_eq!(client.run(&folder.script("lives", "exit 0")).code, Some(0));
}

#[test]
fn the_lock_names_its_holder_and_the_socket_is_private() {
    let folder = Folder::new();
    let client = folder.client();
    let record = folder.lock_record();
    assert_eq!(record["instance"], client.keeper.instance());
    assert_eq!(record["pid"], client.keeper.greeting().pid);
    for name in ["keeper.sock", "keeper.lock", "keeper.log"] {
        let mode = fs::metadata(folder.file(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // In a session of its own, with nothing of its starter.
    let pid = client.keeper.greeting().pid;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 1..]
        .split_whitespace()
        .collect();
    assert_eq!(fields[3], pid.to_string(), "it does not lead its session");
    assert_eq!(
        fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(),
        Some("/")
    );
}

#[test]
fn a_state_folder_may_lie_deep() {
    let folder = Folder::new();
    let deep = folder.file(&"deep".repeat(20)).join("folder".repeat(20));
    fs::create_dir_all(&deep).unwrap();
    let client = Client::of(&deep).unwrap();
    assert!(deep.join("keeper.sock").exists());
    let mut launch = folder.script("deep", "exit 6");
    launch.cwd.clone_from(&deep);
    assert_eq!(client.run(&launch).code, Some(6));
    let again = Client::of(&deep).unwrap();
    assert_eq!(again.keeper.instance(), client.keeper.instance());
}

#[test]
fn half_a_line_and_garbage_harm_only_their_connection() {
    let folder = Folder::new();
    let client = folder.client();
    // A daemon that dies within a request.
    let hello = "{\"request\":\"hello\",\"protocol\":1}\n";
    let mut dying = UnixStream::connect(folder.file("keeper.sock")).unwrap();
    let launch = Request::Launch(Box::new(folder.script("half", "exit 0")));
    let launch = serde_json::to_string(&launch).unwrap();
    dying.write_all(hello.as_bytes()).unwrap();
    dying
        .write_all(&launch.as_bytes()[..launch.len() / 2])
        .unwrap();
    drop(dying);

    // Lines that are none, each with what the keeper says before it closes.
    let cases = [
        (format!("{hello}nonsense\n"), "malformed"),
        (format!("{hello}{{\"request\":\"kill\"}}\n"), "malformed"),
        ("{\"request\":\"end\"}\n".to_owned(), "hello"),
        (format!("{hello}{}\n", "x".repeat(5 << 20)), "longer than"),
    ];
    for (text, said) in cases {
        let mut stream = UnixStream::connect(folder.file("keeper.sock")).unwrap();
        let mut writing = stream.try_clone().unwrap();
        // The keeper may close before all is written.
        let writer = thread::spawn(move || writing.write_all(text.as_bytes()));
        let mut answers = Vec::new();
        let mut piece = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            answers.extend_from_slice(&piece[..length]);
        }
        let answers = String::from_utf8(answers).unwrap();
        assert!(answers.contains(said), "{answers}");
        drop(stream);
        let _ = writer.join().unwrap();
    }

    // A request of a newer protocol closes nothing.
    let mut newer = UnixStream::connect(folder.file("keeper.sock")).unwrap();
    newer.write_all(hello.as_bytes()).unwrap();
    newer
        .write_all(b"{\"request\":\"freeze\",\"attempt\":\"a\"}\n")
        .unwrap();
    newer
        .write_all(b"{\"request\":\"kill\",\"attempt\":\"half\",\"grace_ms\":0,\"new\":1}\n")
        .unwrap();
    let mut reader = std::io::BufRead::lines(std::io::BufReader::new(newer));
    let mut next = || serde_json::from_str::<Answer>(&reader.next().unwrap().unwrap()).unwrap();
    assert!(matches!(next(), Answer::Hello(_)));
    assert_eq!(
        next(),
        Answer::Unsupported {
            request: "freeze".to_owned()
        }
    );
    // The half launch was none.
    assert_eq!(
        next(),
        Answer::Unknown {
            attempt: "half".to_owned()
        }
    );
    assert_eq!(client.run(&folder.script("lives", "exit 0")).code, Some(0));
}

#[test]
fn a_dead_keepers_socket_and_lock_do_not_stand_in_the_way() {
    let folder = Folder::new();
    let client = folder.client();
    let first = client.keeper.instance().to_owned();
    signal(client.keeper.greeting().pid, 9);
    assert_eq!(client.message(), KeeperMessage::Disconnected);
    assert!(folder.file("keeper.sock").exists() && folder.file("keeper.lock").exists());
    let second = folder.client();
    let record = folder.lock_record();
    assert_eq!(record["instance"], second.keeper.instance());
    assert_eq!(record["predecessors"][0]["instance"], first);
}

#[test]
fn a_holder_without_a_socket_is_ended_if_it_is_the_recorded_keeper() {
    let folder = Folder::new();
    let client = folder.client();
    let old = client.keeper.greeting().pid;
    // It holds the lock, but cannot make its socket again.
    stop(old);
    fs::remove_file(folder.file("keeper.sock")).unwrap();
    let next = folder.client();
    assert_ne!(next.keeper.greeting().pid, old);
    assert!(!is_alive(old));
}

/// It is locked by this process, which no record names as a whole: another start, another boot.
#[test]
fn a_lock_of_somebody_else_is_an_error_and_nobody_is_killed() {
    let own = std::process::id();
    let stat = fs::read_to_string(format!("/proc/{own}/stat")).unwrap();
    let start = stat[stat.rfind(')').unwrap()..].split(' ').nth(20).unwrap();
    let start: u64 = start.parse().unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for (start, boot) in [(start - 1, boot.trim()), (start, "another boot")] {
        let folder = Folder::new();
        let lock = File::create(folder.file("keeper.lock")).unwrap();
        lock.lock().unwrap();
        let record = serde_json::json!({
            "instance": "x", "pid": own, "start_time": start, "boot_id": boot, "protocol": 1,
        });
        (&lock).write_all(format!("{record}\n").as_bytes()).unwrap();
        let error = Client::of(folder.path()).err().unwrap();
        assert!(
            matches!(error, KeeperError::UnknownHolder { .. }),
            "{error}"
        );
    }
}

#[test]
fn a_removed_socket_file_is_made_again() {
    let folder = Folder::new();
    let client = folder.client();
    fs::remove_file(folder.file("keeper.sock")).unwrap();
    wait_until("the socket", || {
        folder.file("keeper.sock").exists().then_some(())
    });
    let again = folder.client();
    assert_eq!(again.keeper.instance(), client.keeper.instance());
}

#[test]
fn a_keeper_whose_folder_is_gone_ends_with_its_attempts() {
    let outer = Folder::new();
    let state = outer.file("state");
    fs::create_dir(&state).unwrap();
    make_fifo(&outer, "gate");
    let client = Client::of(&state).unwrap();
    client.launch(&outer.script(
        "lives",
        "trap '' TERM; echo ready >> said; read line < gate",
    ));
    let pid = client.launched("lives");
    outer.wait_for_line("said", "ready");
    fs::remove_dir_all(&state).unwrap();
    // Its end may still be told before the connection ends.
    while client.message() != KeeperMessage::Disconnected {}
    assert!(!is_alive(pid));
    let keeper = client.keeper.greeting().pid;
    wait_until("the keeper's end", || (!is_alive(keeper)).then_some(()));
}

#[test]
fn an_idle_keeper_ends_and_removes_its_socket() {
    let folder = Folder::new();
    let client = folder.client();
    assert_eq!(client.run(&folder.script("kept", "exit 0")).code, Some(0));
    let keeper = client.keeper.greeting().pid;
    // Something unacknowledged is held: it does not end when asked to.
    client.send(&Request::End);
    assert_eq!(client.answer(), Answer::Occupied { attempts: 1 });
    client.acknowledge("kept");
    drop(client);
    wait_until("the keeper's end", || (!is_alive(keeper)).then_some(()));
    assert!(!folder.file("keeper.sock").exists());
    let log = fs::read_to_string(folder.file("keeper.log")).unwrap();
    assert!(log.contains("ends: no connection"), "{log}");
}

#[test]
fn a_keeper_that_holds_nothing_ends_when_asked_to() {
    let folder = Folder::new();
    let client = folder.client();
    client.send(&Request::End);
    assert_eq!(client.message(), KeeperMessage::Disconnected);
    let keeper = client.keeper.greeting().pid;
    wait_until("the keeper's end", || (!is_alive(keeper)).then_some(()));
}

#[test]
fn a_keeper_that_cannot_start_is_reported_with_its_log() {
    let folder = Folder::new();
    let ignore = || Box::new(|_: KeeperMessage| {});
    let argv = ["/bin/sh", "-c", "echo out of luck >&2; exit 9"].map(str::to_owned);
    let error = KeeperClient::connect_or_start(folder.path(), &argv, ignore())
        .err()
        .unwrap();
    let said = error.to_string();
    assert!(
        said.contains("exit code 9") && said.contains("out of luck"),
        "{said}"
    );
    let argv = ["/no/such/keeper".to_owned()];
    let error = KeeperClient::connect_or_start(folder.path(), &argv, ignore())
        .err()
        .unwrap();
    assert!(matches!(error, KeeperError::Start { .. }), "{error}");
    let error = KeeperClient::connect(folder.path(), ignore())
        .err()
        .unwrap();
    assert!(matches!(error, KeeperError::NotReached { .. }), "{error}");
}
