//! Processes that outlive their starter: the keeper and the daemon.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use super::SpawnError;
use crate::limits::{LOG_TAIL_BYTES, LOG_TAIL_LINES, PROCESS_LOG_BYTES_MAX};
use crate::system::hand_on_no_descriptors;

/// Makes this process the leader of a session of its own, so that neither ctrl-C nor the end of the
/// terminal reaches it. `ropewalk serve` (started in the background) and the keeper call it first.
///
/// Without effect for a process that leads a group already, as one that was started from a shell.
pub fn enter_own_session() {
    let _ = rustix::process::setsid();
}

/// A daemon that was started in the background.
#[derive(Debug)]
pub struct StartedDaemon {
    /// Its process id.
    pub pid: u32,
    process: Background,
}

impl StartedDaemon {
    /// How it ended, as a phrase ("exit code 1"), if it has. Until asked, an ended daemon is a zombie of this process.
    pub fn ended(&mut self) -> Option<String> {
        self.process.ended().map(status_text)
    }
}

/// Starts the daemon: standard input empty, standard output and standard error appended to `log`
/// (mode 0600, put aside once at 64 MiB), no other descriptor of the caller, its working directory
/// and environment.
///
/// The daemon itself calls [`enter_own_session`].
pub fn start_daemon(argv: &[String], log: &Path) -> Result<StartedDaemon, SpawnError> {
    let process = start_background(argv, log)?;
    Ok(StartedDaemon {
        pid: process.pid(),
        process,
    })
}

/// A child that is waited for by a thread of its own once nobody watches it any more.
#[derive(Debug)]
pub(crate) struct Background {
    child: Option<Child>,
}

impl Background {
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok()?
    }
}

impl Drop for Background {
    /// Leaves no zombie behind in a starter that lives on, as the daemon does after its keeper.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && !matches!(child.try_wait(), Ok(Some(_)))
        {
            let waiting = thread::Builder::new().name("wait-background".to_owned());
            let _ = waiting.stack_size(64 << 10).spawn(move || child.wait());
        }
    }
}

/// Starts a process that writes to a log and keeps nothing of its starter.
pub(crate) fn start_background(argv: &[String], log: &Path) -> Result<Background, SpawnError> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(SpawnError::EmptyCommand);
    };
    let log_failed = |source: io::Error| SpawnError::Log {
        path: log.to_path_buf(),
        source,
    };
    put_aside_if_large(log);
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log);
    let file = file.map_err(log_failed)?;
    let again = file.try_clone().map_err(log_failed)?;
    hand_on_no_descriptors();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::from(file))
        .stderr(Stdio::from(again))
        .spawn()
        .map_err(|source| SpawnError::Start {
            program: program.clone(),
            cwd: std::env::current_dir().unwrap_or_default(),
            source,
        })?;
    Ok(Background { child: Some(child) })
}

/// Keeps one older log beside the present one.
fn put_aside_if_large(log: &Path) {
    if fs::metadata(log).is_ok_and(|data| data.len() > PROCESS_LOG_BYTES_MAX) {
        let mut aside = log.as_os_str().to_owned();
        aside.push(".1");
        let _ = fs::rename(log, aside);
    }
}

/// The last lines of a log.
pub(crate) fn log_tail(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut text = Vec::new();
        file.take(LOG_TAIL_BYTES).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

/// "exit code 1", "signal 9".
pub(crate) fn status_text(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}
