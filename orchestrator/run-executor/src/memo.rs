//! Digests of files, and the memory of those that did not change since.
//!
//! Files are read, never mapped: a mapped file that somebody truncates meanwhile would end the
//! daemon with SIGBUS. It does not know why a digest is wanted.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use run_engine::artifact::FileState;

use crate::limits::{DIGEST_BUFFER_BYTES, DIGEST_TRIES_MAX, MEMO_AGE_MIN, MEMO_ENTRIES_MAX};

/// Remembers the digests of files by path, size, times and inode.
#[derive(Debug)]
pub struct DigestMemo {
    state_dir: PathBuf,
    digests: Mutex<BTreeMap<PathBuf, (FileState, String)>>,
    interrupted: AtomicBool,
}

/// A file's digest, and the state in which it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digested {
    /// BLAKE3 of the content in hex.
    pub(crate) digest: String,
    pub(crate) state: FileState,
}

/// Why a file could not be digested.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DigestError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is written to all the time.
    #[error("it is being written while it is read")]
    Changing,
    /// The executor ends; nobody waits for the digest.
    #[error("the daemon ends")]
    Interrupted,
}

impl DigestMemo {
    /// An empty memo of a daemon with this state folder, whose files no step ever depends on.
    pub fn new(state_dir: &Path) -> Self {
        Self {
            state_dir: state_dir.to_path_buf(),
            digests: Mutex::default(),
            interrupted: AtomicBool::new(false),
        }
    }

    /// The state folder.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Makes every digest that is being taken fail, and every later one.
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Whether the executor ends.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// The digest of a file that may have been digested before. Symbolic links are followed.
    pub(crate) fn digest(&self, path: &Path) -> Result<Digested, DigestError> {
        let state = file_state(&std::fs::metadata(path)?);
        if let Some((known, digest)) = self.lock().get(path)
            && *known == state
        {
            return Ok(Digested {
                digest: digest.clone(),
                state,
            });
        }
        let digested = self.digest_anew(path)?;
        if !is_recent(&digested.state) {
            let mut digests = self.lock();
            if digests.len() >= MEMO_ENTRIES_MAX {
                digests.clear();
            }
            let entry = (digested.state, digested.digest.clone());
            digests.insert(path.to_path_buf(), entry);
        }
        Ok(digested)
    }

    /// The digest of a file as it is now.
    pub(crate) fn digest_anew(&self, path: &Path) -> Result<Digested, DigestError> {
        let file = File::open(path)?;
        self.digest_open(&file)
    }

    /// The digest of an open file, read from its beginning.
    pub(crate) fn digest_open(&self, mut file: &File) -> Result<Digested, DigestError> {
        for _ in 0..DIGEST_TRIES_MAX {
            io::Seek::rewind(&mut file)?;
            let state = file_state(&file.metadata()?);
            let digest = self.read(file, state.size_bytes)?;
            if file_state(&file.metadata()?) == state {
                return Ok(Digested { digest, state });
            }
        }
        Err(DigestError::Changing)
    }

    fn read(&self, mut file: &File, size_bytes: u64) -> Result<String, DigestError> {
        let mut hasher = blake3::Hasher::new();
        // One byte more than the file is said to have, so that the end is seen without another read.
        let buffer_bytes = usize::try_from(size_bytes)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let mut buffer = vec![0; buffer_bytes.min(DIGEST_BUFFER_BYTES)];
        loop {
            if self.is_interrupted() {
                return Err(DigestError::Interrupted);
            }
            let length = match read_full(&mut file, &mut buffer) {
                Ok(0) => return Ok(hasher.finalize().to_hex().to_string()),
                Ok(length) => length,
                Err(error) => return Err(error.into()),
            };
            if length == DIGEST_BUFFER_BYTES {
                hasher.update_rayon(&buffer);
            } else {
                hasher.update(&buffer[..length]);
                if length < buffer.len() {
                    return Ok(hasher.finalize().to_hex().to_string());
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, (FileState, String)>> {
        // Entries are written whole; a panic elsewhere leaves a good memo.
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads until the buffer is full or the file is at its end.
fn read_full(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What tells whether a file was touched.
pub(crate) fn file_state(metadata: &Metadata) -> FileState {
    let nanoseconds =
        |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    FileState {
        size_bytes: metadata.size(),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
    }
}

/// Whether a file may change again without another time stamp. One from the future counts too.
fn is_recent(state: &FileState) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ns = now.map_or(0, |now| i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
    let changed_ns = state.mtime_ns.max(state.ctime_ns);
    let age_min_ns = i64::try_from(MEMO_AGE_MIN.as_nanos()).unwrap_or(i64::MAX);
    now_ns.saturating_sub(changed_ns) < age_min_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rested_for_a_while_is_remembered() {
        let memo = DigestMemo::new(Path::new("/nowhere"));
        let folder = tempfile::tempdir().unwrap();
        let fresh = folder.path().join("fresh");
        std::fs::write(&fresh, "1").unwrap();
        memo.digest(&fresh).unwrap();
        assert!(memo.lock().is_empty());

        let program = Path::new("/bin/sh");
        let first = memo.digest(program).unwrap();
        assert!(memo.lock().contains_key(program));
        // What is remembered is answered; in another state it is not.
        let other = "of another content".to_owned();
        memo.lock()
            .insert(program.to_path_buf(), (first.state, other.clone()));
        assert_eq!(memo.digest(program).unwrap().digest, other);
        let earlier = FileState {
            mtime_ns: 1,
            ..first.state
        };
        memo.lock().insert(program.to_path_buf(), (earlier, other));
        assert_eq!(memo.digest(program).unwrap(), first);
    }

    #[test]
    fn an_interrupted_memo_digests_nothing_more() {
        let memo = DigestMemo::new(Path::new("/nowhere"));
        memo.interrupt();
        let result = memo.digest(Path::new("/bin/sh"));
        assert!(matches!(result, Err(DigestError::Interrupted)));
    }
}
