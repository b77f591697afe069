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
    /// A row of a CSV file is malformed.
    #[error("{0}")]
    Row(RowError),
    /// A CSV file as a whole is unusable: no header, another header, too many bad rows.
    #[error("{}: {problem}", path.display())]
    Csv {
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

/// A malformed row of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The file, as the user named it.
    pub file: String,
    /// The line of the cell (or of the row's start), from 1.
    pub line: u64,
    /// The column's number from 1 and its name, where one cell is to blame.
    pub column: Option<(usize, String)>,
    /// What is wrong and what to do.
    pub problem: String,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}, line {}", self.file, self.line)?;
        match &self.column {
            Some((number, name)) if name.is_empty() => write!(formatter, ", column {number}")?,
            Some((number, name)) => write!(formatter, ", column {number} ({name})")?,
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

    pub(crate) fn csv(path: &Path, problem: impl Into<String>) -> Self {
        Self::Csv {
            path: path.to_path_buf(),
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
