//! Reading a log piece by piece, from its start or from its last lines.
//!
//! Where the keeper took the middle out of a log that grew too large, that is said in its place. It does
//! not know whether more is coming.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use tokio::task::spawn_blocking;

use crate::limits::PIECE_BYTES;

/// A log that is read from.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// So many last lines only, of what is there at the first read.
    tail: Option<u64>,
    /// None until it is there: an attempt that is about to be launched has no log yet.
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    file: File,
    at: u64,
}

impl LogFile {
    pub(super) fn new(path: PathBuf, tail: Option<u64>) -> Self {
        Self {
            path,
            tail,
            reading: None,
        }
    }

    /// The next piece; empty where the log ends for now.
    pub(super) async fn read(&mut self) -> io::Result<Vec<u8>> {
        let (reading, path, tail) = (self.reading.take(), self.path.clone(), self.tail);
        let read = spawn_blocking(move || {
            let reading = match reading {
                Some(reading) => Some(reading),
                None => Reading::open(path, tail)?,
            };
            let Some(mut reading) = reading else {
                return Ok((None, Vec::new()));
            };
            let piece = reading.next()?;
            Ok::<_, io::Error>((Some(reading), piece))
        });
        let piece;
        (self.reading, piece) = read.await.map_err(io::Error::other)??;
        Ok(piece)
    }
}

impl Reading {
    fn open(path: PathBuf, tail: Option<u64>) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let at = match tail {
            Some(lines) => start_of_last(&file, lines)?,
            None => 0,
        };
        Ok(Some(Self { file, at }))
    }

    fn next(&mut self) -> io::Result<Vec<u8>> {
        let Some(data) = data_after(&self.file, self.at)? else {
            return Ok(Vec::new());
        };
        if data > self.at {
            let removed = data - self.at;
            self.at = data;
            let notice =
                format!("\n[{removed} bytes were taken out here: the log grew too large]\n");
            return Ok(notice.into_bytes());
        }
        let length = usize::try_from(hole_after(&self.file, data)? - data).unwrap_or(PIECE_BYTES);
        let mut piece = vec![0; length.min(PIECE_BYTES)];
        let length = self.file.read_at(&mut piece, self.at)?;
        piece.truncate(length);
        self.at += length as u64;
        Ok(piece)
    }
}

/// Whether nothing was taken out of a log; asked of a file that nothing was read of yet.
pub(super) fn is_whole(log: &tokio::fs::File) -> bool {
    let hole = seek(log, SeekFrom::Hole(0)).ok();
    let end = seek(log, SeekFrom::End(0)).ok();
    // Whoever reads it begins at its start.
    let at_start = seek(log, SeekFrom::Start(0)).is_ok();
    at_start && (hole.is_none() || hole >= end)
}

/// Where the next data begins; none at the end of the file.
fn data_after(file: &File, at: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        // A file system that knows no holes.
        Err(Errno::INVAL) => Ok((at < file.metadata()?.len()).then_some(at)),
        Err(error) => Err(error.into()),
    }
}

/// Where the data ends that begins here.
fn hole_after(file: &File, at: u64) -> io::Result<u64> {
    match seek(file, SeekFrom::Hole(at)) {
        Ok(hole) => Ok(hole),
        Err(Errno::INVAL) => Ok(file.metadata()?.len()),
        Err(error) => Err(error.into()),
    }
}

/// Where the last `lines` lines begin, or what was kept of the end of a log without its middle.
fn start_of_last(file: &File, lines: u64) -> io::Result<u64> {
    let end = file.metadata()?.len();
    let first = start_of_last_data(file, end)?;
    let mut left = lines;
    let mut from = end;
    let mut piece = vec![0; PIECE_BYTES];
    while from > first && lines > 0 {
        let start = from.saturating_sub(PIECE_BYTES as u64).max(first);
        // At most a piece's length.
        let length = usize::try_from(from - start).unwrap_or(PIECE_BYTES);
        file.read_exact_at(&mut piece[..length], start)?;
        for index in (0..length).rev() {
            let position = start + index as u64;
            // The end of the last line begins no other.
            if piece[index] != b'\n' || position + 1 == end {
                continue;
            }
            left -= 1;
            if left == 0 {
                return Ok(position + 1);
            }
        }
        from = start;
    }
    Ok(if lines == 0 { end } else { first })
}

/// Where the data begins that ends with the file.
fn start_of_last_data(file: &File, end: u64) -> io::Result<u64> {
    let (mut last, mut at) = (0, 0);
    while let Some(data) = data_after(file, at)?.filter(|data| *data < end) {
        last = data;
        at = hole_after(file, data)?;
    }
    Ok(last)
}
