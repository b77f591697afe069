//! What is read, how, and what came of it.

use std::path::PathBuf;

use arrow_schema::SchemaRef;

use crate::error::RowError;
use crate::splits::{HashSplits, Splits};

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What messages call it, and what its kind is told by: the name that the user knows.
    pub name: String,
}

/// What to do about malformed rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum BadRows {
    /// The first one is an error.
    #[default]
    Fail,
    /// Leave out at most so many; one more is an error.
    SkipCount(u64),
    /// Leave out at most this fraction of all rows; more is an error, found at the end.
    SkipFraction(f64),
}

/// How files are read.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Texts that mean a missing value: cells of CSV, strings of JSON Lines.
    pub null_values: Vec<String>,
    /// Where rows go.
    pub splits: Splits,
    /// What to do about malformed rows.
    pub bad_rows: BadRows,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            null_values: vec![String::new()],
            splits: HashSplits::train_and_eval().into(),
            bad_rows: BadRows::Fail,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingested {
    /// The columns.
    pub columns: SchemaRef,
    /// The splits in their order, with their rows.
    pub rows: Vec<(String, u64)>,
    /// Malformed rows that were left out.
    pub bad_rows: u64,
    /// The first of them, for a message.
    pub first_bad_row: Option<RowError>,
    /// Rows whose time lies in no split's range.
    pub rows_outside: u64,
}
