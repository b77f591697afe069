//! sled, and the two things around it that it does not do itself: opening with care, and syncing.
//!
//! All rows are in the default tree. It does not know what they hold.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use run_engine::seams::StoreError;

use crate::acknowledged::Acknowledged;
use crate::error::{OpenError, failed};
use crate::limits::{CACHE_BYTES, OPEN_PAUSE, OPEN_TRIES};
use crate::objects::sync_folder;

/// Beginning of the names of sled's snapshots, which it can do without.
const SNAPSHOT: &str = "snap.";
/// The name of sled's settings. They are the same in every database, and written anew.
const SETTINGS: &str = "conf";
/// Put before the name of a file that is set aside.
const QUARANTINED: &str = "quarantined.";
/// What sled says when another handle has its lock; its error has no kind of its own for it.
const LOCK_WORDS: &str = "could not acquire lock";

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    /// The rows.
    pub(crate) rows: sled::Db,
    /// sled's file, through a handle of our own: its flush is `sync_file_range`, which flushes
    /// neither the device's cache nor the file's metadata.
    file: File,
    path: PathBuf,
    /// Open once something was written.
    acknowledged: Option<Acknowledged>,
}

impl Database {
    /// Opens the database in this folder, which is below `state_dir`.
    pub(crate) fn open(state_dir: &Path, folder: &Path) -> Result<Self, OpenError> {
        let rows = open_patiently(state_dir, folder)?;
        let path = folder.join("db");
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(|source| OpenError::Io {
            action: "opening",
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            rows,
            file,
            path,
            acknowledged: None,
        })
    }

    /// Applies a batch and makes it durable. `last_seq` is the number of the last event then.
    pub(crate) fn commit(&mut self, batch: sled::Batch, last_seq: u64) -> Result<(), StoreError> {
        let write_failed = |error| failed(format!("writing {} failed", self.path.display()), error);
        let sync_failed = |error| failed(format!("syncing {} failed", self.path.display()), error);
        let acknowledged = match self.acknowledged.take() {
            Some(acknowledged) => acknowledged,
            // Only who writes needs it, so it is not done when the database is opened.
            None => make_durable(&self.path).map_err(sync_failed)?,
        };
        self.rows.apply_batch(batch).map_err(write_failed)?;
        self.rows.flush().map_err(write_failed)?;
        self.file.sync_data().map_err(sync_failed)?;
        acknowledged.note(last_seq).map_err(sync_failed)?;
        self.acknowledged = Some(acknowledged);
        Ok(())
    }
}

/// Makes the names of the database's files durable, which sled leaves to chance, and its settings.
fn make_durable(log: &Path) -> io::Result<Acknowledged> {
    let folder = log.parent().unwrap_or(log);
    let acknowledged = Acknowledged::open(folder)?;
    File::open(folder.join("conf"))?.sync_all()?;
    sync_folder(folder)?;
    Ok(acknowledged)
}

/// Tries again while the store is held, and once more without what sled can do without, if that is
/// damaged.
fn open_patiently(state_dir: &Path, folder: &Path) -> Result<sled::Db, OpenError> {
    let mut quarantined = false;
    let mut tries = 0;
    loop {
        match open_once(folder) {
            Ok(rows) => return Ok(rows),
            Err(Problem::Held) => {
                tries += 1;
                if tries >= OPEN_TRIES {
                    return Err(OpenError::Held {
                        path: state_dir.to_owned(),
                        holder: holder(&folder.join("db")),
                    });
                }
                thread::sleep(OPEN_PAUSE);
            }
            Err(Problem::Refused(source)) => {
                return Err(OpenError::Io {
                    action: "opening",
                    path: folder.to_owned(),
                    source,
                });
            }
            // Without a damaged snapshot or settings nothing is lost. With damaged pages rows would be.
            Err(Problem::Damaged { nowhere: true, .. }) if !quarantined && quarantine(folder)? => {
                quarantined = true;
            }
            Err(Problem::Damaged { problem, .. }) => {
                return Err(OpenError::Damaged {
                    path: state_dir.to_owned(),
                    problem,
                });
            }
        }
    }
}

enum Problem {
    Held,
    Refused(io::Error),
    Damaged {
        problem: String,
        /// Whether sled can say of no place in its file that it is damaged: so it is for snapshots
        /// and settings.
        nowhere: bool,
    },
}

/// Damaged pages can make sled panic.
fn open_once(folder: &Path) -> Result<sled::Db, Problem> {
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES);
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains(LOCK_WORDS) => {
            Err(Problem::Held)
        }
        Ok(Err(sled::Error::Io(error))) if !is_damage(&error) => Err(Problem::Refused(error)),
        Ok(Err(sled::Error::Corruption { at, .. })) => Err(Problem::Damaged {
            problem: match at {
                Some(place) => format!("what stands at {place} of its log is not what was written"),
                None => "one of its files is not what was written".to_owned(),
            },
            nowhere: at.is_none(),
        }),
        // sled is one version and its settings are never changed, so they are damaged.
        Ok(Err(error)) => Err(Problem::Damaged {
            nowhere: matches!(error, sled::Error::Unsupported(_)),
            problem: error.to_string(),
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            Err(Problem::Damaged {
                problem: text.unwrap_or_default(),
                nowhere: false,
            })
        }
    }
}

/// Whether the file's content is at fault, and not the machine.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput
    )
}

/// Sets sled's snapshots and settings aside: it reads its log from the beginning then. False if there
/// is nothing to set aside.
fn quarantine(folder: &Path) -> Result<bool, OpenError> {
    let mut found = false;
    let result = fs::read_dir(folder).and_then(|entries| {
        for entry in entries {
            let name = entry?.file_name();
            if name == SETTINGS || name.to_string_lossy().starts_with(SNAPSHOT) {
                let mut aside = std::ffi::OsString::from(QUARANTINED);
                aside.push(&name);
                fs::rename(folder.join(&name), folder.join(aside))?;
                found = true;
            }
        }
        Ok(())
    });
    result.map_err(|source| OpenError::Io {
        action: "setting damaged files aside in",
        path: folder.to_owned(),
        source,
    })?;
    Ok(found)
}

/// Who holds the lock on a file, for people.
fn holder(file: &Path) -> String {
    let found = lock_holder(file).map(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        format!("process {pid} ({})", name.trim_end())
    });
    found.unwrap_or_else(|| "another process".to_owned())
}

/// The process in `/proc/locks` whose lock is on the file's inode.
fn lock_holder(file: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let inode = fs::metadata(file).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, place, ..] = words[..] else {
            return None;
        };
        let same = place.rsplit(':').next() == Some(inode.as_str());
        same.then(|| pid.parse().ok()).flatten()
    })
}
