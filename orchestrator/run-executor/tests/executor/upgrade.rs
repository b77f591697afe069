//! A keeper of another version, older or newer, while attempts run: they are adopted, and what is new
//! waits for a keeper of this version.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use attempt_keeper::{Answer, ExitStatus, KeeperGreeting, PROTOCOL_VERSION, Request};
use run_engine::decide::AttemptOutcome;
use run_engine::reason::ReasonCode;
use run_engine::seams::{Effect, Executor, Report};

use crate::support::{PATIENCE, World};

/// What the stand-in is told by the test.
struct End {
    attempt: String,
    code: i32,
}

/// A keeper of another protocol that holds one attempt. It speaks as one of its number does: it starts
/// nothing, tells what it holds, and ends when it is asked to and holds nothing.
struct StandIn {
    requests: Receiver<Request>,
    ends: Sender<End>,
}

/// The instance of the stand-in.
const INSTANCE: &str = "of-another-version";

impl StandIn {
    fn start(state_dir: &Path, protocol: u32, held: &str) -> Self {
        let socket = state_dir.join("keeper.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (request_sender, requests) = channel();
        let (ends, end_receiver) = channel();
        let held = held.to_owned();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(&stream, protocol, held, &request_sender, &end_receiver);
            // As a keeper that ends: nobody listens, and the socket file is gone.
            drop(listener);
            fs::remove_file(socket).unwrap();
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        });
        Self { requests, ends }
    }

    /// The next request that this picks.
    fn asked<T>(&self, pick: impl Fn(Request) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.requests.recv_timeout(PATIENCE).unwrap()) {
                return found;
            }
        }
    }
}

fn serve(
    stream: &UnixStream,
    protocol: u32,
    held: String,
    requests: &Sender<Request>,
    ends: &Receiver<End>,
) {
    let mut held = vec![held];
    let say = |answer: &Answer| {
        let line = serde_json::to_string(answer).unwrap();
        let mut writer = stream;
        writeln!(writer, "{line}").unwrap();
    };
    for line in BufReader::new(stream).lines() {
        let request: Request = serde_json::from_str(&line.unwrap()).unwrap();
        match &request {
            Request::Hello(_) => say(&Answer::Hello(KeeperGreeting {
                masks: false,
                protocol,
                instance: INSTANCE.to_owned(),
                pid: std::process::id(),
                version: "another".to_owned(),
            })),
            Request::List => say(&Answer::Held {
                attempts: held.clone(),
            }),
            Request::Launch(launch) if held.contains(&launch.attempt) => say(&Answer::Running {
                attempt: launch.attempt.clone(),
                pid: std::process::id(),
            }),
            Request::Launch(_) => say(&Answer::Unsupported {
                request: "launch".to_owned(),
            }),
            Request::Kill { .. } => {}
            Request::Acknowledge { attempt } => held.retain(|one| one != attempt),
            Request::End if held.is_empty() => return,
            Request::End => say(&Answer::Occupied {
                attempts: held.len(),
            }),
        }
        // Requests come at least every few seconds, for it is asked to end again and again.
        let _ = requests.send(request);
        for End { attempt, code } in ends.try_iter() {
            let status = ExitStatus {
                code: Some(code),
                ..ExitStatus::default()
            };
            say(&Answer::Exited { attempt, status });
        }
    }
}

#[test]
fn an_attempt_of_a_keeper_of_another_protocol_is_adopted_and_what_is_new_waits() {
    for protocol in [PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1] {
        let mut world = World::without_executor();
        let mut old = world.shell_of("exit 9", INSTANCE);
        old.attempt = 3;
        let name = format!("{}/0/3", old.run);
        let keeper = StandIn::start(&world.state_dir(), protocol, &name);
        fs::create_dir_all(run_folder(&world, &old.run.to_string())).unwrap();
        world.start();

        assert_eq!(hindrance(&world), Some(ReasonCode::Slots));
        world.launch(&old);
        assert_eq!(world.launched(&old), (std::process::id(), true));
        // A step that was to start under that keeper, and never did.
        let new = world.shell("echo started > new");
        assert_eq!(new.keeper, INSTANCE);
        world.launch(&new);
        world.submit(Effect::Kill(old.task().attempt()));
        keeper.asked(|request| match request {
            Request::Kill { attempt, .. } if attempt == name => Some(()),
            Request::Launch(launch) if launch.attempt != name => panic!("{launch:?}"),
            _ => None,
        });
        keeper.asked(|request| (request == Request::End).then_some(()));
        let end = End {
            attempt: name.clone(),
            code: 9,
        };
        keeper.ends.send(end).unwrap();
        let report = world.ended(&old);
        assert_eq!(report.exit.unwrap().code, Some(9));
        assert!(!world.project().join("new").exists());
        world.submit(Effect::Acknowledge(old.task().attempt()));

        // It holds nothing now and ends; nothing of the new step ever ran, and it runs under the next.
        world.lost(&new);
        assert_eq!(hindrance(&world), None);
        let next = world.executor().keeper();
        assert_ne!(next, INSTANCE, "protocol {protocol}");
        let mut again = world.shell("echo started > new");
        (again.run, again.attempt) = (new.run, 2);
        let outcome = world.run(&again).outcome;
        assert!(
            matches!(outcome, AttemptOutcome::Succeeded(_)),
            "{outcome:?}"
        );
    }
}

/// A keeper of this protocol that is too old to take secrets out of logs.
#[test]
fn no_secret_is_handed_to_a_keeper_that_would_write_it_down() {
    let mut world = World::without_executor();
    let keeper = StandIn::start(&world.state_dir(), PROTOCOL_VERSION, "held");
    world.write(".env", "TOKEN=s3cret\n");
    world.start();
    let mut step = world.shell_of("echo $TOKEN", INSTANCE);
    let text = "${{ secrets.TOKEN }}".to_owned();
    step.node.env.insert("TOKEN".to_owned(), text.clone());
    step.key.env.insert("TOKEN".to_owned(), text);
    world.launch(&step);
    let code = world.wait_for("the step to wait", |report| match report {
        Report::Waits { attempt, why } => (*attempt == step.task().attempt()).then_some(why.code),
        _ => None,
    });
    assert_eq!(code, ReasonCode::Slots);
    // It is asked to end once it holds nothing, and to start nothing.
    keeper.asked(|request| match request {
        Request::Launch(launch) => panic!("{} was handed over", launch.attempt),
        Request::End => Some(()),
        _ => None,
    });
}

/// What the loop is told next of why nothing can be launched.
fn hindrance(world: &World) -> Option<ReasonCode> {
    world.wait_for("a hindrance", |report| match report {
        Report::Hindered { why } => Some(why.as_ref().map(|why| why.code)),
        _ => None,
    })
}

fn run_folder(world: &World, run: &str) -> PathBuf {
    world.state_dir().join("runs").join(run)
}
