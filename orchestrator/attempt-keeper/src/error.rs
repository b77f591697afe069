//! What can go wrong between a daemon, the keeper and the state folder.

use std::io;
use std::path::{Path, PathBuf};

use crate::spawn::SpawnError;

/// A failure of the keeper itself or of reaching it. A step that cannot be started is none: that is
/// [`Answer::Refused`](crate::Answer::Refused).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// The operating system refused something.
    #[error("{action} {} failed", path.display())]
    Io {
        /// What was tried, as a participle: "opening".
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Another keeper holds the state folder.
    #[error("another keeper{} holds {}; there is one per state folder", of_pid(*pid), path.display())]
    LockHeld {
        /// The lock file.
        path: PathBuf,
        /// The holder, if it said so.
        pid: Option<u32>,
    },
    /// The lock is held, but by nothing that can be recognized as a keeper.
    #[error(
        "{} is locked, but its holder cannot be recognized as a keeper; find it with `fuser {}` and end it",
        path.display(), path.display()
    )]
    UnknownHolder {
        /// The lock file.
        path: PathBuf,
    },
    /// The keeper started, and ended before it could be reached.
    #[error("the keeper of {} ended at its start ({status}){}", state_dir.display(), log_tail(tail))]
    Died {
        /// The state folder.
        state_dir: PathBuf,
        /// How it ended.
        status: String,
        /// The last lines of keeper.log.
        tail: String,
    },
    /// The keeper could not be started.
    #[error("the keeper of {} could not be started", state_dir.display())]
    Start {
        /// The state folder.
        state_dir: PathBuf,
        /// The reason.
        source: SpawnError,
    },
    /// Nobody answered in time.
    #[error("the keeper of {} could not be reached within {seconds} s; see keeper.log there", state_dir.display())]
    NotReached {
        /// The state folder.
        state_dir: PathBuf,
        /// How long it was tried.
        seconds: u64,
    },
    /// The keeper accepts connections, but says nothing.
    #[error(
        "the keeper{} of {} does not answer; it may be stopped (`kill -CONT`), or end it with `kill -9` at the price of its attempts",
        of_pid(*pid), state_dir.display()
    )]
    Silent {
        /// The state folder.
        state_dir: PathBuf,
        /// The keeper, if the lock names it.
        pid: Option<u32>,
    },
    /// The socket belongs to somebody else.
    #[error("the socket {} is served by user {theirs}, not by you (user {ours}); use a state folder of your own", path.display())]
    ForeignSocket {
        /// The socket.
        path: PathBuf,
        /// Their user id.
        theirs: u32,
        /// Our user id.
        ours: u32,
    },
    /// The connection broke.
    #[error("the connection to the keeper is broken")]
    Disconnected(#[source] io::Error),
    /// A request could not be written as a message.
    #[error("a request to the keeper cannot be written: {reason}")]
    Unsendable {
        /// Why (a path that is no Unicode, a message over its limit).
        reason: String,
    },
}

impl KeeperError {
    /// For `map_err`: an operating system error with what was tried, and with what.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

fn of_pid(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

fn log_tail(tail: &str) -> String {
    if tail.is_empty() {
        String::new()
    } else {
        format!("; the end of keeper.log:\n{tail}")
    }
}
