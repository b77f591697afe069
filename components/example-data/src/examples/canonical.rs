//! Columns of foreign Parquet files as the types that examples have.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::DataError;
use crate::column_type::ColumnType;

/// The columns as the types of examples, without the metadata that other writers leave.
pub(super) fn canonical_schema(found: &SchemaRef, path: &Path) -> Result<SchemaRef, DataError> {
    let fields = found
        .fields()
        .iter()
        .map(|field| {
            let data_type = canonical_type(field.data_type()).ok_or_else(|| {
                DataError::artifact(
                    path,
                    format!(
                        "column `{}` is of type {}: examples hold int64, float64, string, \
                         boolean, timestamp and lists of these",
                        field.name(),
                        field.data_type(),
                    ),
                )
            })?;
            Ok(Field::new(field.name(), data_type, true))
        })
        .collect::<Result<Vec<_>, DataError>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// A batch with its columns cast to the schema; a value that does not fit is an error.
pub(super) fn canonical_batch(
    batch: &RecordBatch,
    schema: &SchemaRef,
    path: &Path,
) -> Result<RecordBatch, DataError> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(column.clone());
            }
            cast_with_options(column, field.data_type(), &options).map_err(|error| {
                DataError::arrow(
                    format!(
                        "{}: column `{}` has a value that does not fit",
                        path.display(),
                        field.name()
                    ),
                    error,
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|error| DataError::arrow(format!("cannot read {}", path.display()), error))
}

/// The type of examples that holds a foreign column's values; none where no type does.
pub(crate) fn canonical_type(found: &DataType) -> Option<DataType> {
    Some(match found {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Null => ColumnType::Int64.arrow(),
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => ColumnType::Float64.arrow(),
        DataType::Boolean => ColumnType::Boolean.arrow(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::String.arrow(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
            ColumnType::Timestamp.arrow()
        }
        DataType::Dictionary(_, values) => canonical_type(values)?,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let inner = canonical_type(item.data_type())?;
            if matches!(inner, DataType::List(_)) {
                return None;
            }
            DataType::List(Arc::new(Field::new("item", inner, true)))
        }
        _ => return None,
    })
}
