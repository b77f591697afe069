//! Writing one split, row group by row group.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::split_folder;
use crate::DataError;
use crate::limits::ROW_GROUP_ROWS;

/// Writes one split of an Examples artifact.
///
/// The bytes depend on the rows alone: no date, no host, no version of a library. A writer that is
/// dropped without [`finish`](Self::finish) leaves an unreadable file, so write into a folder
/// that becomes visible by a rename.
#[derive(Debug)]
pub struct SplitWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl SplitWriter {
    /// Creates the split's folder and its file.
    pub fn create(folder: &Path, split: &str, schema: SchemaRef) -> Result<Self, DataError> {
        let folder = split_folder(folder, split);
        fs::create_dir_all(&folder).map_err(|error| DataError::io("create", &folder, error))?;
        let path = folder.join("data-00000-of-00001.parquet");
        let file = File::create(&path).map_err(|error| DataError::io("create", &path, error))?;
        let properties = WriterProperties::builder()
            .set_created_by("ropewalk".to_owned())
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties))
            .map_err(|error| DataError::parquet(&path, error))?;
        Ok(Self {
            path,
            writer,
            rows: 0,
        })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        self.rows += batch.num_rows() as u64;
        self.writer
            .write(batch)
            .map_err(|error| DataError::parquet(&self.path, error))
    }

    /// Completes the file and says how many rows it holds.
    pub fn finish(self) -> Result<u64, DataError> {
        self.writer
            .close()
            .map_err(|error| DataError::parquet(&self.path, error))?;
        Ok(self.rows)
    }
}
