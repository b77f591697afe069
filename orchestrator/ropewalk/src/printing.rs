//! Writing to standard output and standard error.
//!
//! Data goes to standard output; when nobody reads it any more, that is an error of its own kind and
//! no panic. What goes to standard error is for people.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::error::CliError;

/// Prints text as data; a line's end is added.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end_matches('\n'));
    let flushed = written.and_then(|()| stdout.flush());
    flushed.map_err(CliError::output)
}

/// Writes bytes as data, as they are.
pub(crate) fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(CliError::output)
}

/// Prints a document on a line of its own.
pub(crate) fn document(document: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(document)
        .map_err(|e| CliError::unusable("the answer cannot be written as JSON").because(e))?;
    print(&text)
}

/// A line on standard error. When that is gone too, there is nobody to tell.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
