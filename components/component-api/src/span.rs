//! Patterns of files that say which part of the data a file belongs to: `data/span-{SPAN}/*.csv`.
//!
//! The rules are TFX's (`tfx/components/example_gen/utils.py`): a span is a number, or a day, which
//! counts from 1970-01-01; a span may have versions. It does not look at files.

use std::fmt::Write as _;

/// A pattern with a span in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanPattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(SpanVariable),
}

/// What stands in a pattern for digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanVariable {
    /// `{SPAN}`, or `{SPAN:w}` for exactly `w` digits.
    Span(Option<usize>),
    /// `{VERSION}`, or `{VERSION:w}`.
    Version(Option<usize>),
    /// `{YYYY}`.
    Year,
    /// `{MM}`.
    Month,
    /// `{DD}`.
    Day,
}

/// Most digits of a span: all of that length fit in 64 bits.
const DIGITS_MAX: usize = 18;

impl SpanVariable {
    /// The variable of this name and width; none if there is no such name.
    fn read(name: &str, width: Option<&str>) -> Option<Result<Self, String>> {
        let sized = |make: fn(Option<usize>) -> Self| match width.map(str::parse::<usize>) {
            None => Ok(make(None)),
            Some(Ok(width)) if (1..=DIGITS_MAX).contains(&width) => Ok(make(Some(width))),
            Some(_) => Err(format!(
                "the width in `{{{name}:{}}}` is no number from 1 to {DIGITS_MAX}",
                width.unwrap_or_default()
            )),
        };
        let fixed = |variable| match width {
            None => Ok(variable),
            Some(_) => Err(format!("`{{{name}}}` takes no width")),
        };
        Some(match name {
            "SPAN" => sized(Self::Span),
            "VERSION" => sized(Self::Version),
            "YYYY" => fixed(Self::Year),
            "MM" => fixed(Self::Month),
            "DD" => fixed(Self::Day),
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Span(_) => "SPAN",
            Self::Version(_) => "VERSION",
            Self::Year => "YYYY",
            Self::Month => "MM",
            Self::Day => "DD",
        }
    }

    /// How many digits it stands for; none where that is open.
    pub fn digits(self) -> Option<usize> {
        match self {
            Self::Span(width) | Self::Version(width) => width,
            Self::Year => Some(4),
            Self::Month | Self::Day => Some(2),
        }
    }
}

impl SpanPattern {
    /// Reads a pattern; none if no variable stands in it, and a sentence if they make no sense.
    ///
    /// ```
    /// use component_api::span::SpanPattern;
    /// let pattern = SpanPattern::parse("data/{SPAN:3}/v{VERSION}/*.csv").unwrap().unwrap();
    /// assert_eq!(pattern.glob(), "data/*/v*/*.csv");
    /// assert_eq!(SpanPattern::parse("data/{a,b}.csv"), Ok(None));
    /// assert!(SpanPattern::parse("data/v{VERSION}.csv").is_err());
    /// ```
    pub fn parse(pattern: &str) -> Result<Option<Self>, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let inner = after.split_once('}').map(|(inner, _)| inner);
            let variable = inner.and_then(|inner| {
                let (name, width) = match inner.split_once(':') {
                    Some((name, width)) => (name, Some(width)),
                    None => (inner, None),
                };
                SpanVariable::read(name, width)
            });
            if let (Some(variable), Some(inner)) = (variable, inner) {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Variable(variable?));
                rest = &after[inner.len() + 1..];
            } else {
                text.push('{');
                rest = after;
            }
        }
        if parts.is_empty() {
            return Ok(None);
        }
        text.push_str(rest);
        parts.push(Part::Text(text));
        let pattern = Self { parts };
        pattern.check()?;
        Ok(Some(pattern))
    }

    fn check(&self) -> Result<(), String> {
        let count = |name: &str| self.variables().filter(|v| v.name() == name).count();
        let dates = ["YYYY", "MM", "DD"].map(count);
        for name in ["SPAN", "VERSION", "YYYY", "MM", "DD"] {
            if count(name) > 1 {
                return Err(format!("`{{{name}}}` stands in it twice"));
            }
        }
        let is_dated = dates.iter().any(|count| *count > 0);
        if is_dated && count("SPAN") > 0 {
            return Err("a span is `{SPAN}` or a date, not both".to_owned());
        }
        if is_dated && dates.contains(&0) {
            return Err("a date is all of `{YYYY}`, `{MM}` and `{DD}`".to_owned());
        }
        if !is_dated && count("SPAN") == 0 {
            return Err("a `{VERSION}` belongs to a `{SPAN}` or a date".to_owned());
        }
        Ok(())
    }

    /// What stands in it for digits, in order.
    pub fn variables(&self) -> impl Iterator<Item = SpanVariable> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(variable) => Some(*variable),
        })
    }

    /// It with something else in the place of each variable.
    pub fn with(&self, mut replace: impl FnMut(SpanVariable) -> String) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Variable(variable) => text.push_str(&replace(*variable)),
            }
        }
        text
    }

    /// A glob that matches the files of all spans, and perhaps others.
    pub fn glob(&self) -> String {
        self.with(|_| "*".to_owned())
    }

    /// Whether its spans are days.
    pub fn is_dated(&self) -> bool {
        self.variables().any(|v| v == SpanVariable::Year)
    }
}

/// The span of a day: days since 1970-01-01 in the Gregorian calendar; none if there is no such day.
///
/// ```
/// use component_api::span::day_number;
/// assert_eq!(day_number(1970, 1, 1), Some(0));
/// assert_eq!(day_number(2024, 2, 29), Some(19_782));
/// assert_eq!(day_number(2023, 2, 29), None);
/// ```
pub fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    // Years that begin in March, so that the leap day is the last: H. Hinnant, "chrono-Compatible
    // Low-Level Date Algorithms", days_from_civil.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The span that a day written as `2026-03-01` is.
pub fn day_of(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<i64>().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    parts
        .next()
        .is_none()
        .then(|| day_number(year, month, day))
        .flatten()
}

/// A span in words: `5`, or `5, version 2`.
pub fn words(span: i64, version: Option<i64>) -> String {
    let mut words = span.to_string();
    if let Some(version) = version {
        // Writing to a text does not fail.
        let _ = write!(words, ", version {version}");
    }
    words
}
