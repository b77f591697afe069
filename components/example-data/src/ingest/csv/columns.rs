//! Converting a block of cells into typed columns.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;

use super::blocks::Block;
use crate::DataError;
use crate::column_type::{
    Candidates, ColumnType, UTC, parse_boolean, parse_float64, parse_int64, parse_timestamp,
};
use crate::error::{Cell, Position, RowError};

/// How the columns of a CSV are read.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    pub(super) types: Vec<ColumnType>,
    pub(super) null_values: Vec<String>,
    pub(super) schema: SchemaRef,
}

/// A block as a batch, with the row of the block that each of its rows was.
pub(super) struct Converted {
    pub(super) batch: RecordBatch,
    pub(super) rows: Vec<usize>,
    pub(super) bad: Vec<RowError>,
}

pub(super) fn is_null(cell: &[u8], null_values: &[String]) -> bool {
    null_values.iter().any(|null| null.as_bytes() == cell)
}

/// Takes a block's cells into account in the search for the columns' types; rows with a cell that
/// is not UTF-8 do not count, they are reported in the second pass.
pub(super) fn observe(
    block: &Block,
    names: &[String],
    null_values: &[String],
) -> (Vec<Candidates>, Vec<RowError>) {
    let width = names.len();
    let mut candidates = vec![Candidates::default(); width];
    let mut bad = block.bad.clone();
    for row in 0..block.rows() {
        let texts = (0..width).map(|column| std::str::from_utf8(block.cell(row, column)));
        match texts.collect::<Result<Vec<&str>, _>>() {
            Ok(texts) => {
                for (candidates, text) in candidates.iter_mut().zip(texts) {
                    if !is_null(text.as_bytes(), null_values) {
                        candidates.observe(text);
                    }
                }
            }
            Err(_) => bad.extend(not_utf8(block, row, names)),
        }
    }
    bad.sort_by_key(|error| error.position);
    (candidates, bad)
}

fn not_utf8(block: &Block, row: usize, names: &[String]) -> Option<RowError> {
    let column =
        (0..names.len()).find(|column| std::str::from_utf8(block.cell(row, *column)).is_err())?;
    Some(RowError {
        file: block.file.clone(),
        position: Position::Line(block.line_of(row, column)),
        cell: Some(Cell::Numbered(column + 1, names[column].clone())),
        problem: NOT_UTF8.to_owned(),
    })
}

const NOT_UTF8: &str = "the cell is not valid UTF-8; save the file as UTF-8";

impl Columns {
    /// Converts a block; rows with a cell that does not fit are left out and reported.
    pub(super) fn convert(&self, block: &Block) -> Result<Converted, DataError> {
        let mut bad = block.bad.clone();
        let mut keep = vec![true; block.rows()];
        let mut columns = Vec::with_capacity(self.names.len());
        for index in 0..self.names.len() {
            columns.push(self.convert_column(block, index, &mut keep, &mut bad));
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| {
            DataError::arrow(format!("cannot convert rows of {}", block.file), error)
        })?;
        if keep.iter().all(|keep| *keep) {
            let rows = (0..block.rows()).collect();
            return Ok(Converted { batch, rows, bad });
        }
        // A row that is bad in several columns is one bad row, named by its first.
        bad.sort_by(|a, b| (a.position, &a.cell).cmp(&(b.position, &b.cell)));
        bad.dedup_by_key(|error| error.position);
        let rows = (0..block.rows()).filter(|row| keep[*row]).collect();
        let batch =
            arrow_select::filter::filter_record_batch(&batch, &keep.into()).map_err(|error| {
                DataError::arrow(format!("cannot convert rows of {}", block.file), error)
            })?;
        Ok(Converted { batch, rows, bad })
    }

    fn convert_column(
        &self,
        block: &Block,
        index: usize,
        keep: &mut [bool],
        bad: &mut Vec<RowError>,
    ) -> ArrayRef {
        let column_type = self.types[index];
        let mut reject = |row: usize, problem: String| {
            // The first bad cell of a row speaks for it; others in the same row add nothing.
            if std::mem::replace(&mut keep[row], false) {
                bad.push(RowError {
                    file: block.file.clone(),
                    position: Position::Line(block.line_of(row, index)),
                    cell: Some(Cell::Numbered(index + 1, self.names[index].clone())),
                    problem,
                });
            }
        };
        let mut each = |parse: &mut dyn FnMut(Option<&str>) -> bool| {
            for row in 0..block.rows() {
                let cell = block.cell(row, index);
                if is_null(cell, &self.null_values) {
                    parse(None);
                } else if let Ok(text) = std::str::from_utf8(cell) {
                    if !parse(Some(text)) {
                        reject(row, misfit(text, column_type));
                        parse(None);
                    }
                } else {
                    reject(row, NOT_UTF8.to_owned());
                    parse(None);
                }
            }
        };
        let rows = block.rows();
        // A builder takes every row in order: a value, or null for what is missing or rejected.
        macro_rules! build {
            ($builder:expr, $parse:expr) => {{
                let mut builder = $builder;
                each(&mut |text| match text.map($parse) {
                    None => {
                        builder.append_null();
                        true
                    }
                    Some(Some(value)) => {
                        builder.append_value(value);
                        true
                    }
                    Some(None) => false,
                });
                Arc::new(builder.finish()) as ArrayRef
            }};
        }
        match column_type {
            ColumnType::Int64 => build!(Int64Builder::with_capacity(rows), parse_int64),
            ColumnType::Float64 => build!(Float64Builder::with_capacity(rows), parse_float64),
            ColumnType::Boolean => build!(BooleanBuilder::with_capacity(rows), parse_boolean),
            ColumnType::Timestamp => build!(
                TimestampMicrosecondBuilder::with_capacity(rows).with_timezone(UTC),
                |text| parse_timestamp(text).or_else(|| parse_int64(text))
            ),
            ColumnType::String => {
                let mut builder = StringBuilder::with_capacity(rows, rows * 8);
                each(&mut |text| {
                    builder.append_option(text);
                    true
                });
                Arc::new(builder.finish())
            }
        }
    }
}

fn misfit(text: &str, column_type: ColumnType) -> String {
    const SHOWN_CHARS: usize = 40;
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    format!(
        "{shown:?} is not {}, which the schema says the column holds; if it means a missing value, \
         name it in `null_values`",
        column_type.expectation()
    )
}
