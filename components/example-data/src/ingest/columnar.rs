//! Parquet and Arrow IPC as rows: files that carry types of their own.
//!
//! A column keeps its type as examples have it (narrower numbers become int64 and float64), or is
//! cast to the schema's where that is another; a value that the cast cannot express makes its row
//! malformed. A row's hash is over the file's own values, before the cast to the schema's types.
//!
//! It does not know where rows go.

mod batches;
mod cells;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use arrow_select::filter::filter_record_batch;

use super::source::{Key, Rows, Source, for_each_block};
use super::{FileKind, InputFile};
use crate::DataError;
use crate::column_type::ColumnType;
use crate::error::{Cell, Position, RowError};
use crate::examples::canonical::canonical_type;
use crate::limits::COLUMNS_MAX;
use crate::schema::Schema;
use crate::splits::row_hash;
use batches::Batches;
use cells::cell_text;

/// Parquet or Arrow files whose columns are known.
pub(super) struct Columnar {
    kind: FileKind,
    schema: SchemaRef,
}

/// A batch with the number of its first row in the file, from 1.
struct Block {
    batch: RecordBatch,
    first_row: u64,
}

impl Columnar {
    /// Reads the files' schemas.
    pub(super) fn prepare(
        kind: FileKind,
        files: &[InputFile],
        schema: Option<&Schema>,
    ) -> Result<Self, DataError> {
        let mut common: Option<(Vec<(String, DataType)>, &InputFile)> = None;
        for file in files {
            let found = own_types(&Batches::open(kind, file)?.schema(), file)?;
            match &mut common {
                None => common = Some((found, file)),
                Some((expected, first)) => agree(expected, &found, first, file)?,
            }
        }
        let (columns, first) = common.ok_or_else(|| {
            DataError::Request("there is no file to read; does the pattern match one?".to_owned())
        })?;
        let field = |(name, own): (String, DataType)| {
            let own = if own == DataType::Null {
                ColumnType::Int64.arrow()
            } else {
                own
            };
            let given = schema.and_then(|schema| schema.column_type(&name));
            let wanted = given.map_or_else(|| own.clone(), |given| wanted_type(given, &own));
            if !can_cast_types(&own, &wanted) {
                return Err(DataError::input(
                    &first.name,
                    format!("column `{name}` holds {own}, and the schema says {wanted}"),
                ));
            }
            Ok(Field::new(name, wanted, true))
        };
        let fields = columns
            .into_iter()
            .map(field)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            kind,
            schema: Arc::new(ArrowSchema::new(fields)),
        })
    }

    fn rows(&self, file: &InputFile, block: &Block, key: Key) -> Result<Rows, DataError> {
        let count = block.batch.num_rows();
        let position = |row: usize| Position::Row(block.first_row + row as u64);
        let mut problems: Vec<Option<RowError>> = vec![None; count];
        let (mut own, mut columns) = (Vec::new(), Vec::new());
        for (column, field) in block.batch.columns().iter().zip(self.schema.fields()) {
            let canonical = canonical_type(column.data_type()).unwrap_or(DataType::Null);
            let mut reject = |row: usize, wanted: &DataType| {
                problems[row].get_or_insert_with(|| RowError {
                    file: file.name.clone(),
                    position: position(row),
                    cell: Some(Cell::Named(field.name().clone())),
                    problem: format!("{} is no {wanted}", cell_text_lossy(column, row)),
                });
            };
            let hashed = cast(column, &canonical, &file.name, field.name(), &mut reject)?;
            columns.push(cast(
                &hashed,
                field.data_type(),
                &file.name,
                field.name(),
                &mut reject,
            )?);
            own.push(hashed);
        }
        let convert =
            |error| DataError::arrow(format!("cannot convert rows of {}", file.name), error);
        let mut batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(convert)?;
        let keep: Vec<bool> = problems.iter().map(Option::is_none).collect();
        let bad: Vec<RowError> = problems.into_iter().flatten().collect();
        if !bad.is_empty() {
            let mask = BooleanArray::from(keep.clone());
            batch = filter_record_batch(&batch, &mask).map_err(convert)?;
        }
        let kept: Vec<usize> = (0..count).filter(|row| keep[*row]).collect();
        Ok(Rows {
            hashes: self.hashes(&own, &kept, key),
            positions: kept.iter().map(|row| position(*row)).collect(),
            batch,
            bad,
            read: count as u64,
        })
    }

    fn hashes(&self, own: &[ArrayRef], rows: &[usize], key: Key) -> Vec<u64> {
        let columns: Vec<usize> = match key {
            Key::None => return Vec::new(),
            Key::All => (0..own.len()).collect(),
            Key::Column(column) => vec![column],
        };
        let mut scratch = Vec::new();
        let mut texts: Vec<Vec<u8>> = vec![Vec::new(); columns.len()];
        let hash = |row: &usize| {
            for (text, column) in texts.iter_mut().zip(&columns) {
                text.clear();
                cell_text(&own[*column], *row, text);
            }
            let name = |column: usize| self.schema.field(column).name().as_bytes();
            let cells = columns.iter().zip(&texts);
            row_hash(
                cells.map(|(column, text)| (name(*column), text.as_slice())),
                &mut scratch,
            )
        };
        rows.iter().map(hash).collect()
    }
}

impl Source for Columnar {
    fn columns(&self) -> &SchemaRef {
        &self.schema
    }

