//! CSV texts as examples in a temporary folder, which the tests share.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use example_data::DataError;
use example_data::examples::Examples;
use example_data::ingest::{IngestOptions, Ingested, InputFile, ingest};
use example_data::schema::{self, Schema};
use example_data::splits::HashSplits;
use tempfile::TempDir;

/// A temporary folder with the files that a test reads and the examples that it makes.
pub(crate) struct DataFolder {
    folder: TempDir,
}

impl DataFolder {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of this name.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> InputFile {
        fs::write(self.path(name), content).unwrap();
        InputFile {
            path: self.path(name),
            name: name.to_owned(),
        }
    }

    /// Files named 0.csv, 1.csv and so on.
    pub(crate) fn files(&self, contents: &[&[u8]]) -> Vec<InputFile> {
        let write = |(index, content): (usize, &&[u8])| self.file(&format!("{index}.csv"), content);
        contents.iter().enumerate().map(write).collect()
    }

    /// Reads one text into `examples`.
    pub(crate) fn ingest(
        &self,
        text: &str,
        schema: Option<&Schema>,
        options: &IngestOptions,
    ) -> Result<Ingested, DataError> {
        let files = self.files(&[text.as_bytes()]);
        ingest(&files, schema, options, &self.path("examples"))
    }

    pub(crate) fn examples(&self) -> Examples {
        Examples::open(&self.path("examples")).unwrap()
    }
}

/// One split, called `all`.
pub(crate) fn unsplit() -> IngestOptions {
    IngestOptions {
        splits: splits(&[("all", 1)]).into(),
        ..IngestOptions::default()
    }
}

pub(crate) fn splits(weights: &[(&str, u64)]) -> HashSplits {
    let weights = weights
        .iter()
        .map(|(name, weight)| ((*name).to_owned(), *weight));
    HashSplits::new(weights.collect()).unwrap()
}

/// A schema from its text.
pub(crate) fn schema(text: &str) -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schema.yaml");
    fs::write(&path, text).unwrap();
    schema::read(&path).unwrap()
}

/// Rows as texts, cells joined by `|`, missing ones as `-`.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let row = |row: usize| {
        let cells: Vec<String> = columns
            .iter()
            .map(|column| column.value(row).to_string())
            .collect();
        cells.join("|")
    };
    (0..batch.num_rows()).map(row).collect()
}

/// The columns with their types.
pub(crate) fn columns(batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("{}: {}", field.name(), field.data_type()))
        .collect();
    columns.join(", ")
}

/// The penguins of the example, whose numbers are known.
pub(crate) fn penguins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/penguins/penguins.csv")
}

/// How the penguins are read: `NA` is a missing value.
pub(crate) fn penguin_options(splits: HashSplits) -> IngestOptions {
    IngestOptions {
        null_values: vec![String::new(), "NA".to_owned()],
        splits: splits.into(),
        ..IngestOptions::default()
    }
}

/// Reads the penguins into `examples`.
pub(crate) fn ingest_penguins(folder: &DataFolder, splits: HashSplits) -> Examples {
    let file = InputFile {
        path: penguins(),
        name: "penguins.csv".to_owned(),
    };
    let options = penguin_options(splits);
    ingest(&[file], None, &options, &folder.path("examples")).unwrap();
    folder.examples()
}
