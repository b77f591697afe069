//! Sizes as people write them: `512MiB`, `4GB`, `1.5GiB`.
//!
//! It knows neither what a size is of nor where it stands.

use crate::limits::SIZE_BYTES_MAX;

/// The forms, for hints.
pub const FORMS: &str = "write it as `512MiB`, `4GB` or `1.5GiB`";

/// A unit and its length in bytes.
const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
];

/// A size in bytes, or why the text is none.
///
/// ```
/// use pipeline_spec::size::parse;
/// assert_eq!(parse("512MiB").unwrap(), 512 << 20);
/// assert_eq!(parse("4 GB").unwrap(), 4_000_000_000);
/// assert!(parse("4").is_err());
/// ```
pub fn parse(text: &str) -> Result<u64, String> {
    let no_size = || format!("`{}` is no size", text.escape_debug());
    let start = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(start.ok_or_else(no_size)?);
    let unit = unit.to_ascii_uppercase();
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let (_, length) = unit.ok_or_else(no_size)?;
    let number = number.trim_end();
    let is_plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = number.parse().map_err(|_| no_size())?;
    let bytes = number * *length as f64;
    if !is_plain {
        return Err(no_size());
    }
    if bytes > SIZE_BYTES_MAX as f64 {
        return Err(format!("`{text}` is more than any machine has"));
    }
    Ok(bytes.round() as u64)
}
