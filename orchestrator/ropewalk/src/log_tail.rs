//! The end of a log.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::limits::{LOG_TAIL_BYTES, LOG_TAIL_LINES};

/// Where the daemon of a state folder writes.
pub(crate) fn daemon_log(state_dir: &Path) -> PathBuf {
    state_dir.join("daemon.log")
}

/// How long daemon.log is; 0 if it is not there.
pub(crate) fn daemon_log_length(state_dir: &Path) -> u64 {
    fs::metadata(daemon_log(state_dir)).map_or(0, |found| found.len())
}

/// The last lines of daemon.log after its first `from` bytes; empty if there are none or they cannot be
/// read.
pub(crate) fn of_daemon(state_dir: &Path, from: u64) -> String {
    let bytes = end_of(&daemon_log(state_dir), from).unwrap_or_default();
    last_lines(&bytes)
}

/// The last lines of a text.
pub(crate) fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
    let last: Vec<String> = last.iter().map(|line| printable(line)).collect();
    last.join("\n")
}

/// A line in which nothing tells a terminal what to do.
fn printable(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' => text.push(c),
            c if c.is_control() => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    text
}

fn end_of(log: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    // A log that is shorter by now was begun anew.
    let from = if from > length { 0 } else { from };
    file.seek(SeekFrom::Start(
        from.max(length.saturating_sub(LOG_TAIL_BYTES)),
    ))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
