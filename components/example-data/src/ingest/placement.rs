//! Where converted rows go.
//!
//! It does not know from what kind of file they came.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::filter::filter_record_batch;

use super::InputFile;
use super::source::{Key, Rows};
use crate::DataError;
use crate::error::{Cell, RowError};
use crate::splits::{Splits, TimeSplits};

/// The splits of a run, with the columns that decide.
pub(super) struct Placement<'a> {
    splits: &'a Splits,
    count: usize,
    key: Key,
    time_column: usize,
    columns: SchemaRef,
}

/// A block's rows as one batch for each split.
pub(super) struct Parts {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) bad: Vec<RowError>,
    pub(super) read: u64,
    /// Rows that belong to no split.
    pub(super) outside: u64,
}

impl<'a> Placement<'a> {
    pub(super) fn new(splits: &'a Splits, columns: &SchemaRef) -> Result<Self, DataError> {
        let mut placement = Self {
            splits,
            count: splits.names().len(),
            key: Key::None,
            time_column: 0,
            columns: columns.clone(),
        };
        match splits {
            Splits::Hash { key: None, .. } => placement.key = Key::All,
            Splits::Hash { key: Some(key), .. } => {
                placement.key = Key::Column(find("split_key", key, columns)?);
            }
            Splits::Files(_) => {}
            Splits::Time(times) => placement.time_column = time_column(times, columns)?,
        }
        Ok(placement)
    }

    /// What rows are hashed by.
    pub(super) fn key(&self) -> Key {
        self.key
    }

    /// The split that a file as a whole belongs to, where files decide.
    pub(super) fn of_file(&self, file: &InputFile) -> Result<Option<usize>, DataError> {
        match self.splits {
            Splits::Files(files) => files.locate(&file.name).map(Some),
            Splits::Hash { .. } | Splits::Time(_) => Ok(None),
        }
    }

    /// Parts a block's rows; `of_file` is the split of the file that they are from.
    pub(super) fn place(
        &self,
        rows: Rows,
        file: &InputFile,
        of_file: Option<usize>,
    ) -> Result<Parts, DataError> {
        let mut bad = rows.bad;
        let located: Vec<Option<usize>> = match self.splits {
            Splits::Files(_) => vec![of_file; rows.batch.num_rows()],
            Splits::Hash { buckets, .. } => {
                let place = |hash: &u64| Some(buckets.locate(*hash));
                rows.hashes.iter().map(place).collect()
            }
            Splits::Time(times) => {
                let column = rows.batch.column(self.time_column);
                let values = match column.data_type() {
                    DataType::Int64 => column.as_primitive::<Int64Type>().values(),
                    _ => column.as_primitive::<TimestampMicrosecondType>().values(),
                };
                for row in (0..column.len()).filter(|row| column.is_null(*row)) {
                    bad.push(RowError {
                        file: file.name.clone(),
                        position: rows.positions[row],
                        cell: Some(Cell::Named(times.column().to_owned())),
                        problem: "the row has no time, so that it belongs to no split".to_owned(),
                    });
                }
                bad.sort_by_key(|error| error.position);
                let place = |row: usize| times.locate(values[row]);
                let place = |row| column.is_valid(row).then(|| place(row)).flatten();
                (0..column.len()).map(place).collect()
            }
        };
        let batches = (0..self.count)
            .map(|split| {
                if located.iter().all(|place| *place == Some(split)) {
                    return Ok(rows.batch.clone());
                }
                let mask: BooleanArray = located
                    .iter()
                    .map(|place| Some(*place == Some(split)))
                    .collect();
                filter_record_batch(&rows.batch, &mask)
                    .map_err(|error| DataError::arrow("cannot split rows", error))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let placed: usize = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(Parts {
            outside: rows.read - bad.len() as u64 - placed as u64,
            batches,
            bad,
            read: rows.read,
        })
    }

    /// The columns of every split.
    pub(super) fn columns(&self) -> &SchemaRef {
        &self.columns
    }
}

fn find(what: &str, name: &str, columns: &SchemaRef) -> Result<usize, DataError> {
    columns.index_of(name).map_err(|_| {
        let names: Vec<&str> = columns.fields().iter().map(|f| f.name().as_str()).collect();
        DataError::Request(format!(
            "{what}: there is no column `{name}`; the columns are {}",
            names.join(", ")
        ))
    })
}

fn time_column(times: &TimeSplits, columns: &SchemaRef) -> Result<usize, DataError> {
    let index = find("splits", times.column(), columns)?;
    let advice = match (columns.field(index).data_type(), times.of_moments()) {
        (DataType::Timestamp(_, _), true) | (DataType::Int64, false) => return Ok(index),
        (DataType::Timestamp(_, _), false) => {
            "give the bounds as times, such as 2026-03-01 or 2026-03-01T12:00:00Z"
        }
        (DataType::Int64, true) => {
            "give the bounds as numbers of the column's own unit, or say in the schema that it holds \
             `time_domain: { integer_format: UNIX_MICROSECONDS }`"
        }
        _ => {
            "rows are split by a column of timestamps (RFC 3339 with a zone, such as \
             2026-03-01T12:00:00Z) or of integers"
        }
    };
    let data_type = columns.field(index).data_type();
    let type_name = match data_type {
        DataType::Utf8 => "string".to_owned(),
        DataType::Timestamp(_, _) => "timestamp".to_owned(),
        other => other.to_string().to_lowercase(),
    };
    Err(DataError::Request(format!(
        "splits: column `{}` is of type {type_name}; {advice}",
        times.column()
    )))
}
