//! A state folder, a client with its answers, and ways to wait for events without sleeping for luck.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use attempt_keeper::{
    Answer, ExitStatus, KeeperClient, KeeperError, KeeperMessage, Launch, Request,
};
use tempfile::TempDir;

/// How long anything may take before the test fails; never a measure of how long it should take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The marker before the state folder among the arguments of a test binary that is a keeper. The
/// test harness takes both for names of tests that do not exist.
const MARKER: &str = "serving-the-state-folder";

pub(crate) fn state_dir_of_this_keeper() -> Option<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != MARKER);
    arguments.nth(1).map(PathBuf::from)
}

pub(crate) fn keeper_argv(state_dir: &Path) -> Vec<String> {
    let exe = std::env::current_exe().unwrap();
    let exe = exe.to_str().unwrap();
    let state_dir = state_dir.to_str().unwrap();
    [
        exe,
        "--exact",
        "--ignored",
        "--nocapture",
        "keeper_process",
        MARKER,
        state_dir,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A state folder of one test. Its keeper ends when the folder is removed.
pub(crate) struct Folder {
    pub(crate) dir: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("keeper-")
                .tempdir()
                .unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::of(self.path()).unwrap()
    }

    /// A shell script as an attempt, with its log at `<attempt>.log`.
    pub(crate) fn script(&self, attempt: &str, script: &str) -> Launch {
        self.command(attempt, &["/bin/sh", "-c", script])
    }

    pub(crate) fn command(&self, attempt: &str, argv: &[&str]) -> Launch {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let (cwd, log) = (self.path().to_path_buf(), self.log(attempt));
        Launch {
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            grace_ms: 60_000,
            ..Launch::new(attempt.to_owned(), argv, cwd, log)
        }
    }

    pub(crate) fn log(&self, attempt: &str) -> PathBuf {
        self.file(&format!("{attempt}.log"))
    }

    /// What the lock file says.
    pub(crate) fn lock_record(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.file("keeper.lock")).unwrap()).unwrap()
    }

    /// Waits until a script has written this whole line to a file; gives what follows the word.
    pub(crate) fn wait_for_line(&self, file: &str, word: &str) -> String {
        let path = self.file(file);
        wait_until(&format!("{word:?} in {}", path.display()), || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            whole
                .lines()
                .find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
        })
    }
}

/// A client and what it was told.
pub(crate) struct Client {
    pub(crate) keeper: KeeperClient,
    messages: Receiver<KeeperMessage>,
}

impl Client {
    pub(crate) fn of(state_dir: &Path) -> Result<Self, KeeperError> {
        Self::by(state_dir, &keeper_argv(state_dir))
    }

    /// With this command as the keeper, if there is none.
    pub(crate) fn by(state_dir: &Path, keeper_argv: &[String]) -> Result<Self, KeeperError> {
        let (sender, messages) = channel();
        let on_answer = Box::new(move |message| drop(sender.send(message)));
        let keeper = KeeperClient::connect_or_start(state_dir, keeper_argv, on_answer)?;
        Ok(Self { keeper, messages })
    }

    pub(crate) fn send(&self, request: &Request) {
        self.keeper.send(request).unwrap();
    }

    pub(crate) fn launch(&self, launch: &Launch) {
        self.send(&Request::Launch(Box::new(launch.clone())));
    }

    pub(crate) fn kill(&self, attempt: &str, grace_ms: u64) {
        self.send(&Request::Kill {
            attempt: attempt.to_owned(),
            grace_ms,
        });
    }

    pub(crate) fn acknowledge(&self, attempt: &str) {
        self.send(&Request::Acknowledge {
            attempt: attempt.to_owned(),
        });
    }

    pub(crate) fn message(&self) -> KeeperMessage {
        self.messages
            .recv_timeout(PATIENCE)
            .expect("the keeper says nothing")
    }

    pub(crate) fn answer(&self) -> Answer {
        match self.message() {
            KeeperMessage::Answer(answer) => answer,
            KeeperMessage::Disconnected => panic!("the keeper cut the connection"),
        }
    }

    /// The next answer must be the attempt's start.
    pub(crate) fn launched(&self, attempt: &str) -> u32 {
        match self.answer() {
            Answer::Launched {
                attempt: named,
                pid,
            } if named == attempt => pid,
            other => panic!("instead of the start of {attempt}: {other:?}"),
        }
    }

    /// The next answer must be the attempt's end.
    pub(crate) fn exited(&self, attempt: &str) -> ExitStatus {
        match self.answer() {
            Answer::Exited {
                attempt: named,
                status,
            } if named == attempt => status,
            other => panic!("instead of the end of {attempt}: {other:?}"),
        }
    }

    /// Launches it and waits for its end.
    pub(crate) fn run(&self, launch: &Launch) -> ExitStatus {
        self.launch(launch);
        self.launched(&launch.attempt);
        self.exited(&launch.attempt)
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Tells that a test cannot run here. It goes past what the harness captures, and CI counts these lines.
pub(crate) fn not_run(why: &str) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(io::stderr(), "NOT RUN: {name}: {why}");
}

/// Whether a process exists and is no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rfind(')')
        .and_then(|end| stat[end + 1..].split_ascii_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}

/// Stops a process and waits until none of its threads goes on.
pub(crate) fn stop(pid: u32) {
    signal(pid, 19);
    wait_until("the stop", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let mut states = threads.map(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap();
            stat[stat.rfind(')').unwrap()..].chars().nth(2)
        });
        states.all(|state| state == Some('T')).then_some(())
    });
}

/// Sends a signal by number.
pub(crate) fn signal(pid: u32, number: i32) {
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("kill -{number} {pid}")])
        .status()
        .unwrap();
    assert!(status.success(), "no process {pid} to signal");
}
