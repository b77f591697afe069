//! Lines of JSON, and the objects that they hold.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::super::{InputFile, format};
use crate::DataError;
use crate::error::{Cell, Position, RowError};
use crate::limits::{BLOCK_BYTES, BLOCK_ROWS, RECORD_BYTES_MAX};

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Lines of one file that are not empty.
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where each line ends in `bytes`, and its number.
    ends: Vec<(usize, u64)>,
    pub(super) file: String,
}

/// A line's object.
pub(super) struct Line {
    pub(super) position: Position,
    /// Its keys and values, in the line's order.
    pub(super) cells: Vec<(String, Value)>,
}

/// Reads a file's lines, block by block.
pub(super) struct LineReader {
    input: BufReader<Box<dyn Read + Send>>,
    file: String,
    path: PathBuf,
    line: u64,
}

impl LineReader {
    pub(super) fn open(file: &InputFile) -> Result<Self, DataError> {
        let mut input = BufReader::with_capacity(READ_BYTES, format::open(file)?);
        let read = |error| DataError::io("read", &file.path, error);
        let first = input.fill_buf().map_err(read)?;
        if first.starts_with(&[0xEF, 0xBB, 0xBF]) {
            input.consume(3);
        } else if let Some(problem) = format::disguise(first) {
            return Err(DataError::input(&file.name, problem));
        }
        Ok(Self {
            input,
            file: file.name.clone(),
            path: file.path.clone(),
            line: 0,
        })
    }

    /// The next block; none at the end of the file.
    pub(super) fn next_block(&mut self) -> Result<Option<Lines>, DataError> {
        let mut lines = Lines {
            bytes: Vec::new(),
            ends: Vec::new(),
            file: self.file.clone(),
        };
        while lines.ends.len() < BLOCK_ROWS && lines.bytes.len() < BLOCK_BYTES {
            let start = lines.bytes.len();
            let most = RECORD_BYTES_MAX as u64 + 1;
            let read = (&mut self.input)
                .take(most)
                .read_until(b'\n', &mut lines.bytes)
                .map_err(|error| DataError::io("read", &self.path, error))?;
            if read == 0 {
                break;
            }
            self.line += 1;
            if read as u64 == most {
                return Err(DataError::Row(RowError {
                    file: self.file.clone(),
                    position: Position::Line(self.line),
                    cell: None,
                    problem: format!(
                        "the line is longer than {} MiB; is it one JSON object in each line?",
                        RECORD_BYTES_MAX >> 20
                    ),
                }));
            }
            if lines.bytes[start..].iter().all(u8::is_ascii_whitespace) {
                lines.bytes.truncate(start);
            } else {
                lines.ends.push((lines.bytes.len(), self.line));
            }
        }
        Ok((!lines.ends.is_empty()).then_some(lines))
    }
}

impl Lines {
    /// The lines' objects, and what is wrong with those that hold none.
    pub(super) fn parse(&self) -> (Vec<Line>, Vec<RowError>) {
        let (mut lines, mut bad) = (Vec::with_capacity(self.ends.len()), Vec::new());
        let mut start = 0;
        for (end, number) in &self.ends {
            let position = Position::Line(*number);
            match parse(&self.bytes[start..*end]) {
                Ok(Object(cells)) => lines.push(Line { position, cells }),
                Err((column, problem)) => bad.push(RowError {
                    file: self.file.clone(),
                    position,
                    cell: column.map(Cell::Number),
                    problem,
                }),
            }
            start = *end;
        }
        (lines, bad)
    }
}

/// The object of a line, or the character that is wrong and why.
fn parse(line: &[u8]) -> Result<Object, (Option<usize>, String)> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let column = error.valid_up_to() + 1;
        (
            Some(column),
            "the line is not valid UTF-8; save the file as UTF-8".to_owned(),
        )
    })?;
    serde_json::from_str(text).map_err(|error| {
        let column = (error.column() > 0).then(|| error.column());
        // The library ends its sentence with a place in this line, which it takes for the only one.
        let whole = error.to_string();
        let problem = whole.split(" at line ").next().unwrap_or(&whole);
        if error.is_data() {
            (None, problem.to_owned())
        } else {
            (column, format!("not JSON: {problem}"))
        }
    })
}

/// A JSON object with its keys in order, each once.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;
        impl<'de> Visitor<'de> for Cells {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("one JSON object in each line")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut cells: Vec<(String, Value)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if key.trim().is_empty() {
                        return Err(A::Error::custom("a key is empty; name every column"));
                    }
                    cells.push((key, value));
                }
                let mut names: Vec<&str> = cells.iter().map(|(key, _)| key.as_str()).collect();
                names.sort_unstable();
                if let Some((name, _)) =
                    names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b)
                {
                    let message = format!("the key `{name}` stands in it twice");
                    return Err(A::Error::custom(message));
                }
                Ok(Object(cells))
            }
        }
        deserializer.deserialize_map(Cells)
    }
}
