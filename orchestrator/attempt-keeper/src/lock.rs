//! keeper.lock: who is the keeper of a state folder, and who was it before.
//!
//! The lock is a `flock` on an open file, so it ends with its holder whatever kills it. The record in
//! the file outlives the holder: from it, what a dead keeper left behind is found.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::error::KeeperError;
use crate::limits::{LOCK_BYTES_MAX, RETRY_PAUSE};

const LOCK_NAME: &str = "keeper.lock";

/// One keeper process, named so that it cannot be confused with another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeeperIdentity {
    pub(crate) instance: String,
    pub(crate) pid: u32,
    /// In clock ticks since boot, as in `/proc/PID/stat`.
    pub(crate) start_time: u64,
    pub(crate) boot_id: String,
    /// The folder of its own control group, if it has one.
    #[serde(default)]
    pub(crate) cgroup: Option<PathBuf>,
}

/// What stands in keeper.lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LockRecord {
    #[serde(flatten)]
    pub(crate) keeper: KeeperIdentity,
    /// Its breaking protocol number.
    pub(crate) protocol: u32,
    /// The keepers before it, the latest first.
    #[serde(default)]
    pub(crate) predecessors: Vec<KeeperIdentity>,
}

impl LockRecord {
    /// This keeper or one before it, by its instance.
    pub(crate) fn find(&self, instance: &str) -> Option<&KeeperIdentity> {
        std::iter::once(&self.keeper)
            .chain(&self.predecessors)
            .find(|keeper| keeper.instance == instance)
    }
}

/// The lock, held.
#[derive(Debug)]
pub(crate) struct KeeperLock {
    file: File,
    path: PathBuf,
}

/// Whether somebody holds the lock.
#[derive(Debug)]
pub(crate) enum Holder {
    Nobody,
    /// Somebody; with its record once it has written one.
    Somebody(Option<LockRecord>),
}

pub(crate) fn lock_path(state_dir: &Path) -> PathBuf {
    state_dir.join(LOCK_NAME)
}

impl KeeperLock {
    /// Takes the lock, trying for at most `patience`. `None` if another process holds it.
    pub(crate) fn take(state_dir: &Path, patience: Duration) -> Result<Option<Self>, KeeperError> {
        let path = lock_path(state_dir);
        let give_up = Instant::now() + patience;
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(KeeperError::io("opening", &path))?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    let lock = Self {
                        file,
                        path: path.clone(),
                    };
                    // The file may have been removed between opening and locking it.
                    if lock.is_in_place() {
                        return Ok(Some(lock));
                    }
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(error) => return Err(KeeperError::io("locking", &path)(error.into())),
            }
            if Instant::now() >= give_up {
                return Ok(None);
            }
            thread::sleep(RETRY_PAUSE.1);
        }
    }

    /// Whether the path still leads to the file that is locked. Not so after the state folder was
    /// removed or moved.
    pub(crate) fn is_in_place(&self) -> bool {
        let ours = self.file.metadata().map(|data| (data.dev(), data.ino()));
        let there = fs::metadata(&self.path).map(|data| (data.dev(), data.ino()));
        matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
    }

    /// What the file says now: the record of the keeper before, until [`KeeperLock::write`].
    pub(crate) fn read(&self) -> Option<LockRecord> {
        parse(&self.file)
    }

    /// Replaces the record. Never shorter than before until all of it stands, so that a process that
    /// dies here leaves the old or the new one.
    pub(crate) fn write(&self, record: &LockRecord) -> Result<(), KeeperError> {
        let failed = |error: io::Error| KeeperError::io("writing", &self.path)(error);
        let mut line = serde_json::to_vec(record).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all_at(&line, 0).map_err(failed)?;
        self.file.set_len(line.len() as u64).map_err(failed)
    }
}

/// Looks who holds the lock, without keeping it.
pub(crate) fn holder(state_dir: &Path) -> Result<Holder, KeeperError> {
    let path = lock_path(state_dir);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(KeeperError::io("opening", &path)(error)),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Holder::Nobody),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(Holder::Somebody(parse(&file))),
        Err(error) => Err(KeeperError::io("locking", &path)(error.into())),
    }
}

/// The last record written to the lock file, of a living keeper or a dead one.
pub(crate) fn last_record(state_dir: &Path) -> Option<LockRecord> {
    parse(&File::open(lock_path(state_dir)).ok()?)
}

fn parse(mut file: &File) -> Option<LockRecord> {
    let mut text = Vec::new();
    // A handle's position is shared with its duplicates; nobody else reads from this one.
    io::Seek::rewind(&mut file).ok()?;
    file.take(LOCK_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(text.split(|&byte| byte == b'\n').next()?).ok()
}
