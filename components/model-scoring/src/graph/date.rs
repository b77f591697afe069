//! Parts of moments in UTC, by arithmetic alone: no clock, no time-zone tables.
//!
//! Days to dates: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.

use arrow_array::Int64Array;

use super::column::Column;
use super::operation::{DatePart, DateUnit};

const SECONDS_PER_DAY: i64 = 86_400;

/// The part of every moment; `None` if the column holds no moments.
pub(super) fn apply(column: &Column, part: DatePart, unit: Option<DateUnit>) -> Option<Column> {
    let (moments, per_second) = match (column, unit) {
        (Column::Timestamp(moments), None) => (moments, 1_000_000),
        (Column::Integer(moments), Some(unit)) => (
            moments,
            match unit {
                DateUnit::Seconds => 1,
                DateUnit::Milliseconds => 1_000,
                DateUnit::Microseconds => 1_000_000,
            },
        ),
        _ => return None,
    };
    let parts: Int64Array = moments.unary(|moment| part_of(moment.div_euclid(per_second), part));
    Some(Column::Integer(parts))
}

fn part_of(second: i64, part: DatePart) -> i64 {
    let days = second.div_euclid(SECONDS_PER_DAY);
    let second = second.rem_euclid(SECONDS_PER_DAY);
    match part {
        DatePart::Hour => second / 3600,
        DatePart::Minute => second / 60 % 60,
        DatePart::Second => second % 60,
        // 1970-01-01 was a Thursday, day 4 of ISO's week.
        DatePart::Weekday => (days + 3).rem_euclid(7) + 1,
        DatePart::Year => date(days).0,
        DatePart::Month => date(days).1,
        DatePart::Day => date(days).2,
        DatePart::DayOfYear => {
            let (year, _, _) = date(days);
            days - first_day_of(year) + 1
        }
    }
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years begin on March 1st, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The days from 1970-01-01 to January 1st of a year.
fn first_day_of(year: i64) -> i64 {
    let before = year - 1;
    let days = |y: i64| 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
    days(before) - days(1969)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_known_moments() {
        use DatePart as P;
        let cases = [
            // 2014-05-16T19:25:00Z, a Friday.
            (
                1_400_268_300,
                [
                    (P::Year, 2014),
                    (P::Month, 5),
                    (P::Day, 16),
                    (P::Weekday, 5),
                    (P::Hour, 19),
                    (P::Minute, 25),
                    (P::DayOfYear, 136),
                ],
            ),
            // 1969-12-31T23:59:59Z, a Wednesday.
            (
                -1,
                [
                    (P::Year, 1969),
                    (P::Month, 12),
                    (P::Day, 31),
                    (P::Weekday, 3),
                    (P::Hour, 23),
                    (P::Second, 59),
                    (P::DayOfYear, 365),
                ],
            ),
            // 2000-02-29T00:00:00Z, a Tuesday.
            (
                951_782_400,
                [
                    (P::Year, 2000),
                    (P::Month, 2),
                    (P::Day, 29),
                    (P::Weekday, 2),
                    (P::Hour, 0),
                    (P::Minute, 0),
                    (P::DayOfYear, 60),
                ],
            ),
            // 2024-12-31T12:00:00Z, a Tuesday.
            (
                1_735_646_400,
                [
                    (P::Year, 2024),
                    (P::Month, 12),
                    (P::Day, 31),
                    (P::Weekday, 2),
                    (P::Hour, 12),
                    (P::Minute, 0),
                    (P::DayOfYear, 366),
                ],
            ),
        ];
        for (second, parts) in cases {
            for (part, expected) in parts {
                assert_eq!(part_of(second, part), expected, "{part:?} of {second}");
            }
        }
    }
}
