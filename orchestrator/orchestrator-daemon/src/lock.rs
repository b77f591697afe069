//! daemon.lock: one process at a time holds a state folder.
//!
//! A daemon holds it for its life, a command that reads without a daemon for as long as it reads. It
//! is a `flock` on an open file, so it ends with its holder whatever kills it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::error::DaemonError;
use crate::limits::{LOCK_BYTES_MAX, RETRY_PAUSE};

/// Its name in the state folder.
pub(crate) const LOCK_NAME: &str = "daemon.lock";

/// What a process holds a state folder for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// To serve it.
    Daemon,
    /// To read it.
    Reader,
}

/// What stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    /// In clock ticks since boot, as in `/proc/PID/stat`: with it the id names one process.
    start_time: u64,
    role: Role,
}

/// The lock, held.
#[derive(Debug)]
pub(crate) struct StateLock {
    file: File,
    path: PathBuf,
}

/// Whether a process holds a state folder now: a daemon, to its very end, or a command that reads it.
pub fn is_held(state_dir: &Path) -> bool {
    let Ok(file) = File::open(state_dir.join(LOCK_NAME)) else {
        return false;
    };
    let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
    locked == Err(Errno::WOULDBLOCK)
}

impl StateLock {
    /// Takes the lock, trying for at most `patience`.
    pub(crate) fn take(
        state_dir: &Path,
        role: Role,
        patience: Duration,
    ) -> Result<Self, DaemonError> {
        let path = state_dir.join(LOCK_NAME);
        let give_up = Instant::now() + patience;
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(DaemonError::io("opening", &path))?;
            let taken = match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => true,
                Err(Errno::WOULDBLOCK) => false,
                Err(error) => return Err(DaemonError::io("locking", &path)(error.into())),
            };
            let lock = Self {
                file,
                path: path.clone(),
            };
            // The file may have been removed between opening and locking it.
            if taken && lock.is_in_place() {
                lock.write(role)?;
                return Ok(lock);
            }
            if Instant::now() >= give_up {
                return Err(DaemonError::Held {
                    state_dir: state_dir.to_path_buf(),
                    holder: lock.holder(),
                });
            }
            thread::sleep(RETRY_PAUSE);
        }
    }

    /// Whether the path still leads to the file that is locked. Not so after the state folder was
    /// removed or moved.
    pub(crate) fn is_in_place(&self) -> bool {
        let ours = self.file.metadata().map(|data| (data.dev(), data.ino()));
        let there = fs::metadata(&self.path).map(|data| (data.dev(), data.ino()));
        matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
    }

    fn write(&self, role: Role) -> Result<(), DaemonError> {
        let failed = |error: io::Error| DaemonError::io("writing", &self.path)(error);
        let holder = Holder {
            pid: std::process::id(),
            start_time: start_time().unwrap_or_default(),
            role,
        };
        let mut line = serde_json::to_vec(&holder).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all_at(&line, 0).map_err(failed)?;
        self.file.set_len(line.len() as u64).map_err(failed)
    }

    /// Who holds the lock instead, in words.
    fn holder(&self) -> String {
        let mut text = Vec::new();
        let read = (&self.file).take(LOCK_BYTES_MAX).read_to_end(&mut text);
        let holder = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
        match holder {
            Some(Holder {
                pid,
                role: Role::Daemon,
                ..
            }) => format!("the daemon with process id {pid}"),
            Some(Holder { pid, .. }) => format!("a command that reads it, with process id {pid}"),
            None => "another process".to_owned(),
        }
    }
}

/// When this process began, in clock ticks since boot.
fn start_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name, which may hold spaces and brackets.
    let fields = stat.get(stat.rfind(')')? + 1..)?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}
