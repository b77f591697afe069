//! The five types that a column of examples may have, and how a text becomes one of them.
//!
//! It knows nothing of files: a cell is a text.

use arrow_schema::{DataType, TimeUnit};
use chrono::DateTime;

/// The zone of timestamp columns: UTC, written as an offset, because Arrow knows names of zones only with
/// time-zone tables, which nothing here may depend on.
pub const UTC: &str = "+00:00";

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColumnType {
    /// 64-bit signed integers.
    Int64,
    /// 64-bit floats, with NaN and the infinities.
    Float64,
    /// `true` and `false`.
    Boolean,
    /// An instant, in microseconds since 1970 in UTC.
    Timestamp,
    /// UTF-8 text.
    String,
}

impl ColumnType {
    /// The order in which types are tried on a column: the first that fits all its cells wins.
    pub const INFERENCE_ORDER: [Self; 5] = [
        Self::Int64,
        Self::Float64,
        Self::Boolean,
        Self::Timestamp,
        Self::String,
    ];

    /// The Arrow type of such a column.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::String => DataType::Utf8,
        }
    }

    /// The name by which messages call the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::String => "string",
        }
    }

    /// What a cell of this type looks like, for the message about one that does not.
    pub fn expectation(self) -> &'static str {
        match self {
            Self::Int64 => "an integer of 64 bits",
            Self::Float64 => "a number",
            Self::Boolean => "true or false",
            Self::Timestamp => "a time as in RFC 3339 with a zone, such as 2026-03-01T12:00:00Z",
            Self::String => "a text",
        }
    }
}

/// `[+-]?[0-9]+` within 64 bits.
pub fn parse_int64(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A decimal number, or `nan`, `inf`, `infinity` in any case.
pub fn parse_float64(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// `true` or `false` in any case.
pub fn parse_boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// RFC 3339 with a zone, as microseconds since 1970 in UTC; digits below the microsecond are cut.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    // The shortest is 2026-03-01T12:00:00Z; most cells fail here without the real parser.
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' {
        return None;
    }
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.timestamp_micros())
}

/// Which types still fit all the cells seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each type that may be ruled out"
)]
pub struct Candidates {
    int64: bool,
    float64: bool,
    boolean: bool,
    timestamp: bool,
}

impl Default for Candidates {
    fn default() -> Self {
        Self {
            int64: true,
            float64: true,
            boolean: true,
            timestamp: true,
        }
    }
}

impl Candidates {
    /// Takes a cell that is not null into account.
    pub fn observe(&mut self, text: &str) {
        self.int64 = self.int64 && parse_int64(text).is_some();
        // Every int64 is a float64.
        self.float64 = self.float64 && (self.int64 || parse_float64(text).is_some());
        self.boolean = self.boolean && parse_boolean(text).is_some();
        self.timestamp = self.timestamp && parse_timestamp(text).is_some();
    }

    /// Takes a value that has a type of its own into account: every int64 is a float64, and anything
    /// can be written as a text.
    pub fn observe_typed(&mut self, value: ColumnType) {
        self.int64 &= value == ColumnType::Int64;
        self.float64 &= matches!(value, ColumnType::Int64 | ColumnType::Float64);
        self.boolean &= value == ColumnType::Boolean;
        self.timestamp &= value == ColumnType::Timestamp;
    }

    /// Takes the cells of another part of the data into account.
    pub fn merge(&mut self, other: Self) {
        self.int64 &= other.int64;
        self.float64 &= other.float64;
        self.boolean &= other.boolean;
        self.timestamp &= other.timestamp;
    }

    /// The first type that fits; a column without any cell is int64.
    pub fn resolve(self) -> ColumnType {
        if self.int64 {
            ColumnType::Int64
        } else if self.float64 {
            ColumnType::Float64
        } else if self.boolean {
            ColumnType::Boolean
        } else if self.timestamp {
            ColumnType::Timestamp
        } else {
            ColumnType::String
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_type_that_fits_every_cell_wins() {
        let check = |cells: &[&str], expected: ColumnType| {
            let mut candidates = Candidates::default();
            for cell in cells {
                candidates.observe(cell);
            }
            assert_eq!(candidates.resolve(), expected, "{cells:?}");
        };
        check(&[], ColumnType::Int64);
        check(&["1", "-2", "+3", "007"], ColumnType::Int64);
        check(
            &["9223372036854775807", "-9223372036854775808"],
            ColumnType::Int64,
        );
        check(&["9223372036854775808"], ColumnType::Float64);
        check(
            &["1", "2.5", "1e3", "NaN", "-INF", "Infinity"],
            ColumnType::Float64,
        );
        check(&["true", "FALSE", "True"], ColumnType::Boolean);
        check(&["true", "1"], ColumnType::String);
        check(
            &["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.25+02:00"],
            ColumnType::Timestamp,
        );
        check(&["2026-03-01T12:00:00"], ColumnType::String);
        check(&["2026-03-01"], ColumnType::String);
        check(&["1", ""], ColumnType::String);
        check(&["1", " 2"], ColumnType::String);
        check(&["1_000"], ColumnType::String);
        check(&["0x10"], ColumnType::String);
        check(&["-"], ColumnType::String);
    }

    #[test]
    fn times_are_microseconds_in_utc() {
        assert_eq!(parse_timestamp("1970-01-01T01:00:00.000001+01:00"), Some(1));
        assert_eq!(parse_timestamp("1969-12-31T23:59:59Z"), Some(-1_000_000));
        assert_eq!(parse_timestamp("1970-01-01T00:00:00"), None);
    }
}