    fn read<T: Send>(
        &self,
        file: &InputFile,
        key: Key,
        place: impl Fn(Rows) -> Result<T, DataError> + Sync,
        take: impl FnMut(T) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut batches = Batches::open(self.kind, file)?;
        let mut first_row = 1;
        let next = || {
            let Some(batch) = batches.next_batch()? else {
                return Ok(None);
            };
            let block = Block { batch, first_row };
            first_row += block.batch.num_rows() as u64;
            Ok(Some(block))
        };
        for_each_block(next, |block| place(self.rows(file, block, key)?), take)
    }
}

/// The columns of a file as examples have them; a column of nothing but nulls may become any type.
fn own_types(found: &SchemaRef, file: &InputFile) -> Result<Vec<(String, DataType)>, DataError> {
    let fields = found.fields();
    if fields.is_empty() || fields.len() > COLUMNS_MAX {
        return Err(DataError::input(
            &file.name,
            format!(
                "it has {} columns; there may be 1 to {COLUMNS_MAX}",
                fields.len()
            ),
        ));
    }
    let mut columns: Vec<(String, DataType)> = Vec::with_capacity(fields.len());
    for field in fields {
        let name = field.name();
        if name.trim().is_empty() {
            return Err(DataError::input(
                &file.name,
                "a column has no name; name every column",
            ));
        }
        if columns.iter().any(|(other, _)| other == name) {
            let problem = format!("it has two columns `{name}`; names must be unique");
            return Err(DataError::input(&file.name, problem));
        }
        let own = if *field.data_type() == DataType::Null {
            DataType::Null
        } else {
            canonical_type(field.data_type()).ok_or_else(|| {
                DataError::input(
                    &file.name,
                    format!(
                        "column `{name}` is of type {}: examples hold int64, float64, string, boolean, \
                         timestamp and lists of these; leave the column out or flatten it",
                        field.data_type()
                    ),
                )
            })?
        };
        columns.push((name.clone(), own));
    }
    Ok(columns)
}

/// Widens the columns so far to those of one more file, or says where the files differ.
fn agree(
    expected: &mut [(String, DataType)],
    found: &[(String, DataType)],
    first: &InputFile,
    file: &InputFile,
) -> Result<(), DataError> {
    let differs = |how: String| {
        let problem = format!("its columns differ from those of {}: {how}", first.name);
        DataError::input(&file.name, problem)
    };
    if expected.len() != found.len() {
        let (there, here) = (expected.len(), found.len());
        return Err(differs(format!(
            "it has {there} columns there and {here} here"
        )));
    }
    for (index, (own, other)) in expected.iter_mut().zip(found).enumerate() {
        if own.0 != other.0 {
            let (there, here) = (&own.0, &other.0);
            let number = index + 1;
            return Err(differs(format!(
                "column {number} is `{there}` there and `{here}` here"
            )));
        }
        own.1 = match (&own.1, &other.1) {
            (a, b) if a == b => continue,
            (DataType::Null, wider) | (wider, DataType::Null) => wider.clone(),
            (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
                DataType::Float64
            }
            (there, here) => {
                let name = &own.0;
                return Err(differs(format!(
                    "`{name}` holds {there} there and {here} here"
                )));
            }
        };
    }
    Ok(())
}

/// The schema's type for a column whose own may be a list, or bytes, which texts may be.
fn wanted_type(given: ColumnType, own: &DataType) -> DataType {
    match (own, given) {
        (DataType::Binary, ColumnType::String) => DataType::Binary,
        (DataType::List(item), _) => {
            let wanted = wanted_type(given, item.data_type());
            DataType::List(Arc::new(Field::new("item", wanted, true)))
        }
        _ => given.arrow(),
    }
}

/// Casts a column; `reject` is told of each row whose value the wanted type cannot hold.
fn cast(
    column: &ArrayRef,
    wanted: &DataType,
    file: &str,
    name: &str,
    reject: &mut impl FnMut(usize, &DataType),
) -> Result<ArrayRef, DataError> {
    if column.data_type() == wanted {
        return Ok(column.clone());
    }
    let options = CastOptions::default();
    let failed = |error| DataError::arrow(format!("{file}: cannot convert column `{name}`"), error);
    let done = cast_with_options(column, wanted, &options).map_err(failed)?;
    let lost = |row: &usize| done.is_null(*row) && !column.is_null(*row);
    if done.null_count() > column.logical_null_count() {
        (0..done.len())
            .filter(lost)
            .for_each(|row| reject(row, wanted));
    }
    // Fractions are cut off by a cast to integers, which nobody asked for.
    if matches!(column.data_type(), DataType::Float64) && *wanted == DataType::Int64 {
        let back = cast_with_options(&done, &DataType::Float64, &options).map_err(failed)?;
        let same = |row: usize| back.is_null(row) || back.slice(row, 1) == column.slice(row, 1);
        (0..done.len())
            .filter(|row| !same(*row))
            .for_each(|row| reject(row, wanted));
    }
    Ok(done)
}

fn cell_text_lossy(column: &ArrayRef, row: usize) -> String {
    const SHOWN_CHARS: usize = 40;
    let mut text = Vec::new();
    cell_text(column, row, &mut text);
    String::from_utf8_lossy(&text)
        .chars()
        .take(SHOWN_CHARS)
        .collect()
}
