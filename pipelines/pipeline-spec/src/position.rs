//! Lines and columns of a text, and the bytes where they lie.

use std::ops::Range;

use saphyr_parser::{Marker, Span};

use crate::diagnostic::Position;

/// The bytes at which the lines of a text begin.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds the lines; as in YAML, a line ends in LF, CR LF or CR.
    pub(crate) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|&(at, &byte)| {
            byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
        });
        let starts = std::iter::once(0)
            .chain(ends.map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// The byte that a marker of the parser stands before.
    pub(crate) fn byte(&self, marker: &Marker) -> usize {
        let line = marker.line().saturating_sub(1);
        let Some(&start) = self.starts.get(line) else {
            return self.text.len();
        };
        let rest = &self.text[start..];
        let mut characters = rest.char_indices().map(|(at, _)| start + at);
        characters.nth(marker.col()).unwrap_or(self.text.len())
    }

    /// The bytes of a span of the parser.
    pub(crate) fn bytes(&self, span: &Span) -> Range<usize> {
        let start = self.byte(&span.start);
        start..self.byte(&span.end).max(start)
    }

    /// Bytes of the text as lines and columns. What begins or ends within a character is that character:
    /// the parser of expressions tells of one that it does not know by its first byte.
    pub(crate) fn position(&self, bytes: &Range<usize>) -> Position {
        let (start, end) = (
            self.text.floor_char_boundary(bytes.start),
            self.text.ceil_char_boundary(bytes.end),
        );
        let (line, column) = self.line_and_column(start);
        let (end_line, end_column) = self.line_and_column(end);
        Position {
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// The position of one character, at a marker of the parser. It adds the line end that a text lacks,
    /// and may stand behind that; then it is the text's end.
    pub(crate) fn at_marker(&self, marker: &Marker) -> Position {
        if marker.line() > self.starts.len() {
            let end = self.text.len();
            return self.position(&(end..end));
        }
        Position {
            line: marker.line(),
            column: marker.col() + 1,
            end_line: marker.line(),
            end_column: marker.col() + 2,
        }
    }

    /// The position of a span of the parser, with the same care.
    pub(crate) fn at_span(&self, span: &Span) -> Position {
        let end = self.at_marker(&span.end);
        Position {
            end_line: end.line,
            end_column: end.column,
            ..self.at_marker(&span.start)
        }
    }

    fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= byte);
        let start = self.starts[line - 1];
        let column = self.text[start..byte].chars().count() + 1;
        (line, column)
    }
}
