//! CSV as rows.
//!
//! A header is required, the same in all files. It does not know where rows go.

mod blocks;
mod columns;
mod records;

use std::sync::Arc;

use arrow_schema::{Field, Schema as ArrowSchema, SchemaRef};

use super::source::{Key, Rows, Source, for_each_block};
use super::{BadRows, IngestOptions, InputFile};
use crate::DataError;
use crate::column_type::{Candidates, ColumnType};
use crate::error::Position;
use crate::schema::Schema;
use crate::splits::row_hash;
use blocks::{Block, BlockReader};
use columns::{Columns, Converted, observe};

/// CSV files whose columns are known.
pub(super) struct Csv {
    columns: Columns,
}

impl Csv {
    /// Reads the headers and, where the schema leaves types open, all the cells.
    pub(super) fn prepare(
        files: &[InputFile],
        schema: Option<&Schema>,
        options: &IngestOptions,
    ) -> Result<Self, DataError> {
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
        Ok(Self {
            columns: Columns::new(names, types, options.null_values.clone()),
        })
    }

    fn rows(&self, block: &Block, key: Key) -> Result<Rows, DataError> {
        let Converted { batch, rows, bad } = self.columns.convert(block)?;
        let names = &self.columns.names;
        let keys: Vec<usize> = match key {
            Key::None => Vec::new(),
            Key::All => (0..names.len()).collect(),
            Key::Column(column) => vec![column],
        };
        let mut scratch = Vec::new();
        let hashes = if key == Key::None {
            Vec::new()
        } else {
            let hash = |row: &usize| {
                let cell = |column: &usize| (names[*column].as_bytes(), block.cell(*row, *column));
                row_hash(keys.iter().map(cell), &mut scratch)
            };
            rows.iter().map(hash).collect()
        };
        Ok(Rows {
            batch,
            hashes,
            positions: rows
                .iter()
                .map(|row| Position::Line(block.lines[*row]))
                .collect(),
            bad,
            read: (block.rows() + block.bad.len()) as u64,
        })
    }
}

impl Source for Csv {
    fn columns(&self) -> &SchemaRef {
        &self.columns.schema
    }

    fn read<T: Send>(
        &self,
        file: &InputFile,
        key: Key,
        place: impl Fn(Rows) -> Result<T, DataError> + Sync,
        take: impl FnMut(T) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut reader = BlockReader::open(file)?;
        for_each_block(
            || reader.next_block(),
            |block| place(self.rows(block, key)?),
            take,
        )
    }
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
fn common_header(files: &[InputFile]) -> Result<Vec<String>, DataError> {
    let mut header: Option<(Vec<String>, &InputFile)> = None;
    for file in files {
        let found = BlockReader::open(file)?.header().to_vec();
        match &header {
            None => header = Some((found, file)),
            Some((expected, first)) if *expected != found => {
                return Err(DataError::input(
                    &file.name,
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
    files: &[InputFile],
    names: &[String],
    options: &IngestOptions,
) -> Result<Vec<ColumnType>, DataError> {
    let mut whole = vec![Candidates::default(); names.len()];
    for file in files {
        let mut reader = BlockReader::open(file)?;
        for_each_block(
            || reader.next_block(),
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
    }
    Ok(whole.into_iter().map(Candidates::resolve).collect())
}
