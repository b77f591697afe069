//! Reaching the daemon of a state folder: the socket, then the lock, in turn.
//!
//! Commands that change something start a daemon where there is none and replace one of another
//! build. Commands that only read never do: without a daemon they read the state folder in this
//! process. With `--server` there is only that server, and nothing is started. It does not know what
//! is asked of the daemon afterwards.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attempt_keeper::StartedDaemon;
use orchestrator_api::{Client, DaemonInfo};
use orchestrator_daemon::{DaemonConfig, Offline, SLOTS_DEFAULT, ServeConfig};
use tokio::time::{Instant, sleep, timeout};

use crate::build_identity::{build, executable};
use crate::context::Context;
use crate::error::CliError;
use crate::limits::{GREETING_MAX, REACH_MAX, REACH_PAUSE, STARTS_MAX};
use crate::log_tail;
use crate::printing;
use crate::server::Server;
use crate::state_folder::ROOT_FILE;

/// Where the daemon of a state folder listens.
const SOCKET: &str = "daemon.sock";

/// Where the daemon of one state folder is, or is to be.
#[derive(Debug)]
pub(crate) struct Reach {
    state_dir: PathBuf,
    /// The server that is spoken to instead of the state folder's daemon.
    server: Option<Server>,
    verbose: bool,
    /// The daemon that was started and has not been reached yet.
    starting: Option<StartedDaemon>,
    /// Starts since the last new event.
    starts: u32,
    /// Where the last one that was started begins in daemon.log.
    log_from: u64,
}

/// What stands at the socket.
enum Greeting {
    Answered(Client, DaemonInfo),
    /// It takes connections and says nothing.
    Silent,
    Nobody,
}

impl Reach {
    pub(crate) fn new(state_dir: PathBuf, context: &Context) -> Self {
        Self {
            state_dir,
            server: Server::of(&context.place),
            verbose: context.verbose,
            starting: None,
            starts: 0,
            log_from: 0,
        }
    }

    /// The state folder.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Whether there may be runs: not where no state folder is.
    pub(crate) fn is_somewhere(&self) -> bool {
        self.server.is_some() || self.state_dir.is_dir()
    }

    /// Whether a server elsewhere is spoken to.
    pub(crate) fn is_remote(&self) -> bool {
        self.server.is_some()
    }

    /// A daemon of this build, started if need be. One that a person started is taken as it is.
    pub(crate) async fn changing(&mut self) -> Result<Client, CliError> {
        if let Some(server) = &self.server {
            return server.reach().await;
        }
        let ours = build()?;
        self.connect(|info| info.build == ours || info.foreground)
            .await
    }

    /// Any daemon, started if need be: whoever follows a run takes the one that took over.
    pub(crate) async fn again(&mut self) -> Result<Client, CliError> {
        if let Some(server) = &self.server {
            return server.reach().await;
        }
        self.connect(|_| true).await
    }

    /// Any daemon within the time, but none is started.
    pub(crate) async fn successor(&self) -> Option<Client> {
        if let Some(server) = &self.server {
            return server.reach().await.ok();
        }
        let mut pause = Pause::new();
        loop {
            if let Greeting::Answered(client, _) = self.greet().await {
                return Some(client);
            }
            if !pause.wait().await {
                return None;
            }
        }
    }

    /// The daemon if there is one, else the state folder itself, for reading.
    pub(crate) async fn reading(&self) -> Result<Client, CliError> {
        if let Some(server) = &self.server {
            return server.reach().await;
        }
        let mut pause = Pause::new();
        loop {
            match self.greet().await {
                Greeting::Answered(client, _) => return Ok(client),
                Greeting::Silent => return Err(self.silent()),
                Greeting::Nobody => {}
            }
            match Offline::open(daemon_config(
                &self.state_dir,
                &ServeConfig::default(),
                None,
            )?) {
                Ok(offline) => return Ok(Client::new(offline)),
                // Another process has it: a daemon that starts, or a reader like this one.
                Err(error) if error.is_held() && pause.wait().await => {}
                Err(error) => return Err(self.unusable(error)),
            }
        }
    }

    /// The daemon, if one answers.
    pub(crate) async fn present(&self) -> Result<Option<Client>, CliError> {
        if let Some(server) = &self.server {
            return server.present().await;
        }
        match self.greet().await {
            Greeting::Answered(client, _) => Ok(Some(client)),
            Greeting::Silent => Err(self.silent()),
            Greeting::Nobody => Ok(None),
        }
    }

    /// A new event was seen: the daemon gets on.
    pub(crate) fn progressed(&mut self) {
        self.starts = 0;
    }

    async fn connect(&mut self, fits: impl Fn(&DaemonInfo) -> bool) -> Result<Client, CliError> {
        let mut pause = Pause::new();
        let mut stopped = None;
        loop {
            match self.greet().await {
                Greeting::Answered(client, info) if fits(&info) => {
                    self.starting = None;
                    return Ok(client);
                }
                Greeting::Answered(client, info) => {
                    self.replace(&client, &info, &mut stopped).await;
                }
                Greeting::Silent => return Err(self.silent()),
                Greeting::Nobody => self.start_if_none()?,
            }
            if !pause.wait().await {
                return Err(self.not_reached("no daemon answered"));
            }
        }
    }

