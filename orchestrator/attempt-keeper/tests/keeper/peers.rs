//! Who may speak to whom: users, protocols, and how many; and what a keeper hands on to nobody.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use attempt_keeper::limits::{ATTEMPTS_MAX, CONNECTIONS_MAX};
use attempt_keeper::{Answer, KeeperClient, KeeperError, KeeperMessage, PROTOCOL_VERSION, Request};
use rustix::io::FdFlags;

use crate::launches::make_fifo;
use crate::support::{Client, Folder, keeper_argv, not_run, signal, stop};

/// Another user.
const NOBODY: u32 = 65_534;

/// Runs a Python program as another user; none where this user may not do that.
fn as_nobody(program: &str, folder: &Folder) -> Option<Child> {
    if !rustix::process::geteuid().is_root() {
        not_run("only the superuser can be another user");
        return None;
    }
    // Let the other user in: without the check nothing would stop it.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let head = format!("import os, socket, sys\nos.setgid({NOBODY}); os.setuid({NOBODY})\n");
    let child = Command::new("python3")
        .args(["-c", &(head + program)])
        .arg(folder.file("keeper.sock"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    Some(child.unwrap())
}

#[test]
fn a_keeper_says_nothing_to_another_user() {
    let folder = Folder::new();
    let client = folder.client();
    let hello = "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n\
                 try:\n\
                 \x20 s.sendall(b'{\"request\":\"hello\",\"protocol\":1}\\n{\"request\":\"end\"}\\n')\n\
                 \x20 print(len(s.recv(1000)))\n\
                 except ConnectionError: print(0)\n";
    fs::set_permissions(
        folder.file("keeper.sock"),
        fs::Permissions::from_mode(0o666),
    )
    .unwrap();
    let Some(other) = as_nobody(hello, &folder) else {
        return;
    };
    let output = other.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "0\n");
    let log = fs::read_to_string(folder.file("keeper.log")).unwrap();
    assert!(log.contains("another user was refused"), "{log}");
    assert_eq!(client.run(&folder.script("lives", "exit 0")).code, Some(0));
}

#[test]
fn a_client_says_nothing_to_another_users_keeper() {
    let folder = Folder::new();
    let listen = "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n\
                  print('listens', flush=True)\n\
                  c, _ = s.accept(); print(len(c.recv(1000)))\n";
    let Some(mut other) = as_nobody(listen, &folder) else {
        return;
    };
    let mut said = BufReader::new(other.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "listens");
    let error = Client::of(folder.path()).err().unwrap();
    assert!(
        matches!(error, KeeperError::ForeignSocket { theirs: NOBODY, .. }),
        "{error}"
    );
    assert_eq!(said.next().unwrap().unwrap(), "0");
    other.wait().unwrap();
}

/// A connection by hand, whose client says that it is of this protocol.
struct ByHand {
    stream: UnixStream,
    lines: std::io::Lines<BufReader<UnixStream>>,
}

impl ByHand {
    fn of(folder: &Folder, protocol: u32) -> Self {
        let stream = UnixStream::connect(folder.file("keeper.sock")).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut one = Self { stream, lines };
        one.write(&format!(
            "{{\"request\":\"hello\",\"protocol\":{protocol}}}\n"
        ));
        assert!(matches!(one.answer(), Answer::Hello(_)));
        one
    }

    fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn send(&mut self, request: &Request) {
        self.write(&(serde_json::to_string(request).unwrap() + "\n"));
    }

    fn answer(&mut self) -> Answer {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

#[test]
fn a_client_of_another_protocol_adopts_and_ends_but_starts_nothing() {
    for protocol in [PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1] {
        let folder = Folder::new();
        make_fifo(&folder, "gate");
        let client = folder.client();
        let held = folder.script("held", "read line < gate");
        client.launch(&held);
        let pid = client.launched("held");
        drop(client);

        let mut other = ByHand::of(&folder, protocol);
        other.send(&Request::List);
        let attempts = vec!["held".to_owned()];
        assert_eq!(other.answer(), Answer::Held { attempts });
        other.send(&Request::Launch(Box::new(folder.script("new", "exit 0"))));
        let request = "launch".to_owned();
        assert_eq!(other.answer(), Answer::Unsupported { request });
        other.send(&Request::Launch(Box::new(held)));
        let attempt = "held".to_owned();
        assert_eq!(other.answer(), Answer::Running { attempt, pid });
        other.send(&Request::End);
        assert_eq!(other.answer(), Answer::Occupied { attempts: 1 });
        let attempt = "held".to_owned();
        other.send(&Request::Kill {
            attempt,
            grace_ms: 60_000,
        });
        let Answer::Exited { attempt, status } = other.answer() else {
            panic!("it was killed");
        };
        assert!(status.killed && status.signal == Some(15), "{status:?}");
        other.send(&Request::Acknowledge { attempt });
        other.send(&Request::End);
        assert!(other.lines.next().is_none(), "the keeper did not end");
    }
}

#[test]
fn connections_and_attempts_have_their_limits() {
    let folder = Folder::new();
    let client = folder.client();
    let mut others: Vec<ByHand> = (1..CONNECTIONS_MAX)
        .map(|_| ByHand::of(&folder, PROTOCOL_VERSION))
        .collect();
    let mut one_more = UnixStream::connect(folder.file("keeper.sock")).unwrap();
    assert_eq!(one_more.read(&mut [0; 10]).unwrap_or(0), 0);
    others.pop();

    // Refusals are held until they are acknowledged, and cost no process.
    let launch = |name: &str| Request::Launch(Box::new(folder.command(name, &[])));
    let all: Vec<Request> = (0..ATTEMPTS_MAX).map(|n| launch(&format!("{n}"))).collect();
    client.keeper.send_all(&all).unwrap();
    for _ in 0..ATTEMPTS_MAX {
        let answer = client.answer();
        assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    }
    client.send(&launch("one more"));
    let attempt = "one more".to_owned();
    let attempts = ATTEMPTS_MAX;
    assert_eq!(client.answer(), Answer::Busy { attempt, attempts });
    client.acknowledge("0");
    client.send(&launch("one more"));
    assert!(matches!(client.answer(), Answer::Refused { .. }));
}

#[test]
fn a_stopped_keeper_is_named_and_left_alone() {
    let folder = Folder::new();
    let client = folder.client();
    let keeper = client.keeper.greeting().pid;
    stop(keeper);
    let error = KeeperClient::connect(folder.path(), Box::new(|_: KeeperMessage| {}))
        .err()
        .unwrap();
    assert!(
        matches!(error, KeeperError::Silent { pid, .. } if pid == Some(keeper)),
        "{error}"
    );
    signal(keeper, 18);
    assert_eq!(client.run(&folder.script("lives", "exit 0")).code, Some(0));
}

#[test]
fn a_keeper_keeps_no_descriptor_of_its_starter_and_hands_none_on() {
    let folder = Folder::new();
    // Open in this process, as a pipe that a shell made for `ropewalk run ... | cat`.
    let (_reader, writer) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(writer.as_fd(), FdFlags::empty()).unwrap();
    let ours = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer));
    let ours = fs::read_link(ours).unwrap();
    // And open in the keeper itself, if it was started by hand.
    let by_hand = "exec 9< /dev/null; exec \"$@\"";
    let mut argv = ["/bin/sh", "-c", by_hand, "sh"].map(str::to_owned).to_vec();
    argv.extend(keeper_argv(folder.path()));
    let client = Client::by(folder.path(), &argv).unwrap();

    let keeper = client.keeper.greeting().pid;
    let open = fs::read_dir(format!("/proc/{keeper}/fd")).unwrap();
    let open: Vec<_> = open
        .filter_map(|fd| fs::read_link(fd.unwrap().path()).ok())
        .collect();
    assert!(!open.contains(&ours), "{open:?}");
    let status = client.run(&folder.script("lists", "ls /proc/$$/fd"));
    assert_eq!(status.code, Some(0));
    let log = fs::read_to_string(folder.log("lists")).unwrap();
    assert_eq!(log, "0\n1\n2\n");
}
