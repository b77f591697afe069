//! The number of the last event that was made durable, kept beside sled.
//!
//! sled takes a record of its log that is damaged for the end of the log, as after a torn write, and
//! goes on with what stands before it. That is right after a crash, when nobody was told of the rest;
//! where somebody was told, the number here is higher than what is left, and the loss is seen.
//!
//! It is written after a turn is durable and is not synced, so it may be older than the rows, and is
//! never newer. What cannot be read says nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Its name in sled's folder.
const NAME: &str = "acknowledged";

/// Hex digits of the number's BLAKE3 that follow it.
const CHECK_DIGITS: usize = 16;

/// The file, open for writing.
#[derive(Debug)]
pub(crate) struct Acknowledged(File);

impl Acknowledged {
    /// Where it lies.
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// The number in it, if there is one.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<u64>> {
        let text = match fs::read(Self::path(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let text = String::from_utf8_lossy(&text);
        let number = text.split(' ').next().and_then(|word| word.parse().ok());
        Ok(number.filter(|number| text == line(*number)))
    }

    /// Opens it, and makes it if it is not there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        options.open(Self::path(folder)).map(Self)
    }

    /// Notes that all events up to this one are durable.
    pub(crate) fn note(&self, seq: u64) -> io::Result<()> {
        self.0.write_all_at(line(seq).as_bytes(), 0)
    }
}

/// Of one length, so that a later one covers an earlier one.
fn line(seq: u64) -> String {
    let number = format!("{seq:020}");
    let check = blake3::hash(number.as_bytes()).to_hex();
    format!("{number} {}\n", &check[..CHECK_DIGITS])
}
