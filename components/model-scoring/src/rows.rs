//! Raw rows as JSON objects: `sample.jsonl`, and requests to a prediction service.
//!
//! An absent or null field is a missing value. Moments are RFC 3339 texts; the floats that JSON has no
//! number for are the texts `NaN`, `Infinity` and `-Infinity`.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array as _, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringArray,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema};
use serde_json::{Map, Value};

use crate::error::ScoringError;
use crate::graph::{arrow_type, column_type, read_file, write_file};
use crate::signature::{ColumnType, RawInput};

/// The sample's file in graph and model folders.
pub const SAMPLE_FILE: &str = "sample.jsonl";
/// How many rows a sample has.
pub const SAMPLE_ROWS: usize = 16;

/// A row as a JSON object.
pub type Row = Map<String, Value>;

/// The rows of a batch as JSON objects, without missing values.
///
/// Columns of other types than Examples hold outside of lists are left out.
pub fn to_json(batch: &RecordBatch) -> Result<Vec<Row>, ScoringError> {
    let mut rows = vec![Row::new(); batch.num_rows()];
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let Some(values) = column_values(array)? else {
            continue;
        };
        for (row, value) in rows.iter_mut().zip(values) {
            if !value.is_null() {
                row.insert(field.name().clone(), value);
            }
        }
    }
    Ok(rows)
}

/// The values of a column as JSON, missing ones as null; `None` if it holds lists.
pub(crate) fn column_values(array: &ArrayRef) -> Result<Option<Vec<Value>>, ScoringError> {
    column_type(array.data_type())
        .map(|column_type| values_of(array, column_type))
        .transpose()
}

fn values_of(array: &ArrayRef, column_type: ColumnType) -> Result<Vec<Value>, ScoringError> {
    let text = |array: &ArrayRef| -> Result<Vec<Value>, ScoringError> {
        let texts = cast(array, &DataType::Utf8)?;
        Ok(texts.as_string::<i32>().iter().map(Value::from).collect())
    };
    Ok(match column_type {
        ColumnType::Int64 => {
            let integers = cast(array, &DataType::Int64)?;
            integers
                .as_primitive::<Int64Type>()
                .iter()
                .map(Value::from)
                .collect()
        }
        ColumnType::Float64 => {
            let floats = cast(array, &DataType::Float64)?;
            floats
                .as_primitive::<Float64Type>()
                .iter()
                .map(|x| x.map_or(Value::Null, float))
                .collect()
        }
        ColumnType::Boolean => array.as_boolean().iter().map(Value::from).collect(),
        ColumnType::String => text(array)?,
        ColumnType::Timestamp => text(&cast(array, &arrow_type(ColumnType::Timestamp))?)?,
    })
}

/// A float as JSON holds it.
pub(crate) fn float(x: f64) -> Value {
    if x.is_finite() {
        Value::from(x)
    } else if x.is_nan() {
        Value::from("NaN")
    } else {
        Value::from(if x > 0.0 { "Infinity" } else { "-Infinity" })
    }
}

/// A batch of these columns from JSON objects; other fields are passed over.
pub fn from_json(rows: &[Row], columns: &[RawInput]) -> Result<RecordBatch, ScoringError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for column in columns {
        let values = rows
            .iter()
            .map(|row| row.get(&column.name).unwrap_or(&Value::Null));
        let wrong = |value: &Value| ScoringError::ColumnType {
            column: column.name.clone(),
            found: format!("the value {value}"),
            expected: column.column_type.to_string(),
        };
        arrays.push(match column.column_type {
            ColumnType::Int64 => Arc::new(collect::<_, Int64Array>(values, Value::as_i64, wrong)?),
            ColumnType::Float64 => Arc::new(collect::<_, Float64Array>(values, to_float, wrong)?),
            ColumnType::Boolean => {
                Arc::new(collect::<_, BooleanArray>(values, Value::as_bool, wrong)?)
            }
            ColumnType::String => Arc::new(collect::<_, StringArray>(values, to_text, wrong)?),
            ColumnType::Timestamp => {
                let texts: ArrayRef = Arc::new(collect::<_, StringArray>(values, to_text, wrong)?);
                let moments = cast(&texts, &arrow_type(ColumnType::Timestamp))?;
                // A text that is no moment became null.
                let bad = (0..rows.len()).find(|row| texts.is_valid(*row) && moments.is_null(*row));
                if let Some(value) = bad.and_then(|row| rows[row].get(&column.name)) {
                    return Err(wrong(value));
                }
                moments
            }
        });
        fields.push(Field::new(
            &column.name,
            arrow_type(column.column_type),
            true,
        ));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let schema = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}

fn collect<'a, T, A: FromIterator<Option<T>>>(
    values: impl Iterator<Item = &'a Value>,
    convert: impl Fn(&'a Value) -> Option<T>,
    wrong: impl Fn(&Value) -> ScoringError,
) -> Result<A, ScoringError> {
    values
        .map(|value| match value {
            Value::Null => Ok(None),
            value => convert(value).map(Some).ok_or_else(|| wrong(value)),
        })
        .collect()
}

/// The float that a JSON value holds, as [`float`] wrote it.
pub(crate) fn to_float(value: &Value) -> Option<f64> {
    match value.as_str() {
        None => value.as_f64(),
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
    }
}

fn to_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Writes rows as JSON lines.
pub fn write_jsonl(path: &Path, rows: &[Row]) -> Result<(), ScoringError> {
    let mut text = String::new();
    for row in rows {
        let line = serde_json::to_string(row).map_err(|source| ScoringError::Json {
            path: path.to_owned(),
            what: "row",
            source,
        })?;
        text.push_str(&line);
        text.push('\n');
    }
    write_file(path, text.as_bytes())
}

/// Reads rows from JSON lines.
pub fn read_jsonl(path: &Path) -> Result<Vec<Row>, ScoringError> {
    let bytes = read_file(path)?;
    serde_json::Deserializer::from_slice(&bytes)
        .into_iter::<Row>()
        .collect::<Result<_, _>>()
        .map_err(|source| ScoringError::Json {
            path: path.to_owned(),
            what: "row",
            source,
        })
}
