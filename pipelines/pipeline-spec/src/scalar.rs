//! Parts of a text value, found again in the YAML that it was written in.
//!
//! Exact for values on one line and for literal blocks; elsewhere by searching for the part. It
//! gives nothing rather than a wrong place.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

/// Where bytes `wanted` of `decoded` stand in `source`, the value as written; `indent` is the
/// column, in bytes, at which the source begins.
pub(crate) fn source_range(
    source: &str,
    indent: usize,
    style: ScalarStyle,
    decoded: &str,
    wanted: &Range<usize>,
) -> Option<Range<usize>> {
    // It may be a part of another text.
    decoded.get(wanted.clone())?;
    let exact = match style {
        ScalarStyle::Plain => (source == decoded).then(|| wanted.clone()),
        ScalarStyle::Literal => literal(source, indent, decoded, wanted),
        ScalarStyle::SingleQuoted => quoted(source, decoded, wanted, single_quoted_step),
        ScalarStyle::DoubleQuoted => quoted(source, decoded, wanted, double_quoted_step),
        ScalarStyle::Folded => None,
    };
    exact.or_else(|| search(source, decoded, wanted))
}

/// Line by line: each decoded line is the end of its source line.
fn literal(
    source: &str,
    indent: usize,
    decoded: &str,
    wanted: &Range<usize>,
) -> Option<Range<usize>> {
    let place = |byte: usize| {
        let before = decoded.get(..byte)?;
        let row = before.matches('\n').count();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let decoded_line = decoded[line_start..].lines().next().unwrap_or_default();
        let (source_start, source_line) = line_of(source, row)?;
        let skipped = source_line.len().checked_sub(decoded_line.len())?;
        let expected = if row == 0 { 0 } else { indent };
        (skipped == expected && source_line.ends_with(decoded_line))
            .then(|| source_start + skipped + (byte - line_start))
    };
    Some(place(wanted.start)?..place(wanted.end)?)
}

fn line_of(source: &str, row: usize) -> Option<(usize, &str)> {
    let mut start = 0;
    for (at, line) in source.split_inclusive('\n').enumerate() {
        if at == row {
            let line = line.trim_end_matches('\n').trim_end_matches('\r');
            return Some((start, line));
        }
        start += line.len();
    }
    None
}

/// Character by character between the quotes, while it stays on one line.
fn quoted(
    source: &str,
    decoded: &str,
    wanted: &Range<usize>,
    step: fn(&str) -> Option<(usize, char)>,
) -> Option<Range<usize>> {
    let inner = source.get(1..source.len().checked_sub(1)?)?;
    let (mut read, mut given) = (0, 0);
    let (mut start, mut end) = (None, None);
    loop {
        if given == wanted.start {
            start = start.or(Some(read));
        }
        if given == wanted.end {
            end = Some(read);
            break;
        }
        if read >= inner.len() {
            break;
        }
        let (length, character) = step(&inner[read..])?;
        if !decoded.get(given..)?.starts_with(character) {
            return None;
        }
        read += length;
        given += character.len_utf8();
    }
    Some(1 + start?..1 + end?)
}

fn single_quoted_step(text: &str) -> Option<(usize, char)> {
    if text.starts_with("''") {
        return Some((2, '\''));
    }
    plain_step(text)
}

fn double_quoted_step(text: &str) -> Option<(usize, char)> {
    let Some(escaped) = text.strip_prefix('\\') else {
        return plain_step(text);
    };
    let kind = escaped.chars().next()?;
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    if digits > 0 {
        let code = u32::from_str_radix(escaped.get(1..=digits)?, 16).ok()?;
        return Some((2 + digits, char::from_u32(code)?));
    }
    let character = match kind {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => kind,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    };
    Some((1 + kind.len_utf8(), character))
}

fn plain_step(text: &str) -> Option<(usize, char)> {
    let character = text.chars().next()?;
    (!matches!(character, '\n' | '\r')).then(|| (character.len_utf8(), character))
}

/// The same text in the source, if it stands there as often as in the value.
fn search(source: &str, decoded: &str, wanted: &Range<usize>) -> Option<Range<usize>> {
    let needle = decoded.get(wanted.clone()).filter(|n| !n.is_empty())?;
    if source.matches(needle).count() != decoded.matches(needle).count() {
        return None;
    }
    let nth = decoded
        .match_indices(needle)
        .position(|(at, _)| at == wanted.start)?;
    let (at, _) = source.match_indices(needle).nth(nth)?;
    Some(at..at + needle.len())
}
