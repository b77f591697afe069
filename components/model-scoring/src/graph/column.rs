//! The values of one node over a batch.
//!
//! It knows Arrow's arrays and which of their types may stand for which raw type; it does not know
//! operations.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};

use crate::error::ScoringError;
use crate::signature::ColumnType;

/// The zone of timestamp columns: UTC, written as an offset, because Arrow knows names of zones only with
/// time-zone tables, which nothing here may depend on.
pub const UTC: &str = "+00:00";

/// The values of one node, one per row of the batch; null is missing.
#[derive(Debug, Clone)]
pub enum Column {
    /// Integers, and indices.
    Integer(Int64Array),
    /// Floats; never NaN.
    Number(Float64Array),
    /// Texts.
    Text(StringArray),
    /// Truth values.
    Boolean(BooleanArray),
    /// Microseconds from 1970-01-01T00:00:00Z.
    Timestamp(Int64Array),
    /// `width` numbers per row: 1 at the index, else 0.
    OneHot {
        /// The place of the 1; missing or out of range: none.
        index: Int64Array,
        /// How many numbers.
        width: usize,
    },
}

impl Column {
    /// The column of a raw batch, as the type that the graph was fitted with.
    ///
    /// Integers may stand for floats, any timestamp for UTC microseconds, and a column of nothing but
    /// nulls for every type; NaN becomes missing. Anything else is an error.
    pub fn from_array(
        name: &str,
        array: &ArrayRef,
        expected: ColumnType,
    ) -> Result<Self, ScoringError> {
        let target = arrow_type(expected);
        let found = array.data_type();
        if !may_stand_for(found, expected) {
            return Err(ScoringError::ColumnType {
                column: name.to_owned(),
                found: type_name(found),
                expected: expected.to_string(),
            });
        }
        let array = if *found == target {
            Arc::clone(array)
        } else {
            cast(array, &target)?
        };
        Ok(match expected {
            ColumnType::Int64 => Self::Integer(array.as_primitive::<Int64Type>().clone()),
            ColumnType::Float64 => Self::Number(without_nan(array.as_primitive::<Float64Type>())),
            ColumnType::String => Self::Text(array.as_string::<i32>().clone()),
            ColumnType::Boolean => Self::Boolean(array.as_boolean().clone()),
            ColumnType::Timestamp => {
                let moments = array.as_primitive::<TimestampMicrosecondType>();
                Self::Timestamp(moments.reinterpret_cast::<Int64Type>())
            }
        })
    }

    /// The values as an array of a raw type, for examples: an index or one-hot value is its index.
    pub fn to_array(&self) -> ArrayRef {
        match self {
            Self::Integer(values) | Self::OneHot { index: values, .. } => Arc::new(values.clone()),
            Self::Number(values) => Arc::new(values.clone()),
            Self::Text(values) => Arc::new(values.clone()),
            Self::Boolean(values) => Arc::new(values.clone()),
            Self::Timestamp(values) => {
                let moments = values.reinterpret_cast::<TimestampMicrosecondType>();
                Arc::new(moments.with_timezone(UTC))
            }
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Integer(values)
            | Self::Timestamp(values)
            | Self::OneHot { index: values, .. } => values.len(),
            Self::Number(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Boolean(values) => values.len(),
        }
    }

    /// The values as numbers: integers and numbers as they are, false as 0 and true as 1. `None` for
    /// texts, moments and one-hot values, which are no numbers.
    pub fn numbers(&self) -> Option<Float64Array> {
        match self {
            Self::Integer(values) => Some(values.unary(|x| x as f64)),
            Self::Number(values) => Some(values.clone()),
            Self::Boolean(values) => Some(
                values
                    .iter()
                    .map(|x| x.map(|x| f64::from(u8::from(x))))
                    .collect(),
            ),
            Self::Text(_) | Self::Timestamp(_) | Self::OneHot { .. } => None,
        }
    }

    /// The values as texts: integers in decimal, `true` and `false`. `None` for floats, moments and
    /// one-hot values, which have no text of their own.
    pub fn texts(&self) -> Option<StringArray> {
        match self {
            Self::Integer(values) => {
                Some(values.iter().map(|x| x.map(|x| x.to_string())).collect())
            }
            Self::Text(values) => Some(values.clone()),
            Self::Boolean(values) => Some(
                values
                    .iter()
                    .map(|x| x.map(|x| if x { "true" } else { "false" }))
                    .collect(),
            ),
            Self::Number(_) | Self::Timestamp(_) | Self::OneHot { .. } => None,
        }
    }
}

/// The Arrow type that Examples hold a raw type in.
pub fn arrow_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::String => DataType::Utf8,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
    }
}

/// The raw type that an Arrow type is, if Examples may hold it outside of lists.
pub fn column_type(data_type: &DataType) -> Option<ColumnType> {
    match data_type {
        DataType::Float32 | DataType::Float64 => Some(ColumnType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(ColumnType::String),
        DataType::Boolean => Some(ColumnType::Boolean),
        DataType::Timestamp(_, _) => Some(ColumnType::Timestamp),
        // Unsigned 64-bit integers may not fit; no source of Examples gives them.
        other if other.is_integer() && *other != DataType::UInt64 => Some(ColumnType::Int64),
        _ => None,
    }
}

fn may_stand_for(found: &DataType, expected: ColumnType) -> bool {
    *found == DataType::Null
        || column_type(found).is_some_and(|found| {
            found == expected || (found, expected) == (ColumnType::Int64, ColumnType::Float64)
        })
}

fn type_name(data_type: &DataType) -> String {
    column_type(data_type).map_or_else(|| data_type.to_string(), |t| t.to_string())
}

fn without_nan(values: &Float64Array) -> Float64Array {
    if values.values().iter().any(|x| x.is_nan()) {
        values.unary_opt(|x| (!x.is_nan()).then_some(x))
    } else {
        values.clone()
    }
}
