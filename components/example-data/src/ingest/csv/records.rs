//! The records of a CSV text, one after the other, with their lines.
//!
//! RFC 4180: fields are separated by commas and may be quoted; a quoted field may hold commas,
//! line ends and doubled quotes. Lines end in LF or CR LF. A quote inside an unquoted field is an
//! ordinary character. Empty lines are no records. It does not know headers or types.

use std::io::Read;

use memchr::{memchr, memchr2};

use super::super::format::disguise;
use crate::limits::RECORD_BYTES_MAX;

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Splits a CSV text into records.
pub(super) struct RecordReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the next record starts in the buffer.
    start: usize,
    /// How much of the buffer is filled.
    filled: usize,
    at_end: bool,
    /// The line that the next record starts in, from 1.
    line: u64,
    first: bool,
}

/// The cells of one record, one after the other.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) bytes: Vec<u8>,
    /// Where each cell ends in `bytes`.
    pub(super) ends: Vec<usize>,
    /// The line that the record starts in.
    pub(super) line: u64,
}

impl Record {
    pub(super) fn cell(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum RecordError {
    /// The file could not be read.
    Read(std::io::Error),
    /// One record is malformed; the next one may be fine. The column is counted in cells, from 1.
    Malformed {
        line: u64,
        column: usize,
        problem: &'static str,
    },
    /// The rest of the file cannot be split into records.
    Fatal {
        line: u64,
        column: usize,
        problem: String,
    },
}

enum Parsed {
    Record {
        length: usize,
        lines: u64,
    },
    Malformed {
        length: usize,
        lines: u64,
        line: u64,
        column: usize,
        problem: &'static str,
    },
    Unclosed {
        line: u64,
        column: usize,
    },
    Incomplete,
}

impl<R: Read> RecordReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            filled: 0,
            at_end: false,
            line: 1,
            first: true,
        }
    }

    /// Reads the next record; `false` at the end of the text.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, RecordError> {
        if self.first {
            self.first = false;
            self.skip_byte_order_mark()?;
        }
        loop {
            self.skip_empty_lines();
            if self.start == self.filled && self.at_end {
                return Ok(false);
            }
            record.clear();
            record.line = self.line;
            let text = &self.buffer[self.start..self.filled];
            match parse(text, self.at_end, self.line, record) {
                Parsed::Record { length, lines } => {
                    self.advance(length, lines);
                    return Ok(true);
                }
                Parsed::Malformed {
                    length,
                    lines,
                    line,
                    column,
                    problem,
                } => {
                    self.advance(length, lines);
                    return Err(RecordError::Malformed {
                        line,
                        column,
                        problem,
                    });
                }
                Parsed::Unclosed { line, column } => {
                    return Err(RecordError::Fatal {
                        line,
                        column,
                        problem:
                            "a quote is opened and never closed; close it, or double a quote that \
                                  is part of the text"
                                .to_owned(),
                    });
                }
                Parsed::Incomplete => {
                    if text.len() > RECORD_BYTES_MAX {
                        return Err(RecordError::Fatal {
                            line: self.line,
                            column: 1,
                            problem: format!(
                                "the row is longer than {} MiB; is a quote opened and never closed?",
                                RECORD_BYTES_MAX >> 20
                            ),
                        });
                    }
                    self.fill()?;
                }
            }
        }
    }

    fn advance(&mut self, length: usize, lines: u64) {
        self.start += length;
        self.line += lines;
    }

    fn skip_empty_lines(&mut self) {
        loop {
            match &self.buffer[self.start..self.filled] {
                [b'\n', ..] => self.advance(1, 1),
                [b'\r', b'\n', ..] => self.advance(2, 1),
                _ => return,
            }
        }
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), RecordError> {
        while self.filled < 4 && !self.at_end {
            self.fill()?;
        }
        let first = &self.buffer[..self.filled];
        if first.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.start = 3;
        } else if let Some(problem) = disguise(first) {
            return Err(RecordError::Fatal {
                line: 1,
                column: 1,
                problem: problem.to_owned(),
            });
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), RecordError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        let wanted = READ_BYTES.max(self.filled);
        if self.buffer.len() < self.filled + wanted {
            self.buffer.resize(self.filled + wanted, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(RecordError::Read(error)),
            }
            return Ok(());
        }
    }
}

/// Splits the first record off; `line` is where it starts.
fn parse(text: &[u8], at_end: bool, line: u64, record: &mut Record) -> Parsed {
    let (length, content) = match memchr(b'\n', text) {
        Some(end) => (end + 1, &text[..end]),
        None if at_end => (text.len(), text),
        None => return Parsed::Incomplete,
    };
    if memchr(b'"', content).is_some() {
        return parse_quoted(text, at_end, line, record);
    }
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    let mut rest = content;
    while let Some(comma) = memchr(b',', rest) {
        record.bytes.extend_from_slice(&rest[..comma]);
        record.ends.push(record.bytes.len());
        rest = &rest[comma + 1..];
    }
    record.bytes.extend_from_slice(rest);
    record.ends.push(record.bytes.len());
    Parsed::Record { length, lines: 1 }
}

