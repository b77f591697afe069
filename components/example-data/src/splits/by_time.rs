//! Splits by a time in the row.

use chrono::{DateTime, NaiveDate};

use super::check_names;
use crate::DataError;
use crate::column_type::parse_timestamp;

/// A bound of a range of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// An instant, in microseconds since 1970 in UTC, for timestamp columns.
    Moment(i64),
    /// A number, for integer columns: seconds since 1970, a year, a day's number.
    Number(i64),
}

/// The rows of one split: from an instant on, before another, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange {
    /// The split.
    pub name: String,
    /// The first time that belongs to it.
    pub from: Option<TimeBound>,
    /// The first time that does not any more.
    pub before: Option<TimeBound>,
}

/// Splits by ranges of a column's values that do not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSplits {
    column: String,
    ranges: Vec<TimeRange>,
    of_moments: bool,
}

impl TimeBound {
    /// A bound from its text: RFC 3339 with a zone, or a date, which begins at midnight UTC.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(micros) = parse_timestamp(text) {
            return Some(Self::Moment(micros));
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let midnight = date.and_hms_opt(0, 0, 0)?.and_utc();
        Some(Self::Moment(midnight.timestamp_micros()))
    }

    fn value(self) -> i64 {
        match self {
            Self::Moment(value) | Self::Number(value) => value,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Number(value) => value.to_string(),
            Self::Moment(micros) => DateTime::from_timestamp_micros(micros)
                .map_or_else(|| micros.to_string(), |time| time.to_rfc3339()),
        }
    }
}

impl TimeRange {
    fn bounds(&self) -> (i64, i64) {
        (
            self.from.map_or(i64::MIN, TimeBound::value),
            self.before.map_or(i64::MAX, TimeBound::value),
        )
    }
}

impl TimeSplits {
    /// Splits with their ranges, in order.
    ///
    /// # Errors
    ///
    /// No split, a name that cannot be a folder's, a repeated name, a range without a bound or without
    /// a time in it, ranges that overlap, times beside numbers.
    pub fn new(column: String, ranges: Vec<TimeRange>) -> Result<Self, DataError> {
        check_names(ranges.iter().map(|range| range.name.as_str()))?;
        let bounds: Vec<TimeBound> = ranges
            .iter()
            .flat_map(|range| [range.from, range.before])
            .flatten()
            .collect();
        let is_moment = |bound: &TimeBound| matches!(bound, TimeBound::Moment(_));
        let of_moments = bounds.iter().any(is_moment);
        if of_moments && !bounds.iter().all(is_moment) {
            return Err(DataError::Request(
                "splits: some bounds are times and some are numbers; the column holds one of them"
                    .to_owned(),
            ));
        }
        for (index, range) in ranges.iter().enumerate() {
            let name = &range.name;
            if range.from.is_none() && range.before.is_none() {
                return Err(DataError::Request(format!(
                    "splits: `{name}` says neither `from` nor `before`"
                )));
            }
            let (from, before) = range.bounds();
            if from >= before {
                return Err(DataError::Request(format!(
                    "splits: `{name}` ends before it begins, so no row can be in it"
                )));
            }
            let overlaps = |other: &&TimeRange| {
                let (other_from, other_before) = other.bounds();
                from < other_before && other_from < before
            };
            if let Some(other) = ranges[..index].iter().find(overlaps) {
                let at = later_start([other.from, range.from]);
                return Err(DataError::Request(format!(
                    "splits: `{}` and `{name}` overlap{at}; a row belongs to one split",
                    other.name
                )));
            }
        }
        Ok(Self {
            column,
            ranges,
            of_moments,
        })
    }

    /// The column that decides.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Whether the bounds are instants, for a timestamp column, and not numbers.
    pub fn of_moments(&self) -> bool {
        self.of_moments
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ranges.iter().map(|range| range.name.as_str())
    }

    /// The position of the split whose range a value lies in; none if it lies in no range.
    pub fn locate(&self, value: i64) -> Option<usize> {
        self.ranges.iter().position(|range| {
            range.from.is_none_or(|from| from.value() <= value)
                && range.before.is_none_or(|before| value < before.value())
        })
    }
}

/// The later of two starts, as the end of a sentence.
fn later_start(starts: [Option<TimeBound>; 2]) -> String {
    let later = starts
        .into_iter()
        .flatten()
        .max_by_key(|bound| bound.value());
    later.map_or_else(String::new, |bound| format!(" from {} on", bound.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(name: &str, from: Option<&str>, before: Option<&str>) -> TimeRange {
        TimeRange {
            name: name.to_owned(),
            from: from.and_then(TimeBound::parse),
            before: before.and_then(TimeBound::parse),
        }
    }

    #[test]
    fn ranges_are_half_open_and_may_leave_gaps() {
        let found = TimeSplits::new(
            "at".to_owned(),
            vec![
                range("train", None, Some("2026-03-01")),
                range("eval", Some("2026-03-08T00:00:00Z"), None),
            ],
        )
        .unwrap();
        let located = |text: &str| match TimeBound::parse(text) {
            Some(bound) => found.locate(bound.value()),
            None => panic!("{text}"),
        };
        assert_eq!(located("1969-01-01"), Some(0));
        assert_eq!(located("2026-02-28T23:59:59.999999Z"), Some(0));
        assert_eq!(located("2026-03-01T00:00:00Z"), None);
        assert_eq!(located("2026-03-08"), Some(1));
        // An hour before midnight in UTC.
        assert_eq!(located("2026-03-08T00:00:00+01:00"), None);
    }

    #[test]
    fn senseless_ranges_are_refused() {
        let refused = |ranges: Vec<TimeRange>, part: &str| {
            let message = TimeSplits::new("at".to_owned(), ranges)
                .unwrap_err()
                .to_string();
            assert!(message.contains(part), "{message}");
        };
        refused(vec![], "at least one");
        refused(vec![range("a", None, None)], "neither");
        refused(
            vec![range("a", Some("2026-01-02"), Some("2026-01-01"))],
            "ends before it begins",
        );
        refused(
            vec![
                range("a", None, Some("2026-01-02")),
                range("b", Some("2026-01-01"), None),
            ],
            "`a` and `b` overlap from 2026-01-01T00:00:00+00:00 on",
        );
        let number = TimeRange {
            name: "b".to_owned(),
            from: Some(TimeBound::Number(5)),
            before: None,
        };
        refused(
            vec![range("a", None, Some("2026-01-02")), number],
            "some bounds are times and some are numbers",
        );
    }
}
