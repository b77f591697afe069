//! Text with `${{ ... }}` in it: where the expressions stand.
//!
//! It does not know what an expression means; the plan's compiler does.

use std::ops::Range;

/// What opens an expression.
pub const OPEN: &str = "${{";
/// What closes it.
pub const CLOSE: &str = "}}";

/// A piece of a text; the ranges are bytes of that text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that stands for itself.
    Literal(Range<usize>),
    /// An expression: the range of what stands between the delimiters.
    Expression(Range<usize>),
}

/// An expression that is opened but never closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclosed {
    /// From `${{` to the end of the text.
    pub bytes: Range<usize>,
}

/// Splits a text into literals and expressions.
///
/// `}}` inside a quoted string or closing an expression's own map does not end the expression.
///
/// ```
/// use pipeline_spec::template::{Segment, split};
/// let text = "n-${{ params.n }}";
/// assert_eq!(split(text).unwrap(), [Segment::Literal(0..2), Segment::Expression(5..15)]);
/// ```
pub fn split(text: &str) -> Result<Vec<Segment>, Unclosed> {
    let mut segments = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(OPEN) {
        let open = at + found;
        let inner = open + OPEN.len();
        let Some(length) = expression_length(&text[inner..]) else {
            return Err(Unclosed {
                bytes: open..text.len(),
            });
        };
        if open > at {
            segments.push(Segment::Literal(at..open));
        }
        segments.push(Segment::Expression(inner..inner + length));
        at = inner + length + CLOSE.len();
    }
    if at < text.len() {
        segments.push(Segment::Literal(at..text.len()));
    }
    Ok(segments)
}

/// Whether the text holds an expression, closed or not.
pub fn has_expression(text: &str) -> bool {
    text.contains(OPEN)
}

/// The length of the expression at the start of `text`, up to its `}}`.
fn expression_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut open_braces = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(q), b) if q == b => quote = None,
            (None, b @ (b'"' | b'\'')) => quote = Some(b),
            (None, b'{') => open_braces += 1,
            (None, b'}') if open_braces > 0 => open_braces -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
