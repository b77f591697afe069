//! What can go wrong with data, said to the person whose data it is.

use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

/// A failure of reading, writing or checking data.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `create`, `rename`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A Parquet file could not be read or written.
    #[error("{}: not a readable Parquet file or not writable", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The library's answer.
        source: ParquetError,
    },
    /// Columns could not be converted or combined.
    #[error("{what}")]
    Arrow {
        /// What was tried, with the column.
        what: String,
        /// The library's answer.
        source: ArrowError,
    },
    /// A row of an input file is malformed.
    #[error("{0}")]
    Row(RowError),
    /// An input file as a whole is unusable: no header, another header, a type that examples lack.
    #[error("{}: {problem}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// An artifact's folder does not hold what its type promises.
    #[error("{}: {problem}", path.display())]
    Artifact {
        /// The folder or file.
        path: PathBuf,
        /// What is missing or wrong, and what to do.
        problem: String,
    },
    /// A schema cannot be used.
    #[error("{}: {problem}", path.display())]
    Schema {
        /// The schema's file.
        path: PathBuf,
        /// What is wrong and where.
        problem: String,
    },
    /// What was asked for makes no sense with this schema or these statistics.
    #[error("{0}")]
    Request(String),
}

/// A malformed row of an input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The file, as the user named it.
    pub file: String,
    /// The place of the cell, or of the row's start.
    pub position: Position,
    /// Where one cell is to blame, which.
    pub cell: Option<Cell>,
    /// What is wrong and what to do.
    pub problem: String,
}

/// Where a row stands in its file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// In a text.
    Line(u64),
    /// In a file that has no lines.
    Row(u64),
}

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// By its number from 1: a cell of CSV, or a character of a line of JSON.
    Number(usize),
    /// By its number from 1 and its column's name.
    Numbered(usize, String),
    /// By its column's name.
    Named(String),
}

impl std::fmt::Display for RowError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.position {
            Position::Line(line) => write!(formatter, "{}, line {line}", self.file)?,
            Position::Row(row) => write!(formatter, "{}, row {row}", self.file)?,
        }
        match &self.cell {
            Some(Cell::Number(number)) => write!(formatter, ", column {number}")?,
            Some(Cell::Numbered(number, name)) => write!(formatter, ", column {number} ({name})")?,
            Some(Cell::Named(name)) => write!(formatter, ", column `{name}`")?,
            None => {}
        }
        write!(formatter, ": {}", self.problem)
    }
}

impl DataError {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn parquet(path: &Path, source: ParquetError) -> Self {
        Self::Parquet {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn arrow(what: impl Into<String>, source: ArrowError) -> Self {
        Self::Arrow {
            what: what.into(),
            source,
        }
    }

    pub(crate) fn input(file: &str, problem: impl Into<String>) -> Self {
        Self::Input {
            path: PathBuf::from(file),
            problem: problem.into(),
        }
    }

    pub(crate) fn artifact(path: &Path, problem: impl Into<String>) -> Self {
        Self::Artifact {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }

    pub(crate) fn schema(path: &Path, problem: impl Into<String>) -> Self {
        Self::Schema {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }
}
