//! An Examples artifact: splits of rows in Parquet files.
//!
//! Layout: `Split-<name>/data-00000-of-0000N.parquet`. Columns are int64, float64, string,
//! boolean, timestamp (UTC microseconds) and lists of these; null is missing. Folders made
//! elsewhere may hold narrower types (int32, float32, large strings, dictionaries): they are read
//! as the types above.
//!
//! It does not know what a row means, nor how a split came about.

pub(crate) mod canonical;
mod writer;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::DataError;
use crate::limits::BATCH_ROWS;
use canonical::{canonical_batch, canonical_schema};

pub use writer::SplitWriter;

/// What a split's folder is called: this and the split's name.
pub const SPLIT_PREFIX: &str = "Split-";

/// The folder of a split inside an artifact that has splits.
pub fn split_folder(artifact: &Path, split: &str) -> PathBuf {
    artifact.join(format!("{SPLIT_PREFIX}{split}"))
}

/// The names of the splits in an artifact's folder, sorted.
pub fn split_names(artifact: &Path) -> Result<Vec<String>, DataError> {
    let entries = fs::read_dir(artifact).map_err(|error| DataError::io("read", artifact, error))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| DataError::io("read", artifact, error))?;
        if let Some(name) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix(SPLIT_PREFIX))
            && entry.path().is_dir()
            && !name.is_empty()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(DataError::artifact(
            artifact,
            "no folder named Split-<name> in it: this is not an artifact with splits",
        ));
    }
    Ok(names)
}

/// Whether a text can name a split: a part of a folder's name that no shell or URL has to quote.
pub fn is_split_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// One row group of one file: the unit that is read in parallel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroup {
    path: PathBuf,
    index: usize,
}

/// An Examples artifact that was opened for reading.
#[derive(Debug, Clone)]
pub struct Examples {
    folder: PathBuf,
    splits: Vec<String>,
    files: BTreeMap<String, Vec<SplitFile>>,
    schema: SchemaRef,
}

#[derive(Debug, Clone)]
struct SplitFile {
    path: PathBuf,
    rows: u64,
    row_groups: usize,
}

impl Examples {
    /// Opens a folder: finds its splits and files, and checks that all have the same columns.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let splits = split_names(folder)?;
        let mut schema: Option<(SchemaRef, PathBuf)> = None;
        let mut files = BTreeMap::new();
        for split in &splits {
            let mut of_split = Vec::new();
            for path in parquet_files(&split_folder(folder, split))? {
                let builder = open_parquet(&path)?;
                let found = canonical_schema(builder.schema(), &path)?;
                match &schema {
                    None => schema = Some((found, path.clone())),
                    Some((expected, first)) if **expected != *found => {
                        return Err(DataError::artifact(
                            &path,
                            format!(
                                "its columns ({}) are not those of {} ({})",
                                describe(&found),
                                first.display(),
                                describe(expected),
                            ),
                        ));
                    }
                    Some(_) => {}
                }
                let metadata = builder.metadata();
                of_split.push(SplitFile {
                    path,
                    rows: u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default(),
                    row_groups: metadata.num_row_groups(),
                });
            }
            files.insert(split.clone(), of_split);
        }
        let Some((schema, _)) = schema else {
            return Err(DataError::artifact(
                folder,
                "its splits hold no .parquet file",
            ));
        };
        Ok(Self {
            folder: folder.to_path_buf(),
            splits,
            files,
            schema,
        })
    }

    /// The folder that was opened.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of the splits, sorted.
    pub fn splits(&self) -> &[String] {
        &self.splits
    }

    /// The columns, the same in every split.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// How many rows a split has.
    pub fn row_count(&self, split: &str) -> Result<u64, DataError> {
        Ok(self.files_of(split)?.iter().map(|file| file.rows).sum())
    }

    /// Reads a split from its first row to its last, in batches of at most
    /// [`BATCH_ROWS`] rows.
    pub fn read(
        &self,
        split: &str,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, DataError>> + use<>, DataError> {
        let row_groups = self.row_groups(split)?;
        let reader = self.clone();
        Ok(row_groups.into_iter().flat_map(move |row_group| {
            // An error in opening is the only item then.
            let (batches, failed) = match reader.read_row_group(&row_group, BATCH_ROWS) {
                Ok(batches) => (Some(batches), None),
                Err(error) => (None, Some(Err(error))),
            };
            batches.into_iter().flatten().chain(failed)
        }))
    }

    /// Reads a split as one batch.
    pub fn read_all(&self, split: &str) -> Result<RecordBatch, DataError> {
        let batches = self.read(split)?.collect::<Result<Vec<_>, _>>()?;
        arrow_select::concat::concat_batches(&self.schema, &batches).map_err(|error| {
            DataError::arrow(
                format!(
                    "cannot hold split {split} of {} in memory",
                    self.folder.display()
                ),
                error,
            )
        })
    }

    /// The row groups of a split, in order.
    pub fn row_groups(&self, split: &str) -> Result<Vec<RowGroup>, DataError> {
        let files = self.files_of(split)?;
        Ok(files
            .iter()
            .flat_map(|file| {
                (0..file.row_groups).map(|index| RowGroup {
                    path: file.path.clone(),
                    index,
                })
            })
            .collect())
    }

    /// Reads one row group, in batches of at most `batch_rows` rows.
    pub fn read_row_group(
        &self,
        row_group: &RowGroup,
        batch_rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, DataError>> + use<>, DataError> {
        let path = row_group.path.clone();
        let reader: ParquetRecordBatchReader = open_parquet(&path)?
            .with_row_groups(vec![row_group.index])
            .with_batch_size(batch_rows)
            .build()
            .map_err(|error| DataError::parquet(&path, error))?;
        let schema = self.schema.clone();
        Ok(reader.map(move |batch| {
            let batch = batch.map_err(|error| {
                DataError::arrow(format!("cannot read {}", path.display()), error)
            })?;
            canonical_batch(&batch, &schema, &path)
        }))
    }

    fn files_of(&self, split: &str) -> Result<&[SplitFile], DataError> {
        self.files.get(split).map(Vec::as_slice).ok_or_else(|| {
            DataError::Request(format!(
                "{} has no split `{split}`; its splits are {}",
                self.folder.display(),
                self.splits.join(", "),
            ))
        })
    }
}

fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = fs::read_dir(folder).map_err(|error| DataError::io("read", folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| DataError::io("read", folder, error))?
            .path();
        if path
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn open_parquet(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, DataError> {
    let file = File::open(path).map_err(|error| DataError::io("open", path, error))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| DataError::parquet(path, error))
}

fn describe(schema: &SchemaRef) -> String {
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("{}: {}", field.name(), field.data_type()))
        .collect();
    columns.join(", ")
}
