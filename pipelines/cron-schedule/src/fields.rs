//! An expression and its five fields.
//!
//! The dialect is crontab(5)'s: numbers, names, ranges, steps and lists; Sunday is 0 and 7; a day of the
//! month or a day of the week is enough, unless one of the two fields begins with `*`.

use std::fmt;
use std::str::FromStr;

use crate::limits::EXPRESSION_BYTES_MAX;

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    pub(crate) minutes: u64,
    pub(crate) hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day must be right in both day fields, for one of them begins with `*`.
    both: bool,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty if there is nothing to say.
    pub hint: String,
}

impl CronError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// A field: what it is called, and what may stand in it.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of values, from `least` on.
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field::new("minute", 0, 59, &[]),
    Field::new("hour", 0, 23, &[]),
    Field::new("day of the month", 1, 31, &[]),
    Field::new("month", 1, 12, MONTHS),
    Field::new("day of the week", 0, 7, WEEKDAYS),
];

/// crontab(5)'s short forms.
const SHORT: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl FromStr for Schedule {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let message = format!("a cron expression may have {EXPRESSION_BYTES_MAX} bytes");
            return Err(CronError::new(message, ""));
        }
        let expanded = expand(text.trim())?;
        let words: Vec<&str> = expanded.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = words.as_slice() else {
            let message = format!(
                "a cron expression has five fields, this has {}",
                words.len()
            );
            let hint = "minute, hour, day of the month, month, day of the week: `0 3 * * *`";
            return Err(CronError::new(message, hint));
        };
        let [minutes, hours, days, months, weekdays] = &FIELDS;
        let weekdays = weekdays.values(weekday)?;
        let schedule = Self {
            minutes: minutes.values(minute)?,
            hours: hours.values(hour)?,
            days: days.values(day)?,
            months: months.values(month)?,
            // 7 is Sunday too.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            both: day.starts_with('*') || weekday.starts_with('*'),
            text: text.trim().to_owned(),
        };
        schedule.check_possible()?;
        Ok(schedule)
    }
}

impl Schedule {
    /// Whether it fires on this day.
    pub(crate) fn has_day(&self, month: u32, day: u32, weekday_from_sunday: u32) -> bool {
        let day = has(self.days, day);
        let weekday = has(self.weekdays, weekday_from_sunday);
        let is_day = if self.both {
            day && weekday
        } else {
            day || weekday
        };
        is_day && has(self.months, month)
    }

    /// Whether it fires in every hour, and follows the clock where that jumps.
    pub(crate) fn is_hourly(&self) -> bool {
        self.hours == (1 << 24) - 1
    }

    /// Every other combination of days and months comes sooner or later.
    fn check_possible(&self) -> Result<(), CronError> {
        const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut months = (1..).zip(LENGTHS).filter(|(m, _)| has(self.months, *m));
        let least = self.days.trailing_zeros();
        if !self.both || months.any(|(_, length)| least <= length) {
            return Ok(());
        }
        let message = format!("`{self}` never fires: no such month has a day {least}");
        Err(CronError::new(message, ""))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

pub(crate) fn has(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}

fn expand(text: &str) -> Result<&str, CronError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    if let Some((_, fields)) = SHORT.iter().find(|(name, _)| *name == text) {
        return Ok(fields);
    }
    let known: Vec<&str> = SHORT.iter().map(|(name, _)| *name).collect();
    let hint = if text == "@reboot" {
        "a daemon that starts again is no reason to run; say when with five fields".to_owned()
    } else {
        format!("known here: {}", known.join(", "))
    };
    Err(CronError::new(
        format!("there is no short form `{text}`"),
        hint,
    ))
}

impl Field {
    const fn new(
        name: &'static str,
        least: u32,
        most: u32,
        names: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            least,
            most,
            names,
        }
    }

    /// The set of a list of values, ranges and steps.
    fn values(&self, text: &str) -> Result<u64, CronError> {
        let mut set = 0;
        for part in text.split(',') {
            set |= self.part(part)?;
        }
        Ok(set)
    }

    fn part(&self, part: &str) -> Result<u64, CronError> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (first, last) = if range == "*" {
            (self.least, self.most)
        } else if let Some((first, last)) = range.split_once('-') {
            self.range(range, first, last)?
        } else if step.is_some() {
            let message = format!(
                "`{part}` in the field {}: a step goes with a range",
                self.name
            );
            let hint = format!(
                "did you mean `{range}-{}/{}`?",
                self.most,
                step.unwrap_or(1)
            );
            return Err(CronError::new(message, hint));
        } else {
            let value = self.value(range)?;
            (value, value)
        };
        let values = (first..=last).step_by(step.unwrap_or(1) as usize);
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    fn range(&self, range: &str, first: &str, last: &str) -> Result<(u32, u32), CronError> {
        let from = self.value(first)?;
        let mut to = self.value(last)?;
        // A week may end with its Sunday.
        if to == 0 && from > 0 && self.most == 7 {
            to = 7;
        }
        if from <= to {
            return Ok((from, to));
        }
        let message = format!(
            "the range `{range}` in the field {} runs backwards",
            self.name
        );
        let hint = format!(
            "write two: `{first}-{},{}-{last}`",
            self.most.min(if self.most == 7 { 6 } else { self.most }),
            self.least
        );
        Err(CronError::new(message, hint))
    }

    fn step(&self, text: &str) -> Result<u32, CronError> {
        let step = number(text).filter(|step| (1..=self.most).contains(step));
        step.ok_or_else(|| {
            let message = format!("the step `/{text}` in the field {} is none", self.name);
            CronError::new(message, format!("a number from 1 to {}", self.most))
        })
    }

    fn value(&self, text: &str) -> Result<u32, CronError> {
        let named = self.names.iter().zip(self.least..);
        let mut named = named.filter(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, value)) = named.next() {
            return Ok(value);
        }
        let range = self.least..=self.most;
        let value = number(text).filter(|value| range.contains(value));
        value.ok_or_else(|| {
            let message = format!("`{text}` cannot stand in the field {}", self.name);
            let names = match self.names {
                [first, .., last] => format!(", or {first} to {last}"),
                _ => String::new(),
            };
            let hint = format!("a number from {} to {}{names}", self.least, self.most);
            CronError::new(message, hint)
        })
    }
}

/// Digits alone: no sign, and few enough.
fn number(text: &str) -> Option<u32> {
    let is_digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}
