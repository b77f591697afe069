//! The text of a typed value, by which a row is hashed.
//!
//! It is what a CSV of the same data would most likely hold: null is empty, numbers are the shortest
//! decimals that read back as the same, timestamps are RFC 3339 in UTC, a list is its values between
//! brackets. These texts decide which split a row is in, so they never change.

use std::io::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use chrono::{DateTime, SecondsFormat};

/// Appends a value's text.
pub(super) fn cell_text(column: &ArrayRef, row: usize, text: &mut Vec<u8>) {
    if column.is_null(row) {
        return;
    }
    // Writing into memory cannot fail.
    let _ = match column.data_type() {
        DataType::Int64 => write!(text, "{}", column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => write!(
            text,
            "{:?}",
            column.as_primitive::<Float64Type>().value(row)
        ),
        DataType::Boolean => write!(text, "{}", column.as_boolean().value(row)),
        DataType::Utf8 => text.write_all(column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => text.write_all(column.as_binary::<i32>().value(row)),
        DataType::Timestamp(_, _) => {
            let micros = column
                .as_primitive_opt::<TimestampMicrosecondType>()
                .map(|c| c.value(row));
            match micros.and_then(DateTime::from_timestamp_micros) {
                Some(time) => {
                    text.write_all(time.to_rfc3339_opts(SecondsFormat::AutoSi, true).as_bytes())
                }
                None => write!(text, "{micros:?}"),
            }
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            text.push(b'[');
            for item in 0..items.len() {
                if item > 0 {
                    text.push(b',');
                }
                cell_text(&items, item, text);
            }
            text.write_all(b"]")
        }
        // Not a type of examples: shown in messages only, for values that did not fit.
        other => match arrow_cast::display::array_value_to_string(column, row) {
            Ok(shown) => text.write_all(shown.as_bytes()),
            Err(_) => write!(text, "a value of {other}"),
        },
    };
}
