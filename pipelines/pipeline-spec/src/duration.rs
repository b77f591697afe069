//! Durations as people write them: `90s`, `1h30m`, `PT5M`.
//!
//! It knows neither what a duration is for nor where it stands.

use crate::limits::DURATION_MS_MAX;

/// The forms, for hints.
pub const FORMS: &str = "write it as `90s`, `1h30m`, `2d` or `PT5M`";

/// A unit and its length in milliseconds, the longest first.
const UNITS: &[(&str, u64)] = &[
    ("w", 7 * 24 * 60 * 60 * 1_000),
    ("d", 24 * 60 * 60 * 1_000),
    ("h", 60 * 60 * 1_000),
    ("m", 60 * 1_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A duration in milliseconds, or why the text is none.
///
/// ```
/// use pipeline_spec::duration::parse;
/// assert_eq!(parse("1h30m").unwrap(), 5_400_000);
/// assert_eq!(parse("PT5M").unwrap(), 300_000);
/// assert!(parse("90").is_err());
/// ```
pub fn parse(text: &str) -> Result<u64, String> {
    let parts = match text.strip_prefix(['P', 'p']) {
        Some(iso) => iso_parts(iso),
        None => parts(text, UNITS),
    };
    let no_duration = || format!("`{}` is no duration", text.escape_debug());
    let total = parts.ok_or_else(no_duration)?;
    if total > DURATION_MS_MAX as f64 {
        return Err(format!("`{text}` is longer than ten years"));
    }
    Ok(total.round() as u64)
}

/// What follows the `P` of ISO 8601: `1DT12H`. Months and years have no fixed length.
fn iso_parts(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let (days, times) = match lower.split_once('t') {
        Some((days, times)) => (days, Some(times)),
        None => (lower.as_str(), None),
    };
    let (dates, clock) = UNITS.split_at(2);
    let days = match (days, times) {
        ("", Some(_)) => 0.0,
        _ => parts(days, dates)?,
    };
    match times {
        Some(times) => Some(days + parts(times, &clock[..3])?),
        None => Some(days),
    }
}

/// Numbers with their units, each unit at most once and the longest first; in milliseconds.
fn parts(text: &str, mut units: &[(&str, u64)]) -> Option<f64> {
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (written, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let place = units.iter().position(|(name, _)| *name == unit)?;
        total += number(written)? * units[place].1 as f64;
        units = &units[place + 1..];
        rest = behind;
    }
    Some(total)
}

/// `1` or `1.5`.
fn number(text: &str) -> Option<f64> {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if !is_digit(text.chars().next()) || !is_digit(text.chars().next_back()) {
        return None;
    }
    text.parse().ok()
}
