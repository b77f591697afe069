//! A project with its state folder, a daemon, and ways to wait for what happens.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attempt_keeper::StartedDaemon;
use component_api::catalog::Catalog;
use orchestrator_api::{
    Client, EventLine, EventsQuery, LogQuery, LogStream, PlanRequest, RunRequest, RunStarted,
    RunState, Status, Step,
};
use orchestrator_daemon::{ClientLimits, DaemonConfig, Offline};
use tempfile::TempDir;

/// How long anything may take before the test fails; never a measure of how long it should take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The marker before the state folder among the arguments of a test binary that is a daemon or a
/// keeper. The test harness takes both for names of tests that do not exist.
const MARKER: &str = "serving-the-state-folder";

/// In a state folder: how long a daemon stays idle, in milliseconds.
const IDLE_END_NAME: &str = "idle-end";

pub(crate) fn state_dir_of_this_process() -> Option<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != MARKER);
    arguments.nth(1).map(PathBuf::from)
}

pub(crate) fn config(state_dir: &Path) -> DaemonConfig {
    let idle_end = fs::read_to_string(state_dir.join(IDLE_END_NAME)).ok();
    DaemonConfig {
        state_dir: state_dir.to_path_buf(),
        catalog: Catalog::default(),
        build: "0.0.1+test".to_owned(),
        executable: state_dir.parent().unwrap().join("ropewalk"),
        slots: 16,
        pools: BTreeMap::new(),
        traces: None,
        limits: ClientLimits::default(),
        idle_end: idle_end.map(|text| Duration::from_millis(text.parse().unwrap())),
        serving: None,
    }
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn argv(role: &str, state_dir: &str) -> Vec<String> {
    let exe = std::env::current_exe().unwrap();
    let exe = exe.to_str().unwrap();
    [
        exe,
        "--exact",
        "--ignored",
        "--nocapture",
        role,
        MARKER,
        state_dir,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A folder with a project and a state folder. What serves it ends when it is removed.
pub(crate) struct Project {
    dir: TempDir,
    state_dir: PathBuf,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self::with_state_in("state")
    }

    /// With the state folder of this name, which may be long.
    pub(crate) fn with_state_in(name: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("daemon-")
            .tempdir()
            .unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        // The daemon starts its keeper as `ropewalk keeper STATE_DIR`.
        let ropewalk = dir.path().join("ropewalk");
        let words: Vec<String> = argv("keeper_process", "")
            .into_iter()
            .map(|word| format!("'{word}'"))
            .collect();
        let words = words[..words.len() - 1].join(" ");
        fs::write(&ropewalk, format!("#!/bin/sh\nexec {words} \"$2\"\n")).unwrap();
        fs::set_permissions(&ropewalk, fs::Permissions::from_mode(0o755)).unwrap();
        let state_dir = dir.path().join(name);
        Self { dir, state_dir }
    }

    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.state_dir.join(name)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("project").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    /// Makes a daemon end after so long without need.
    pub(crate) fn idle_end(&self, milliseconds: u64) {
        fs::create_dir_all(&self.state_dir).unwrap();
        fs::write(self.state(IDLE_END_NAME), milliseconds.to_string()).unwrap();
    }

    /// Starts a daemon and waits until it answers.
    pub(crate) async fn daemon(&self) -> Daemon {
        let process = self.start_daemon();
        self.reach(process).await
    }

    /// Starts a daemon.
    pub(crate) fn start_daemon(&self) -> Process {
        let argv = argv("daemon_process", self.state_dir.to_str().unwrap());
        Process(attempt_keeper::start_daemon(&argv, &self.log()).unwrap())
    }

    /// Waits until a daemon answers.
    pub(crate) async fn reach(&self, mut process: Process) -> Daemon {
        let log = || fs::read_to_string(self.log()).unwrap_or_default();
        let start = Instant::now();
        loop {
            if let Some(client) = self.client()
                && let Ok(info) = client.daemon().await
                && info.pid == process.pid()
            {
                return Daemon { client, process };
            }
            if let Some(status) = process.0.ended() {
                panic!("the daemon ended with {status}: {}", log());
            }
            assert!(start.elapsed() < PATIENCE, "no daemon: {}", log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("daemon.log")
    }

    fn client(&self) -> Option<Client> {
        Client::over_unix_socket(&self.state("daemon.sock")).ok()
    }

    /// A client without a daemon.
    pub(crate) async fn offline(&self) -> Client {
        let start = Instant::now();
        loop {
            match Offline::open(config(&self.state_dir)) {
                Ok(offline) => return Client::new(offline),
                Err(error) => {
                    let over = start.elapsed() > PATIENCE;
                    assert!(error.is_held() && !over, "{}", chain(&error));
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }

    pub(crate) fn open_offline(&self) -> Result<Offline, orchestrator_daemon::DaemonError> {
        Offline::open(config(&self.state_dir))
    }

    pub(crate) fn request(&self, text: &str) -> RunRequest {
        RunRequest {
            pipeline_file: self.file("pipeline.yaml").to_str().unwrap().to_owned(),
            text: text.to_owned(),
            environment: environment(),
            ..RunRequest::default()
        }
    }

    pub(crate) fn plan_request(&self, text: &str) -> PlanRequest {
        let request = self.request(text);
        PlanRequest {
            pipeline_file: request.pipeline_file,
            text: request.text,
            environment: request.environment,
            ..PlanRequest::default()
        }
    }
}

pub(crate) fn environment() -> BTreeMap<String, String> {
    [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into()
}

/// A daemon's process.
pub(crate) struct Process(StartedDaemon);

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.0.pid
    }

    /// Waits for its end; gives its status.
    pub(crate) async fn ended(&mut self) -> String {
        wait_until("the daemon's end", || self.0.ended()).await
    }

    pub(crate) fn signal(&self, number: i32) {
        let kill = format!("kill -{number} {}", self.pid());
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", &kill])
            .status()
            .unwrap();
        assert!(status.success(), "no daemon to signal");
    }

    /// Whether it has a file of this name open.
    pub(crate) fn has_open(&self, name: &str) -> bool {
        let Ok(handles) = fs::read_dir(format!("/proc/{}/fd", self.pid())) else {
            return false;
        };
        handles
            .filter_map(|handle| fs::read_link(handle.ok()?.path()).ok())
            .any(|path| path.ends_with(name))
    }
}

/// A daemon's process and a client of it.
pub(crate) struct Daemon {
    pub(crate) client: Client,
    pub(crate) process: Process,
}

impl Daemon {
    /// Ends it as a crash would.
    pub(crate) async fn kill(mut self) {
        self.process.signal(9);
        assert_eq!(self.process.ended().await, "signal 9");
    }

    pub(crate) async fn start(&self, project: &Project, text: &str) -> RunStarted {
        self.client.run(&project.request(text)).await.unwrap()
    }

    /// Makes a run and waits for its end.
    pub(crate) async fn run(&self, project: &Project, text: &str) -> Status {
        let run = self.start(project, text).await.run_id.to_string();
        let events = follow(&self.client, &run, 0).await;
        assert!(events.last().unwrap().event_type.ends_run(), "{events:?}");
        self.client.status(&run).await.unwrap()
    }
}

/// A run's events after a number, until the stream ends.
pub(crate) async fn follow(client: &Client, run: &str, after: u64) -> Vec<EventLine> {
    let query = EventsQuery {
        after: Some(after),
        follow: true,
    };
    let mut stream = client.events(Some(run), &query).await.unwrap();
    let mut events = Vec::new();
    let reading = async {
        while let Some(event) = stream.next().await.unwrap() {
            events.push(event);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    events
}

/// The whole log of a step's newest attempt.
pub(crate) async fn log(client: &Client, run: &str, step: &str, query: &LogQuery) -> String {
    read(client.log(run, step, query).await.unwrap()).await
}

pub(crate) async fn read(mut stream: LogStream) -> String {
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await.unwrap() {
        bytes.extend(piece);
    }
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn step<'a>(status: &'a Status, id: &str) -> &'a Step {
    status.steps.iter().find(|step| step.id == id).unwrap()
}

/// Waits until a run's status is as it should be.
pub(crate) async fn wait_for(
    client: &Client,
    run: &str,
    what: &str,
    is_so: impl Fn(&Status) -> bool,
) -> Status {
    let start = Instant::now();
    loop {
        let status = client.status(run).await.unwrap();
        if is_so(&status) {
            return status;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "waited in vain for {what}: {status:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn wait_for_state(client: &Client, run: &str, state: RunState) -> Status {
    wait_for(client, run, state.word(), |status| status.state == state).await
}

/// Asks again and again until there is an answer. The client's connections go on meanwhile.
pub(crate) async fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
