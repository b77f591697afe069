//! Logs that grow without end: out of the middle of one that takes too much room a hole is punched.
//!
//! Its first and its last part stay, at the places where they were, so that whoever writes to it or reads
//! it goes on undisturbed. What is in the hole reads as zeros and takes no room.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;

use crate::limits::{LOG_BLOCK_BYTES, LOG_END_BYTES, LOG_START_BYTES};

/// A log that an attempt writes to, and how much room it may take.
#[derive(Debug, Clone)]
pub(crate) struct CappedLog {
    pub(crate) path: PathBuf,
    pub(crate) bytes_max: u64,
}

impl CappedLog {
    /// Punches a hole into the log if it takes more room than it may. How many bytes that took out of it.
    pub(crate) fn cap(&self) -> io::Result<u64> {
        let found = fs::symlink_metadata(&self.path)?;
        // Blocks of 512 bytes, whatever the file system's own are.
        if !found.is_file() || found.blocks() * 512 <= self.bytes_max {
            return Ok(0);
        }
        let Some((from, length)) = hole(found.len(), self.bytes_max) else {
            return Ok(0);
        };
        punch(&self.path, from, length)?;
        Ok(length)
    }
}

/// Where a hole goes in a log of this length: whole blocks between what is kept.
fn hole(length: u64, bytes_max: u64) -> Option<(u64, u64)> {
    let start = LOG_START_BYTES.min(bytes_max / 4);
    let end = length.saturating_sub(LOG_END_BYTES.min(bytes_max / 2));
    let from = start.next_multiple_of(LOG_BLOCK_BYTES);
    let until = end - end % LOG_BLOCK_BYTES;
    until
        .checked_sub(from)
        .filter(|length| *length > 0)
        .map(|length| (from, length))
}

fn punch(path: &Path, from: u64, length: u64) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let log = options.write(true).custom_flags(no_follow).open(path)?;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&log, flags, from, length)?;
    Ok(())
}
