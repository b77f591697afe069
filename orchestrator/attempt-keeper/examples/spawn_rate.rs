//! How many attempts a second the keeper starts and ends, beside bare `posix_spawn` at the same
//! parallelism: `cargo run --release -p attempt-keeper --example spawn_rate [ATTEMPTS] [PARALLEL]`.
//!
//! Each attempt is `/bin/true`. The bare figure starts and waits for the same program with the same
//! environment and an output file, in this process, without a keeper or a protocol.

#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::collections::VecDeque;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

use attempt_keeper::{Answer, KeeperClient, KeeperMessage, Launch, Request, serve};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, state_dir] = arguments.as_slice()
        && word == "keeper"
    {
        return Ok(serve(Path::new(state_dir))?);
    }
    let number = |index: usize, default: usize| {
        arguments
            .get(index)
            .map_or(Ok(default), |argument| argument.parse::<usize>())
    };
    let (attempts, parallel) = (number(1, 5_000)?, number(2, 64)?);
    let folder = std::env::temp_dir().join(format!("spawn-rate-{}", std::process::id()));
    fs::create_dir(&folder)?;
    // In turns, so that what else the machine does strikes both.
    for round in 1..=3 {
        let bare = bare(&folder, attempts, parallel)?;
        let kept = kept(&folder, attempts, parallel)?;
        println!(
            "round {round}: bare {bare:.0}/s, keeper {kept:.0}/s, ratio {:.2}",
            kept / bare
        );
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn environment() -> Vec<(String, String)> {
    let names = [
        "PATH", "HOME", "USER", "LANG", "TZ", "A", "B", "C", "D", "E",
    ];
    names
        .map(|name| (name.to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()))
        .to_vec()
}

fn log_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}

/// Attempts a second without a keeper.
fn bare(folder: &Path, attempts: usize, parallel: usize) -> Outcome<f64> {
    let start = Instant::now();
    let mut running: VecDeque<Child> = VecDeque::new();
    for n in 0..attempts {
        if running.len() == parallel
            && let Some(mut child) = running.pop_front()
        {
            child.wait()?;
        }
        let path = log_path(folder, &format!("bare-{n}.log"));
        let log = OpenOptions::new().append(true).create(true).open(path)?;
        let mut command = Command::new("/bin/true");
        command.env_clear().envs(environment()).current_dir(folder);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        running.push_back(command.spawn()?);
    }
    for mut child in running {
        child.wait()?;
    }
    Ok(attempts as f64 / start.elapsed().as_secs_f64())
}

/// Attempts a second through a keeper: launch, exit, acknowledge.
fn kept(folder: &Path, attempts: usize, parallel: usize) -> Outcome<f64> {
    let (sender, messages) = channel();
    let exe = std::env::current_exe()?.display().to_string();
    let argv = [exe, "keeper".to_owned(), folder.display().to_string()];
    let on_answer = Box::new(move |message| drop(sender.send(message)));
    let keeper = KeeperClient::connect_or_start(folder, &argv, on_answer)?;
    let start = Instant::now();
    let launch = |n: usize| {
        let attempt = format!("{}/{n}", start.elapsed().as_nanos());
        let argv = vec!["/bin/true".to_owned()];
        let log = log_path(folder, &format!("kept-{n}.log"));
        Request::Launch(Box::new(Launch {
            env: environment(),
            timeout_ms: Some(3_600_000),
            grace_ms: 10_000,
            ..Launch::new(attempt, argv, folder.to_path_buf(), log)
        }))
    };
    let mut launched = parallel.min(attempts);
    keeper.send_all(&(0..launched).map(launch).collect::<Vec<_>>())?;
    let mut ended = 0;
    while ended < attempts {
        // All that has arrived is answered by one write, as the daemon's loop does.
        let mut requests = Vec::new();
        for message in std::iter::once(messages.recv()?).chain(messages.try_iter()) {
            match message {
                KeeperMessage::Answer(Answer::Exited { attempt, .. }) => {
                    ended += 1;
                    requests.push(Request::Acknowledge { attempt });
                    if launched < attempts {
                        requests.push(launch(launched));
                        launched += 1;
                    }
                }
                KeeperMessage::Answer(Answer::Launched { .. }) => {}
                other => return Err(format!("{other:?}").into()),
            }
        }
        keeper.send_all(&requests)?;
    }
    Ok(attempts as f64 / start.elapsed().as_secs_f64())
}
