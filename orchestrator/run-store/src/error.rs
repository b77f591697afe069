//! Why a state folder cannot be opened.
//!
//! Failures of a store that is open are the seam's [`StoreError`](run_engine::seams::StoreError).

use std::io;
use std::path::PathBuf;

use run_engine::seams::StoreError;
use thiserror::Error;

/// What the person at the keyboard can do about it.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on its disk",
        _ => "the state folder must be writable",
    }
}

/// A state folder cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The operating system refused something.
    #[error("{action} {} failed; {} (`--state` names another folder)", path.display(), remedy(source))]
    Io {
        /// What was tried, as a participle: "creating".
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Locks and syncs cannot be relied on there.
    #[error(
        "the state folder {} lies on {kind}, where locks and syncs cannot be relied on; put it on a local disk with `--state DIR`",
        path.display()
    )]
    Filesystem {
        /// The state folder.
        path: PathBuf,
        /// The kind of file system, for people.
        kind: &'static str,
    },
    /// A newer version wrote the folder.
    #[error(
        "the state folder {} has format {found}, and this ropewalk reads up to {newest}: it was written by a newer version; install that, or choose another folder with `--state DIR`",
        path.display()
    )]
    Newer {
        /// The state folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that this binary reads.
        newest: u32,
    },
    /// The file that tells the version does not.
    #[error(
        "{} does not tell the format of the state folder: {problem}; write the line `ropewalk state 1` there, unless a newer ropewalk has worked with the folder",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody else holds the store.
    #[error("the store in {} is held by {holder}; try again when that has ended", path.display())]
    Held {
        /// The state folder.
        path: PathBuf,
        /// The process, as far as it could be found out.
        holder: String,
    },
    /// The store is damaged beyond what can be repaired by itself.
    #[error(
        "the store in {} is damaged: {problem}; put the folder aside and begin with an empty one, or with a copy that was made while no daemon ran (the outputs of steps are still below `runs/`)",
        path.display()
    )]
    Damaged {
        /// The state folder.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// The database is in order, but shorter than it was.
    #[error(
        "{} is damaged: events up to number {acknowledged} were recorded, and only those up to {last_seq} can be read; \
         to go on with these, remove {}, or put the state folder aside and begin with an empty one, or with a copy that was made while no daemon ran",
        path.display(), note.display()
    )]
    Lost {
        /// The database's folder.
        path: PathBuf,
        /// Number of the last event that was acknowledged.
        acknowledged: u64,
        /// Number of the last event that is there.
        last_seq: u64,
        /// The file that tells of it.
        note: PathBuf,
    },
    /// It opened, but what it holds could not be read.
    #[error("the store in {} cannot be read", path.display())]
    Unreadable {
        /// The state folder.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
}

impl OpenError {
    /// Whether somebody else holds the store, so that trying again may help.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }
}

/// A store error with its cause.
pub(crate) fn failed(
    message: impl Into<String>,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError {
        message: message.into(),
        source: Some(Box::new(source)),
    }
}
