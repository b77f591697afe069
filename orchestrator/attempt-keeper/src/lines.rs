//! Lines out of a stream that arrives in pieces.
//!
//! Half a line at the end of a stream is never delivered: it is what a peer that died while writing
//! leaves, and has no meaning.

use crate::limits::MESSAGE_BYTES_MAX;

/// A line grew beyond [`MESSAGE_BYTES_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("a line is longer than {MESSAGE_BYTES_MAX} bytes")]
pub(crate) struct LineTooLong;

/// Bytes received and not yet delivered.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    /// Start of the first line that was not delivered.
    start: usize,
    /// Everything before this is known to hold no newline.
    searched: usize,
}

impl LineBuffer {
    /// Takes what arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, without its newline.
    pub(crate) fn next_line(&mut self) -> Result<Option<&[u8]>, LineTooLong> {
        let Some(length) = self.bytes[self.searched..]
            .iter()
            .position(|&byte| byte == b'\n')
        else {
            self.searched = self.bytes.len();
            return if self.bytes.len() - self.start > MESSAGE_BYTES_MAX {
                Err(LineTooLong)
            } else {
                Ok(None)
            };
        };
        let end = self.searched + length;
        let line = self.start..end;
        self.start = end + 1;
        self.searched = end + 1;
        if line.len() > MESSAGE_BYTES_MAX {
            return Err(LineTooLong);
        }
        Ok(Some(&self.bytes[line]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_were_cut() {
        let text = b"one\n\ntwo and more\nhalf";
        for size in 1..text.len() {
            let mut buffer = LineBuffer::default();
            let mut lines = Vec::new();
            for piece in text.chunks(size) {
                buffer.push(piece);
                while let Some(line) = buffer.next_line().unwrap() {
                    lines.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(lines, ["one", "", "two and more"], "pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut buffer = LineBuffer::default();
        buffer.push(&vec![b'x'; MESSAGE_BYTES_MAX]);
        assert!(matches!(buffer.next_line(), Ok(None)));
        buffer.push(b"x");
        assert!(buffer.next_line().is_err());
    }
}
