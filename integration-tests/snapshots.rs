//! Snapshots of what commands say. What differs from run to run is replaced by something as wide, so
//! that the layout stays what it is.

use std::fmt::Write as _;

use crate::support::Project;

/// A column of durations, whatever they are: as wide as its longest usual value.
const DURATION_WIDTH: usize = 8;

/// Holds a text against its snapshot.
pub(crate) fn check(name: &str, project: &Project, text: &str) {
    let text = text.replace(&project.folder().display().to_string(), "[PROJECT]");
    let text = even_columns(&text);
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
        filters => [
            (
                r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
                "01234567-89ab-7cde-8f01-23456789abcd",
            ),
            (r"\b[0-9a-f]{64}\b", "[a digest of sixty-four hexadecimal characters..................]"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-01-02 03:04:05"),
            (r"\b\d+(\.\d)? m?s\b", "[TIME]"),
            // What the machine lacks is another thing on another machine.
            (r"(asks for \d+ GPUs), .*", "$1, [MACHINE]"),
        ],
    }, { insta::assert_snapshot!(name, text) });
}

/// Gives the column TIME of each table the same width, which follows from what is in it.
fn even_columns(text: &str) -> String {
    let mut even = String::new();
    let mut column = None;
    for line in text.lines() {
        if line.is_empty() || line.starts_with("-- ") {
            column = None;
        } else if let Some(found) = column_of_time(line) {
            column = Some(found);
        }
        let characters: Vec<char> = line.chars().collect();
        match column {
            Some((start, end)) if characters.len() > start => {
                let end = end.min(characters.len());
                let part = |part: &[char]| part.iter().collect::<String>();
                let cell = part(&characters[start..end]);
                let is_last = end == characters.len();
                let cell = match (cell.trim(), is_last) {
                    ("", _) => String::new(),
                    ("TIME", _) => "TIME".to_owned(),
                    _ => "[TIME]".to_owned(),
                };
                let rest = part(&characters[end..]);
                let row = format!("{}{cell:DURATION_WIDTH$}{rest}", part(&characters[..start]));
                let _ = writeln!(even, "{}", row.trim_end());
            }
            _ => {
                let _ = writeln!(even, "{line}");
            }
        }
    }
    even
}

/// Where the column TIME begins, and where the next one does.
fn column_of_time(line: &str) -> Option<(usize, usize)> {
    let start = line.find("  TIME")? + 2;
    let after = &line[start + "TIME".len()..];
    let gap = after.len() - after.trim_start().len();
    let is_last = after.trim().is_empty();
    let end = if is_last {
        usize::MAX
    } else {
        start + "TIME".len() + gap
    };
    Some((start, end))
}