/// The same for a record that has a quote in its first line.
fn parse_quoted(text: &[u8], at_end: bool, first_line: u64, record: &mut Record) -> Parsed {
    let mut position = 0;
    let mut line = first_line;
    loop {
        let column = record.ends.len() + 1;
        if text.get(position) == Some(&b'"') {
            let opened = line;
            position += 1;
            loop {
                let Some(quote) = memchr(b'"', &text[position..]) else {
                    return if at_end {
                        Parsed::Unclosed {
                            line: opened,
                            column,
                        }
                    } else {
                        Parsed::Incomplete
                    };
                };
                let part = &text[position..position + quote];
                line += memchr::memchr_iter(b'\n', part).count() as u64;
                record.bytes.extend_from_slice(part);
                position += quote + 1;
                if text.get(position) == Some(&b'"') {
                    record.bytes.push(b'"');
                    position += 1;
                } else {
                    break;
                }
            }
        } else {
            let rest = &text[position..];
            let length = memchr2(b',', b'\n', rest).unwrap_or(rest.len());
            let mut cell = &rest[..length];
            if rest.get(length) != Some(&b',') {
                cell = cell.strip_suffix(b"\r").unwrap_or(cell);
            }
            record.bytes.extend_from_slice(cell);
            position += length;
        }
        record.ends.push(record.bytes.len());
        match &text[position..] {
            [b',', ..] => position += 1,
            [b'\n', ..] => {
                return Parsed::Record {
                    length: position + 1,
                    lines: line + 1 - first_line,
                };
            }
            [b'\r', b'\n', ..] => {
                return Parsed::Record {
                    length: position + 2,
                    lines: line + 1 - first_line,
                };
            }
            [] | [b'\r'] if at_end => {
                return Parsed::Record {
                    length: text.len(),
                    lines: line + 1 - first_line,
                };
            }
            [] | [b'\r'] => return Parsed::Incomplete,
            rest => {
                let Some(length) = memchr(b'\n', rest)
                    .map(|end| end + 1)
                    .or(at_end.then_some(rest.len()))
                else {
                    return Parsed::Incomplete;
                };
                return Parsed::Malformed {
                    length: position + length,
                    lines: line + 1 - first_line,
                    line,
                    column,
                    problem: "there is text between a closing quote and the next comma; double a quote \
                              that is part of the text",
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives one byte at a time, so that every cut is tried.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn records(input: impl Read) -> Vec<String> {
        let mut reader = RecordReader::new(input);
        let mut record = Record::default();
        let mut found = Vec::new();
        loop {
            match reader.read(&mut record) {
                Ok(false) => return found,
                Ok(true) => {
                    let cells: Vec<String> = (0..record.ends.len())
                        .map(|index| String::from_utf8_lossy(record.cell(index)).into_owned())
                        .collect();
                    found.push(format!("{}: {}", record.line, cells.join("|")));
                }
                Err(RecordError::Malformed { line, column, .. }) => {
                    found.push(format!("bad {line}:{column}"));
                }
                Err(RecordError::Fatal { line, column, .. }) => {
                    found.push(format!("fatal {line}:{column}"));
                    return found;
                }
                Err(RecordError::Read(error)) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn records_of_awkward_texts() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(records(text.as_bytes()), expected, "{text:?}");
            assert_eq!(
                records(Trickle(text.as_bytes())),
                expected,
                "{text:?} in single bytes"
            );
        };
        check("", &[]);
        check("\n\r\n\n", &[]);
        check("a,b\n1,2\n", &["1: a|b", "2: 1|2"]);
        check("a,b\r\n1,2", &["1: a|b", "2: 1|2"]);
        check("\u{feff}a\n1", &["1: a", "2: 1"]);
        check("a,,\n,,", &["1: a||", "2: ||"]);
        check("\n\na\n\n\nb\n", &["3: a", "6: b"]);
        check("\"a,b\",\"c\"\"d\"\n", &["1: a,b|c\"d"]);
        check("\"a\nb\",c\nd,e\n", &["1: a\nb|c", "3: d|e"]);
        check("x,\"a\r\nb\"\r\nd,e", &["1: x|a\r\nb", "3: d|e"]);
        check("\"\"\n\"\",\"\"\n", &["1: ", "2: |"]);
        check("5\" pipe,6\n", &["1: 5\" pipe|6"]);
        check("a\"b\r\nc\n", &["1: a\"b", "2: c"]);
        check("a,\"b\"c,d\ne,f,g\n", &["bad 1:2", "2: e|f|g"]);
        check("a\nx,\"open\nrest\n", &["1: a", "fatal 2:2"]);
        check("\"last\"", &["1: last"]);
        check("\"last\"\r", &["1: last"]);
    }
}
