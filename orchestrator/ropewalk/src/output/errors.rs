//! The one printer of errors: the sentence, what led to it, what to do.

use std::error::Error;

use crate::error::CliError;
use crate::output::colors::{Colors, Tone};
use crate::output::text::printable;
use crate::printing;

/// Prints an error on standard error.
pub(crate) fn print(error: &CliError, colors: Colors) {
    if error.is_silent() {
        return;
    }
    let word = colors.paint(Tone::Bad, "error");
    let mut text = format!("{word}: {}", printable(&error.to_string()));
    let mut cause = error.source();
    let mut told = error.to_string();
    while let Some(error) = cause {
        // A cause that was handed on as it is.
        let sentence = error.to_string();
        if sentence != told {
            text += &format!("\n  because: {}", printable(&sentence));
        }
        told = sentence;
        cause = error.source();
    }
    if let Some(hint) = error.hint_text() {
        let word = colors.paint(Tone::Active, "hint");
        text += &format!("\n{word}: {}", printable(hint));
    }
    printing::to_stderr(&text);
}
