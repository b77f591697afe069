//! Converting the objects of a block into typed columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use serde_json::Value;

use super::lines::Line;
use super::observe::misfit;
use crate::DataError;
use crate::column_type::{
    ColumnType, UTC, parse_boolean, parse_float64, parse_int64, parse_timestamp,
};
use crate::error::{Cell, RowError};

/// A column of JSON Lines.
pub(super) struct JsonColumn {
    pub(super) name: String,
    /// The type of its values, or of the values in its lists.
    pub(super) item: ColumnType,
    pub(super) is_list: bool,
}

impl JsonColumn {
    pub(super) fn arrow(&self) -> DataType {
        if self.is_list {
            DataType::List(Arc::new(Field::new("item", self.item.arrow(), true)))
        } else {
            self.item.arrow()
        }
    }
}

/// A value of a column.
#[derive(Debug)]
enum Typed {
    Null,
    Int64(i64),
    Float64(f64),
    Boolean(bool),
    Timestamp(i64),
    String(String),
    List(Vec<Typed>),
}

/// Converts lines into a batch; those with a value that does not fit are taken out and reported.
pub(super) fn convert(
    columns: &[JsonColumn],
    schema: &SchemaRef,
    null_values: &[String],
    file: &str,
    lines: &mut Vec<Line>,
    bad: &mut Vec<RowError>,
) -> Result<RecordBatch, DataError> {
    let places: HashMap<&str, usize> = (0..)
        .zip(columns)
        .map(|(index, column)| (column.name.as_str(), index))
        .collect();
    let mut rows: Vec<Vec<Typed>> = Vec::with_capacity(lines.len());
    lines.retain(|line| {
        let mut row: Vec<Typed> = columns.iter().map(|_| Typed::Null).collect();
        for (name, value) in &line.cells {
            // A key that only lines with mistakes had in the first pass is no column.
            let Some(index) = places.get(name.as_str()).copied() else {
                continue;
            };
            match typed(value, &columns[index], null_values) {
                Ok(found) => row[index] = found,
                Err(problem) => {
                    bad.push(RowError {
                        file: file.to_owned(),
                        position: line.position,
                        cell: Some(Cell::Named(name.clone())),
                        problem,
                    });
                    return false;
                }
            }
        }
        rows.push(row);
        true
    });
    let arrays = (0..)
        .zip(columns)
        .map(|(index, column)| build(column, rows.iter().map(|row| &row[index]), rows.len()))
        .collect();
    RecordBatch::try_new(schema.clone(), arrays)
        .map_err(|error| DataError::arrow(format!("cannot convert rows of {file}"), error))
}

fn typed(value: &Value, column: &JsonColumn, null_values: &[String]) -> Result<Typed, String> {
    if let Some(problem) = misfit(value) {
        return Err(problem.to_owned());
    }
    match value {
        Value::Array(items) if column.is_list => {
            let items = items
                .iter()
                .map(|item| single(item, column.item, null_values));
            Ok(Typed::List(items.collect::<Result<_, _>>()?))
        }
        Value::Null => Ok(Typed::Null),
        other if column.is_list => match single(other, column.item, null_values)? {
            Typed::Null => Ok(Typed::Null),
            _ => Err("it is a single value, and the column holds lists".to_owned()),
        },
        other => single(other, column.item, null_values),
    }
}

fn single(value: &Value, wanted: ColumnType, null_values: &[String]) -> Result<Typed, String> {
    let found = match (value, wanted) {
        (Value::Null, _) => Some(Typed::Null),
        (Value::String(text), _) if null_values.contains(text) => Some(Typed::Null),
        (Value::String(text), ColumnType::Int64) => parse_int64(text).map(Typed::Int64),
        (Value::String(text), ColumnType::Float64) => parse_float64(text).map(Typed::Float64),
        (Value::String(text), ColumnType::Boolean) => parse_boolean(text).map(Typed::Boolean),
        (Value::String(text), ColumnType::Timestamp) => parse_timestamp(text).map(Typed::Timestamp),
        (Value::String(text), ColumnType::String) => Some(Typed::String(text.clone())),
        (Value::Number(number), ColumnType::Int64) => number.as_i64().map(Typed::Int64),
        (Value::Number(number), ColumnType::Float64) => number.as_f64().map(Typed::Float64),
        (Value::Number(number), ColumnType::Timestamp) => number.as_i64().map(Typed::Timestamp),
        (Value::Bool(truth), ColumnType::Boolean) => Some(Typed::Boolean(*truth)),
        (Value::Number(_) | Value::Bool(_), ColumnType::String) => {
            Some(Typed::String(value.to_string()))
        }
        _ => None,
    };
    found.ok_or_else(|| {
        format!(
            "{value} is not {}, which the schema says the column holds; if it means a missing value, \
             name it in `null_values`",
            wanted.expectation()
        )
    })
}

/// A column's values as an array. Every value has the column's type by now.
fn build<'a>(
    column: &JsonColumn,
    values: impl Iterator<Item = &'a Typed>,
    rows: usize,
) -> ArrayRef {
    macro_rules! build {
        ($builder:expr, $append:expr) => {{
            if column.is_list {
                let mut lists = ListBuilder::new($builder);
                for value in values {
                    if let Typed::List(items) = value {
                        for item in items {
                            $append(lists.values(), item);
                        }
                    }
                    lists.append(matches!(value, Typed::List(_)));
                }
                Arc::new(lists.finish()) as ArrayRef
            } else {
                let mut builder = $builder;
                for value in values {
                    $append(&mut builder, value);
                }
                ArrayBuilder::finish(&mut builder)
            }
        }};
    }
    match column.item {
        ColumnType::Int64 => build!(
            Int64Builder::with_capacity(rows),
            |to: &mut Int64Builder, value: &Typed| to.append_option(match value {
                Typed::Int64(value) => Some(*value),
                _ => None,
            })
        ),
        ColumnType::Float64 => build!(
            Float64Builder::with_capacity(rows),
            |to: &mut Float64Builder, value: &Typed| to.append_option(match value {
                Typed::Float64(value) => Some(*value),
                _ => None,
            })
        ),
        ColumnType::Boolean => build!(
            BooleanBuilder::with_capacity(rows),
            |to: &mut BooleanBuilder, value: &Typed| to.append_option(match value {
                Typed::Boolean(value) => Some(*value),
                _ => None,
            })
        ),
        ColumnType::Timestamp => build!(
            TimestampMicrosecondBuilder::with_capacity(rows).with_timezone(UTC),
            |to: &mut TimestampMicrosecondBuilder, value: &Typed| to.append_option(match value {
                Typed::Timestamp(value) => Some(*value),
                _ => None,
            })
        ),
        ColumnType::String => build!(
            StringBuilder::new(),
            |to: &mut StringBuilder, value: &Typed| to.append_option(match value {
                Typed::String(value) => Some(value.as_str()),
                _ => None,
            })
        ),
    }
}
