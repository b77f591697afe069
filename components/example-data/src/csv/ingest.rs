//! From CSV files to an Examples artifact.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::{Field, Schema as ArrowSchema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use rayon::prelude::*;

use super::blocks::{Block, BlockReader};
use super::columns::{Columns, Converted, observe};
use crate::DataError;
use crate::column_type::{Candidates, ColumnType};
use crate::error::RowError;
use crate::examples::SplitWriter;
use crate::limits::CSV_BLOCKS_PER_THREAD;
use crate::schema::Schema;
use crate::splits::{HashSplits, row_hash};

/// A CSV file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What messages call it: the name that the user knows.
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

/// How CSV files are read.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// Cells that mean a missing value.
    pub null_values: Vec<String>,
    /// Where rows go.
    pub splits: HashSplits,
    /// The one column whose cell decides where a row goes, instead of all.
    pub split_key: Option<String>,
    /// What to do about malformed rows.
    pub bad_rows: BadRows,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            null_values: vec![String::new()],
            splits: HashSplits::train_and_eval(),
            split_key: None,
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
}

/// Reads CSV files, in their order, into an Examples artifact at `folder`.
///
/// Types of columns that the schema does not name are those that fit all the cells of all the files.
/// On an error the folder is left incomplete: write into one that becomes visible by a rename.
pub fn ingest(
    files: &[CsvFile],
    schema: Option<&Schema>,
    options: &CsvOptions,
    folder: &Path,
) -> Result<Ingested, DataError> {
    let names = common_header(files)?;
    let given: Vec<Option<ColumnType>> = names
        .iter()
        .map(|name| schema.and_then(|schema| schema.column_type(name)))
        .collect();
    let types = if given.iter().all(Option::is_some) {
        given.into_iter().flatten().collect()
    } else {
        let inferred = infer_types(files, &names, options)?;
        given
            .into_iter()
            .zip(inferred)
            .map(|(given, inferred)| given.unwrap_or(inferred))
            .collect()
    };
    let columns = Columns::new(names, types, options.null_values.clone());
    let key = split_columns(&columns, options)?;
    let mut writers = options
        .splits
        .names()
        .map(|split| SplitWriter::create(folder, split, columns.schema.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut bad = BadRowCount::new(options.bad_rows);
    for_each_block(
        files,
        |block| {
            let converted = columns.convert(block)?;
            let parts = split(&columns, &key, block, &converted, &options.splits)?;
            Ok((parts, converted.bad, block.rows() + block.bad.len()))
        },
        |(parts, errors, rows)| {
            bad.take(errors, rows as u64)?;
            writers
                .par_iter_mut()
                .zip(parts)
                .try_for_each(|(writer, part)| writer.write(&part))
        },
    )?;
    bad.finish()?;
    let names = options.splits.names().map(str::to_owned);
    let rows = names
        .zip(writers)
        .map(|(name, writer)| Ok((name, writer.finish()?)))
        .collect::<Result<Vec<_>, DataError>>()?;
    Ok(Ingested {
        columns: columns.schema,
        rows,
        bad_rows: bad.count,
        first_bad_row: bad.first,
    })
}

impl Columns {
    fn new(names: Vec<String>, types: Vec<ColumnType>, null_values: Vec<String>) -> Self {
        let fields: Vec<Field> = names
            .iter()
            .zip(&types)
            .map(|(name, column_type)| Field::new(name, column_type.arrow(), true))
            .collect();
        Self {
            schema: Arc::new(ArrowSchema::new(fields)),
            names,
            types,
            null_values,
        }
    }
}

/// The header that all the files share.
fn common_header(files: &[CsvFile]) -> Result<Vec<String>, DataError> {
    let mut header: Option<(Vec<String>, &CsvFile)> = None;
    for file in files {
        let found = BlockReader::open(file)?.header().to_vec();
        match &header {
            None => header = Some((found, file)),
            Some((expected, first)) if *expected != found => {
                return Err(DataError::csv(
                    Path::new(&file.name),
                    format!(
                        "its header differs from that of {}: {}",
                        first.name,
                        difference(expected, &found)
                    ),
                ));
            }
            Some(_) => {}
        }
    }
    header.map(|(names, _)| names).ok_or_else(|| {
        DataError::Request("there is no file to read; does the pattern match one?".to_owned())
    })
}

fn difference(expected: &[String], found: &[String]) -> String {
    let place = expected
        .iter()
        .zip(found)
        .position(|(expected, found)| expected != found);
    match place {
        Some(index) => format!(
            "column {} is `{}` there and `{}` here",
            index + 1,
            expected[index],
            found[index]
        ),
        None => format!(
            "it has {} columns there and {} here",
            expected.len(),
            found.len()
        ),
    }
}

fn infer_types(
    files: &[CsvFile],
    names: &[String],
    options: &CsvOptions,
) -> Result<Vec<ColumnType>, DataError> {
    let mut whole = vec![Candidates::default(); names.len()];
    for_each_block(
        files,
        |block| Ok(observe(block, names, &options.null_values)),
        |(candidates, bad)| {
            // Where bad rows may be left out, the second pass counts them.
            if options.bad_rows == BadRows::Fail
                && let Some(first) = bad.into_iter().next()
            {
                return Err(DataError::Row(first));
            }
            for (whole, part) in whole.iter_mut().zip(candidates) {
                whole.merge(part);
            }
            Ok(())
        },
    )?;
    Ok(whole.into_iter().map(Candidates::resolve).collect())
}

/// Reads all the files block by block, converts blocks in parallel and takes them in order.
fn for_each_block<T: Send>(
    files: &[CsvFile],
    convert: impl Fn(&Block) -> Result<T, DataError> + Sync,
    mut take: impl FnMut(T) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let at_once = rayon::current_num_threads().max(1) * CSV_BLOCKS_PER_THREAD;
    for file in files {
        let mut reader = BlockReader::open(file)?;
        loop {
            let mut blocks = Vec::with_capacity(at_once);
            let mut failed = None;
            while blocks.len() < at_once {
                match reader.next_block() {
                    Ok(Some(block)) => blocks.push(block),
                    Ok(None) => break,
                    // Bad rows before it are told first.
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let last = blocks.len() < at_once;
            let converted: Vec<Result<T, DataError>> = blocks.par_iter().map(&convert).collect();
            for part in converted {
                take(part?)?;
            }
            if let Some(error) = failed {
                return Err(error);
            }
            if last {
                break;
            }
        }
    }
    Ok(())
}

/// The columns whose cells decide where a row goes.
fn split_columns(columns: &Columns, options: &CsvOptions) -> Result<Vec<usize>, DataError> {
    let Some(key) = &options.split_key else {
        return Ok((0..columns.names.len()).collect());
    };
    let index = columns
        .names
        .iter()
        .position(|name| name == key)
        .ok_or_else(|| {
            DataError::Request(format!(
                "split_key: there is no column `{key}`; the columns are {}",
                columns.names.join(", ")
            ))
        })?;
    Ok(vec![index])
}

/// A block's rows as one batch for each split.
fn split(
    columns: &Columns,
    key: &[usize],
    block: &Block,
    converted: &Converted,
    splits: &HashSplits,
) -> Result<Vec<RecordBatch>, DataError> {
    let mut scratch = Vec::new();
    let located: Vec<usize> = converted
        .rows
        .iter()
        .map(|row| {
            let cells = key
                .iter()
                .map(|column| (columns.names[*column].as_bytes(), block.cell(*row, *column)));
            splits.locate(row_hash(cells, &mut scratch))
        })
        .collect();
    (0..splits.names().count())
        .map(|split| {
            let mask: BooleanArray = located.iter().map(|place| Some(*place == split)).collect();
            filter_record_batch(&converted.batch, &mask)
                .map_err(|error| DataError::arrow("cannot split rows", error))
        })
        .collect()
}

/// Malformed rows against what is allowed.
struct BadRowCount {
    allowed: BadRows,
    count: u64,
    rows: u64,
    first: Option<RowError>,
}

impl BadRowCount {
    fn new(allowed: BadRows) -> Self {
        Self {
            allowed,
            count: 0,
            rows: 0,
            first: None,
        }
    }

    fn take(&mut self, errors: Vec<RowError>, rows: u64) -> Result<(), DataError> {
        self.rows += rows;
        for error in errors {
            self.count += 1;
            match self.allowed {
                BadRows::Fail => return Err(DataError::Row(error)),
                BadRows::SkipCount(most) if self.count > most => {
                    return Err(DataError::Row(RowError {
                        problem: format!(
                            "{}; this is malformed row {}, and on_bad_rows allows {most}",
                            error.problem, self.count
                        ),
                        ..error
                    }));
                }
                BadRows::SkipCount(_) | BadRows::SkipFraction(_) => {}
            }
            self.first.get_or_insert(error);
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), DataError> {
        let (BadRows::SkipFraction(most), Some(first)) = (self.allowed, &self.first) else {
            return Ok(());
        };
        if self.count as f64 <= most * self.rows as f64 {
            return Ok(());
        }
        Err(DataError::Row(RowError {
            problem: format!(
                "{}; this is the first of {} malformed rows among {}, and on_bad_rows allows a \
                 fraction of {most}",
                first.problem, self.count, self.rows
            ),
            ..first.clone()
        }))
    }
}