    /// Asks a daemon of another build to end, once.
    async fn replace(&self, client: &Client, info: &DaemonInfo, stopped: &mut Option<u32>) {
        if *stopped == Some(info.pid) {
            return;
        }
        *stopped = Some(info.pid);
        self.detail(&format!(
            "daemon {} is of build {}: asking it to end",
            info.pid, info.build
        ));
        // It may be gone before its answer; whether it is, the next try shows.
        let _ = client.stop().await;
    }

    /// Starts a daemon unless one is about to answer; notices when that one ended instead.
    fn start_if_none(&mut self) -> Result<(), CliError> {
        if let Some(starting) = &mut self.starting {
            let Some(how) = starting.ended() else {
                return Ok(());
            };
            self.detail(&format!("the daemon ended with {how}"));
        }
        if self.starts == STARTS_MAX {
            return Err(self.not_reached(&format!("the daemon ended {STARTS_MAX} times")));
        }
        self.starts += 1;
        self.log_from = log_tail::daemon_log_length(&self.state_dir);
        self.starting = Some(self.start()?);
        Ok(())
    }

    fn start(&self) -> Result<StartedDaemon, CliError> {
        let dir = &self.state_dir;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|e| {
            CliError::unusable(format!("the state folder {} cannot be made", dir.display()))
                .because(e)
                .hint("name a folder that you may write to with `--state DIR`")
        })?;
        let text = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| {
                CliError::unusable(format!("the path {} is not UTF-8", path.display()))
            })
        };
        let argv = [
            text(&executable()?)?,
            "serve".to_owned(),
            "--background".to_owned(),
            "--state".to_owned(),
            text(dir)?,
        ];
        self.detail(&format!("starting the daemon of {}", dir.display()));
        attempt_keeper::start_daemon(&argv, &log_tail::daemon_log(dir)).map_err(|e| {
            let message = format!("the daemon of {} cannot be started", dir.display());
            CliError::unusable(message).because(e).hint(
                "see that the folder is yours to write to, or name another one with `--state DIR`",
            )
        })
    }

    async fn greet(&self) -> Greeting {
        let socket = self.state_dir.join(SOCKET);
        let Ok(client) = Client::over_unix_socket(&socket) else {
            return Greeting::Nobody;
        };
        match timeout(GREETING_MAX, client.daemon()).await {
            Ok(Ok(info)) => Greeting::Answered(client, info),
            Ok(Err(_)) => Greeting::Nobody,
            Err(_) => Greeting::Silent,
        }
    }

    fn silent(&self) -> CliError {
        let dir = self.state_dir.display();
        CliError::unusable(format!(
            "the daemon of {dir} takes connections and does not answer"
        ))
        .hint(format!(
            "{dir}/daemon.json names its process: it may be stopped (`kill -CONT PID`), or end it (`kill -9 PID`); \
             attempts go on without it"
        ))
    }

    fn not_reached(&self, what: &str) -> CliError {
        let dir = self.state_dir.display();
        let mut message = format!("the state folder {dir} cannot be used: {what}");
        let tail = log_tail::of_daemon(&self.state_dir, self.log_from);
        if !tail.is_empty() {
            message += &format!("; the end of {dir}/daemon.log:\n{tail}");
        }
        CliError::unusable(message)
    }

    fn unusable(&self, error: orchestrator_daemon::DaemonError) -> CliError {
        let dir = self.state_dir.display();
        CliError::unusable(format!("the state folder {dir} cannot be read")).because(error)
    }

    fn detail(&self, text: &str) {
        if self.verbose {
            printing::to_stderr(text);
        }
    }
}

/// What a daemon, or a reader in its place, is given by this binary.
pub(crate) fn daemon_config(
    state_dir: &Path,
    config: &ServeConfig,
    idle_end: Option<Duration>,
) -> Result<DaemonConfig, CliError> {
    Ok(DaemonConfig {
        state_dir: state_dir.to_path_buf(),
        catalog: standard_components::catalog(),
        build: build()?,
        executable: executable()?,
        slots: config.slots.unwrap_or(SLOTS_DEFAULT),
        pools: config.pools.clone(),
        limits: config.limits,
        traces: config.traces.clone(),
        idle_end,
        serving: None,
    })
}

/// The configuration of a state folder: `ropewalk.yaml` beside it, if it is there.
pub(crate) fn config_file(state_dir: &Path) -> Option<PathBuf> {
    let file = state_dir.parent()?.join(ROOT_FILE);
    file.is_file().then_some(file)
}

/// What a configuration says; one that is not there says nothing.
pub(crate) fn read_config(file: Option<&Path>) -> Result<ServeConfig, CliError> {
    let Some(file) = file else {
        return Ok(ServeConfig::default());
    };
    ServeConfig::read(file).map_err(|e| {
        CliError::usage("the configuration cannot be used")
            .because(e)
            .hint("docs/serve.md shows what may stand in it")
    })
}

/// Pauses between tries that grow, until the time is over.
pub(crate) struct Pause {
    next: Duration,
    deadline: Instant,
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self {
            next: REACH_PAUSE.0,
            deadline: Instant::now() + REACH_MAX,
        }
    }

    /// Waits a little; false if the time is over.
    pub(crate) async fn wait(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(REACH_PAUSE.1);
        true
    }
}
