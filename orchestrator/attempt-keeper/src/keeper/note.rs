//! keeper.log, which is this process's standard error.

use std::fmt::Arguments;
use std::io::Write;

use chrono::{SecondsFormat, Utc};

/// Writes one line with its time. A full disk must not stop the keeper.
pub(crate) fn note(text: Arguments<'_>) {
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let _ = std::io::stderr().write_all(format!("{time} {text}\n").as_bytes());
}
