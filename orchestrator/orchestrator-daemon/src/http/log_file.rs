//! Reading a log piece by piece, from its start or from its last lines.
//!
//! It does not know whether more is coming.

use std::io::{self, SeekFrom};
use std::path::PathBuf;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::limits::PIECE_BYTES;

/// A log that is read from.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// So many last lines only, of what is there at the first read.
    tail: Option<u64>,
    /// None until it is there: an attempt that is about to be launched has no log yet.
    file: Option<File>,
}

impl LogFile {
    pub(super) fn new(path: PathBuf, tail: Option<u64>) -> Self {
        Self {
            path,
            tail,
            file: None,
        }
    }

    /// The next piece; empty where the log ends for now.
    pub(super) async fn read(&mut self) -> io::Result<Vec<u8>> {
        if self.file.is_none() {
            self.file = self.open().await?;
        }
        let Some(file) = &mut self.file else {
            return Ok(Vec::new());
        };
        let mut piece = vec![0; PIECE_BYTES];
        let length = file.read(&mut piece).await?;
        piece.truncate(length);
        Ok(piece)
    }

    async fn open(&self) -> io::Result<Option<File>> {
        let mut file = match File::open(&self.path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if let Some(lines) = self.tail {
            let start = start_of_last(&mut file, lines).await?;
            file.seek(SeekFrom::Start(start)).await?;
        }
        Ok(Some(file))
    }
}

/// Where the last `lines` lines begin.
async fn start_of_last(file: &mut File, lines: u64) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0)).await?;
    let mut left = lines;
    let mut from = end;
    let mut piece = vec![0; PIECE_BYTES];
    while from > 0 && lines > 0 {
        let start = from.saturating_sub(PIECE_BYTES as u64);
        // At most a piece's length.
        let length = usize::try_from(from - start).unwrap_or(PIECE_BYTES);
        file.seek(SeekFrom::Start(start)).await?;
        file.read_exact(&mut piece[..length]).await?;
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
    Ok(if lines == 0 { end } else { 0 })
}
