//! Why a daemon, or a command that reads without one, cannot go on.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use run_engine::seams::StoreError;
use run_executor::ExecutorError;
use run_store::OpenError;

use crate::run_loop::LoopError;

/// A daemon cannot begin or go on, or a state folder cannot be read without one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
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
    /// Another process holds the state folder.
    #[error("the state folder {} is held by {holder}", state_dir.display())]
    Held {
        /// The state folder.
        state_dir: PathBuf,
        /// The process, as far as it is known.
        holder: String,
    },
    /// The address cannot be listened at.
    #[error("{address} cannot be listened at")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// Everybody would get in.
    #[error(
        "{address} can be reached from other machines, and no tokens are set: whoever reaches it could start anything here"
    )]
    OpenToAll {
        /// The address.
        address: SocketAddr,
    },
    /// A file of TLS cannot be used.
    #[error("{} cannot be used for TLS: {why}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A collector of traces cannot be spoken to at all.
    #[cfg(feature = "opentelemetry")]
    #[error("runs cannot be told to the collector of traces {collector}")]
    Traces {
        /// Its address.
        collector: String,
        /// The reason.
        source: reqwest::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Attempts cannot be launched.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The loop cannot go on.
    #[error(
        "the daemon cannot go on; attempts go on in the keeper, and the next daemon takes them up"
    )]
    Loop(#[source] LoopError),
    /// The loop is gone without a word.
    #[error(
        "the daemon's loop broke off (a defect of this program; please report it with daemon.log)"
    )]
    LoopPanicked,
}

impl DaemonError {
    /// Whether another process holds the state folder, so that trying again may help: its daemon
    /// may answer, or a command that reads may be done.
    pub fn is_held(&self) -> bool {
        match self {
            Self::Held { .. } => true,
            Self::Open(error) => error.is_held(),
            _ => false,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
