//! What is wrong with a pipeline file, in the form of a compiler: the sentence, the place, the line
//! itself with the place marked, the hint.

use orchestrator_api::{DiagnosticEntry, Severity};
use unicode_width::UnicodeWidthChar as _;

use crate::limits::SOURCE_COLUMNS_MAX;
use crate::output::colors::{Colors, Tone};
use crate::output::text::{count, printable};

/// Characters shown before the place where a line is too long to be shown whole.
const BEFORE_PLACE: usize = 40;

/// All diagnostics of one file's text, and what they come to.
pub(crate) fn report(diagnostics: &[DiagnosticEntry], text: &str, colors: Colors) -> String {
    let parts = diagnostics.iter().map(|d| one(d, text, colors));
    parts.collect::<Vec<_>>().join("\n\n")
}

/// `2 errors and 1 warning`; empty if there are none.
pub(crate) fn tally(diagnostics: &[DiagnosticEntry]) -> String {
    let of = |severity| {
        diagnostics
            .iter()
            .filter(|d| d.severity == severity)
            .count()
    };
    let parts = [
        (of(Severity::Error), "error"),
        (of(Severity::Warning), "warning"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, word)| count(*number, word)).collect();
    parts.join(" and ")
}

fn one(diagnostic: &DiagnosticEntry, text: &str, colors: Colors) -> String {
    let tone = match diagnostic.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warning,
    };
    let kind = format!("{}[{}]", diagnostic.severity.word(), diagnostic.code);
    let sentence = printable(&diagnostic.message);
    let mut lines = vec![format!("{}: {sentence}", colors.paint(tone, &kind))];
    let line = diagnostic.line.unwrap_or(1);
    let column = diagnostic.column.unwrap_or(1);
    let gutter = " ".repeat(line.to_string().len());
    let bar = colors.paint(Tone::Active, "|");
    let arrow = colors.paint(Tone::Active, "-->");
    lines.push(format!(
        "{gutter}{arrow} {}:{line}:{column}",
        diagnostic.file
    ));
    if let Some(marked) = mark(diagnostic, text) {
        let number = colors.paint(Tone::Active, &line.to_string());
        lines.push(format!("{gutter} {bar}"));
        lines.push(format!("{number} {bar} {}", marked.source));
        let carets = colors.paint(tone, &marked.carets);
        lines.push(format!("{gutter} {bar} {}{carets}", marked.space));
    }
    if let Some(hint) = &diagnostic.hint {
        let equals = colors.paint(Tone::Active, "=");
        let indent = format!("\n{gutter}         ");
        let hint = printable(hint).trim_end().replace('\n', &indent);
        lines.push(format!("{gutter} {equals} hint: {hint}"));
    }
    lines.join("\n")
}

/// A line of the source as it is shown, and what stands below it.
struct Marked {
    source: String,
    space: String,
    carets: String,
}

/// The line with its place; none where the diagnostic is about the file as a whole.
fn mark(diagnostic: &DiagnosticEntry, text: &str) -> Option<Marked> {
    let line = usize::try_from(diagnostic.line?).ok()?;
    let source = text.lines().nth(line.checked_sub(1)?)?;
    let characters: Vec<char> = source.chars().collect();
    let start = column(diagnostic.column).min(characters.len());
    let end = if diagnostic.end_line == diagnostic.line {
        column(diagnostic.end_column).min(characters.len())
    } else {
        // It goes on over further lines; the first one shows where it begins.
        source.trim_end().chars().count()
    };
    let first = start.saturating_sub(BEFORE_PLACE);
    let first = if characters.len() <= SOURCE_COLUMNS_MAX {
        0
    } else {
        first
    };
    let last = characters.len().min(first + SOURCE_COLUMNS_MAX);
    let end = end.clamp(start, last.max(start));
    let width = |range: &[char]| range.iter().map(|c| shown(*c).1).sum::<usize>();
    Some(Marked {
        source: characters[first..last]
            .iter()
            .map(|c| shown(*c).0)
            .collect(),
        space: " ".repeat(width(&characters[first..start])),
        carets: "^".repeat(width(&characters[start..end]).max(1)),
    })
}

/// An index from 0 out of a column from 1.
fn column(column: Option<u64>) -> usize {
    column.map_or(0, |c| {
        usize::try_from(c).unwrap_or(usize::MAX).saturating_sub(1)
    })
}

/// A character as it is shown, and how many cells of a terminal it takes.
fn shown(character: char) -> (char, usize) {
    match character {
        '\t' => (' ', 1),
        c if c.is_control() => ('\u{fffd}', 1),
        c => (c, c.width().unwrap_or(0)),
    }
}
