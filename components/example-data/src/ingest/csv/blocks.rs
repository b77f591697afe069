//! Blocks of CSV records: what is converted in parallel.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::super::{InputFile, format};
use super::records::{Record, RecordError, RecordReader};
use crate::DataError;
use crate::error::{Cell, Position, RowError};
use crate::limits::{BLOCK_BYTES, BLOCK_ROWS, COLUMNS_MAX};

/// Records of one file that have as many cells as the header, and the rows that do not.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The cells, one after the other.
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`, row by row.
    ends: Vec<usize>,
    /// The line that each row starts in.
    pub(super) lines: Vec<u64>,
    width: usize,
    /// The file's name, for messages.
    pub(super) file: String,
    /// Malformed rows, in order.
    pub(super) bad: Vec<RowError>,
}

impl Block {
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> &[u8] {
        let index = row * self.width + column;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    /// The line in which a cell starts: fields before it may hold line ends.
    pub(super) fn line_of(&self, row: usize, column: usize) -> u64 {
        let before =
            (0..column).map(|earlier| memchr::memchr_iter(b'\n', self.cell(row, earlier)).count());
        self.lines[row] + before.sum::<usize>() as u64
    }

    fn push(&mut self, record: &Record) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&record.bytes);
        self.ends.extend(record.ends.iter().map(|end| offset + end));
        self.lines.push(record.line);
    }
}

/// Reads a file's header and then its rows, block by block.
pub(super) struct BlockReader {
    records: RecordReader<Box<dyn Read + Send>>,
    record: Record,
    path: PathBuf,
    file: String,
    header: Vec<String>,
}

impl BlockReader {
    /// Opens a file and reads its header.
    pub(super) fn open(file: &InputFile) -> Result<Self, DataError> {
        let mut reader = Self {
            records: RecordReader::new(format::open(file)?),
            record: Record::default(),
            path: file.path.clone(),
            file: file.name.clone(),
            header: Vec::new(),
        };
        let found = reader.records.read(&mut reader.record);
        match found {
            Ok(true) => {}
            Ok(false) => {
                return Err(DataError::input(
                    &file.name,
                    "the file is empty; its first line must name the columns",
                ));
            }
            Err(error) => return Err(reader.fatal(error, &file.path)),
        }
        reader.header = header(&reader.record, &file.name)?;
        Ok(reader)
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The next block; none at the end of the file.
    pub(super) fn next_block(&mut self) -> Result<Option<Block>, DataError> {
        let mut block = Block {
            width: self.header.len(),
            file: self.file.clone(),
            ..Block::default()
        };
        while block.rows() + block.bad.len() < BLOCK_ROWS && block.bytes.len() < BLOCK_BYTES {
            match self.records.read(&mut self.record) {
                Ok(true) if self.record.ends.len() == block.width => block.push(&self.record),
                Ok(true) => block.bad.push(self.wrong_width()),
                Ok(false) => break,
                Err(RecordError::Malformed {
                    line,
                    column,
                    problem,
                }) => {
                    block
                        .bad
                        .push(self.row_error(line, column, problem.to_owned()));
                }
                Err(error) => return Err(self.fatal(error, &self.path)),
            }
        }
        Ok((block.rows() > 0 || !block.bad.is_empty()).then_some(block))
    }

    fn wrong_width(&self) -> RowError {
        let (found, wanted) = (self.record.ends.len(), self.header.len());
        let column = found.min(wanted) + usize::from(found > wanted);
        let problem = format!("the row has {found} cells, the header {wanted}");
        self.row_error(self.record.line, column, problem)
    }

    fn row_error(&self, line: u64, column: usize, problem: String) -> RowError {
        let cell = match self.header.get(column - 1) {
            Some(name) => Cell::Numbered(column, name.clone()),
            None => Cell::Number(column),
        };
        RowError {
            file: self.file.clone(),
            position: Position::Line(line),
            cell: Some(cell),
            problem,
        }
    }

    fn fatal(&self, error: RecordError, path: &Path) -> DataError {
        match error {
            RecordError::Read(error) => DataError::io("read", path, error),
            RecordError::Malformed {
                line,
                column,
                problem,
            } => DataError::Row(self.row_error(line, column, problem.to_owned())),
            RecordError::Fatal {
                line,
                column,
                problem,
            } => DataError::Row(self.row_error(line, column, problem)),
        }
    }
}

fn header(record: &Record, file: &str) -> Result<Vec<String>, DataError> {
    let width = record.ends.len();
    if width > COLUMNS_MAX {
        return Err(DataError::input(
            file,
            format!(
                "the header has {width} columns, more than {COLUMNS_MAX}; is the delimiter a comma?"
            ),
        ));
    }
    let problem = |index: usize, problem: String| {
        DataError::Row(RowError {
            file: file.to_owned(),
            position: Position::Line(record.line),
            cell: Some(Cell::Number(index + 1)),
            problem,
        })
    };
    let mut names: Vec<String> = Vec::with_capacity(width);
    for index in 0..width {
        let Ok(name) = std::str::from_utf8(record.cell(index)) else {
            return Err(problem(
                index,
                "the column's name is not valid UTF-8; save the file as UTF-8".to_owned(),
            ));
        };
        if name.trim().is_empty() {
            return Err(problem(
                index,
                "the header names no column here; name every column".to_owned(),
            ));
        }
        if name.contains('\r') {
            return Err(problem(
                index,
                "the header holds a carriage return; lines must end in LF or CR LF".to_owned(),
            ));
        }
        if names.iter().any(|other| other == name) {
            return Err(problem(
                index,
                format!("the header names `{name}` twice; names must be unique"),
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}
