//! The event pass: what must be known of a text before anything is built from it.
//!
//! It bounds size, depth and aliases, and finds what the YAML crate would pass over or stop at:
//! duplicate keys, tags, more than one document, keys that are not text. It builds nothing.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::code::Code;
use crate::diagnostic::{Collector, Diagnostic};
use crate::limits::{ALIAS_WEIGHT_MAX, DEPTH_MAX, NODE_WEIGHT, TEXT_BYTES_MAX};
use crate::position::Lines;

/// The text cannot be read any further; a diagnostic says why.
#[derive(Clone, Copy)]
pub(crate) struct Unreadable;

/// An error after which nothing more can be read.
type Checked = Result<(), Box<Diagnostic>>;

/// What is known of a text that may be read.
#[derive(Clone, Copy)]
pub(crate) struct Guarded {
    /// Whether a plain value may be a number or boolean that is written in an unusual way.
    pub(crate) respelled: bool,
}

/// Looks over a text and says what is wrong with it as YAML.
pub(crate) fn check(text: &str, collector: &mut Collector) -> Result<Guarded, Unreadable> {
    check_bytes(text).map_err(|found| refuse(collector, *found))?;
    let mut guard = Guard {
        text,
        lines: OnceCell::new(),
        collector,
        frames: Vec::new(),
        anchors: HashMap::new(),
        weight: 0,
        alias_weight: 0,
        documents: 0,
        respelled: false,
    };
    for event in Parser::new_from_str(text) {
        let checked = match event {
            Ok((event, span)) => guard.event(event, span),
            Err(error) => Err(Box::new(syntax_error(guard.lines(), &error))),
        };
        if let Err(found) = checked {
            return Err(refuse(guard.collector, *found));
        }
    }
    Ok(Guarded {
        respelled: guard.respelled,
    })
}

fn refuse(collector: &mut Collector, found: Diagnostic) -> Unreadable {
    collector.push(found);
    Unreadable
}

/// Size, and the characters that YAML forbids: parsers disagree on those, one even ends at a NUL.
fn check_bytes(text: &str) -> Checked {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!(
            "the file has {} bytes; a pipeline file may have {TEXT_BYTES_MAX}",
            text.len()
        );
        let start = Lines::new("").position(&(0..0));
        let found = Diagnostic::error(Code::FileTooLarge, "", message).at_position(start);
        let hint = "keep data in files of its own and name them with `files:`";
        return Err(Box::new(found.hint(hint)));
    }
    let forbidden = |b: u8| (b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0x7f;
    let Some(at) = text.bytes().position(forbidden) else {
        return Ok(());
    };
    let message = format!(
        "the control character U+{:04X} may not stand in YAML",
        text.as_bytes()[at]
    );
    let position = Lines::new(text).position(&(at..at + 1));
    let found = Diagnostic::error(Code::YamlSyntax, "", message).at_position(position);
    let hint = "remove it, or write it as an escape in double quotes";
    Err(Box::new(found.hint(hint)))
}

/// The parser's own words, with a hint for the mistakes that people make.
fn syntax_error(lines: &Lines<'_>, error: &ScanError) -> Diagnostic {
    const HINTS: &[(&str, &str)] = &[
        ("tab", "indent with spaces, never with tabs"),
        (
            "mapping values are not allowed",
            "put quotes around a value that holds `: `, and a space behind the colon of every key",
        ),
        (
            "unknown escape",
            "write `\\\\` for a backslash, or put the text in single quotes",
        ),
        (
            "invalid indentation in flow",
            "close the bracket or brace above",
        ),
        ("unknown anchor", "define it before with `&name`"),
        ("expect ':'", "a key is followed by a colon: `key: value`"),
        ("unexpected end of stream", "close the quote"),
        (
            "unexpected character",
            "put quotes around a value that begins with this character",
        ),
    ];
    let info = error.info();
    let position = lines.at_marker(error.marker());
    if info.contains("recursion limit") {
        return too_deep().at_position(position);
    }
    let hint = HINTS.iter().find(|(part, _)| info.contains(part));
    Diagnostic::error(Code::YamlSyntax, "", format!("not valid YAML: {info}"))
        .at_position(position)
        .hint(hint.map_or("", |(_, hint)| hint))
}

fn too_deep() -> Diagnostic {
    let message = format!("lists and maps are nested more than {DEPTH_MAX} deep");
    Diagnostic::error(Code::YamlTooDeep, "", message)
}

struct Guard<'t, 'c> {
    text: &'t str,
    /// Found when a place is first asked for.
    lines: OnceCell<Lines<'t>>,
    collector: &'c mut Collector,
    frames: Vec<Frame<'t>>,
    anchors: HashMap<usize, Anchored>,
    /// Of everything so far, aliases expanded.
    weight: u64,
    /// Of what aliases alone have added.
    alias_weight: u64,
    documents: usize,
    respelled: bool,
}

/// A list or map that has not ended.
struct Frame<'t> {
    anchor: usize,
    /// The guard's weight when it began.
    weight: u64,
    /// Greatest height of what it holds so far.
    height: usize,
    keys: Option<Keys<'t>>,
}

/// The keys of a map so far.
struct Keys<'t> {
    seen: HashSet<Cow<'t, str>>,
    /// Whether a key was read whose value comes next.
    has_key: bool,
}

/// What an alias of this anchor stands for.
#[derive(Clone, Copy)]
struct Anchored {
    weight: u64,
    /// 0 for a scalar.
    height: usize,
}

impl<'t> Guard<'t, '_> {
    fn lines(&self) -> &Lines<'t> {
        self.lines.get_or_init(|| Lines::new(self.text))
    }

    fn event(&mut self, event: Event<'t>, span: Span) -> Checked {
        match event {
            Event::DocumentStart(_) => self.document(span),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(text, style, anchor, tag.as_deref(), span);
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::SequenceStart(anchor, tag) => self.begin(None, anchor, tag.as_deref(), span),
            Event::MappingStart(anchor, tag) => {
                let keys = Keys {
                    seen: HashSet::new(),
                    has_key: false,
                };
                self.begin(Some(keys), anchor, tag.as_deref(), span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Checked {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let message = "the file holds more than one YAML document";
        Err(Box::new(
            Diagnostic::error(Code::YamlDocuments, "", message)
                .at_position(self.lines().at_marker(&span.start))
                .hint("keep one pipeline per file, without `---` between"),
        ))
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) {
        self.tag(tag, &span);
        let weight = NODE_WEIGHT + text.len() as u64;
        self.weight += weight;
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { weight, height: 0 });
        }
        let plain = style == ScalarStyle::Plain;
        if !self.is_at_key() {
            self.respelled |= plain && may_be_respelled(&text);
        } else if plain && !is_text(&text) {
            let shown = format!("the key `{text}`");
            let is_empty = text.is_empty();
            self.key_is_not_text(&span, if is_empty { "an empty key" } else { &shown });
        } else {
            self.key(text, &span);
        }
        self.value_done(0);
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Checked {
        let at = self.lines().at_span(&span);
        let fail = |message: &str, hint: &str| {
            let found = Diagnostic::error(Code::YamlAlias, "", message);
            Err(Box::new(found.at_position(at).hint(hint)))
        };
        if self.frames.iter().any(|f| f.anchor == anchor) {
            return fail("this alias stands for a value that contains it", "");
        }
        let Some(target) = self.anchors.get(&anchor).copied() else {
            return fail("there is no anchor of this name before it", "");
        };
        self.weight = self.weight.saturating_add(target.weight);
        self.alias_weight = self.alias_weight.saturating_add(target.weight);
        if self.alias_weight > ALIAS_WEIGHT_MAX {
            let message = "the aliases of this file expand to more than a pipeline may hold";
            return fail(message, "write out what differs, and use fewer aliases");
        }
        if self.frames.len() + target.height > DEPTH_MAX {
            return Err(Box::new(too_deep().at_position(at)));
        }
        if self.is_at_key() {
            self.key_is_not_text(&span, "an alias used as a key");
        }
        self.value_done(target.height);
        Ok(())
    }

    fn begin(
        &mut self,
        keys: Option<Keys<'t>>,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Checked {
        self.tag(tag, &span);
        if self.is_at_key() {
            self.key_is_not_text(&span, "a list or map used as a key");
        }
        let weight = self.weight;
        self.weight += NODE_WEIGHT;
        self.frames.push(Frame {
            anchor,
            weight,
            height: 0,
            keys,
        });
        if self.frames.len() > DEPTH_MAX {
            return Err(Box::new(
                too_deep().at_position(self.lines().at_marker(&span.start)),
            ));
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let height = frame.height + 1;
        if frame.anchor > 0 {
            let weight = self.weight - frame.weight;
            let anchored = Anchored { weight, height };
            self.anchors.insert(frame.anchor, anchored);
        }
        self.value_done(height);
    }

    /// A whole value or key was read; it is as high as this.
    fn value_done(&mut self, height: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.height = frame.height.max(height);
            if let Some(keys) = &mut frame.keys {
                keys.has_key = !keys.has_key;
            }
        }
    }

    fn is_at_key(&self) -> bool {
        let keys = self.frames.last().and_then(|f| f.keys.as_ref());
        keys.is_some_and(|k| !k.has_key)
    }

    fn key(&mut self, text: Cow<'t, str>, span: &Span) {
        let Some(keys) = self.frames.last_mut().and_then(|f| f.keys.as_mut()) else {
            return;
        };
        if keys.seen.contains(&text) {
            let message = format!("the key `{text}` stands twice in this map");
            let found = Diagnostic::error(Code::YamlDuplicateKey, "", message);
            let hint = "keep one of the two";
            self.collector
                .push(found.at_position(self.lines().at_span(span)).hint(hint));
        } else {
            keys.seen.insert(text);
        }
    }

    fn key_is_not_text(&mut self, span: &Span, what: &str) {
        let found = Diagnostic::error(Code::YamlKey, "", format!("{what} is not text"));
        let hint = "put quotes around it";
        self.collector
            .push(found.at_position(self.lines().at_span(span)).hint(hint));
    }

    fn tag(&mut self, tag: Option<&Tag>, span: &Span) {
        let Some(tag) = tag else { return };
        let shown = if tag.is_yaml_core_schema() {
            format!("!!{}", tag.suffix)
        } else {
            tag.to_string()
        };
        let message = format!("the tag `{shown}` is not part of the language");
        let found = Diagnostic::error(Code::YamlTag, "", message);
        let hint = "remove it; put quotes around a number that is meant as text";
        self.collector
            .push(found.at_position(self.lines().at_span(span)).hint(hint));
    }
}

/// Whether the YAML crate reads this plain scalar as text.
fn is_text(plain: &str) -> bool {
    const WORDS: &[&str] = &["true", "false", "null"];
    let first = plain.chars().next();
    let is_word = WORDS.iter().any(|w| w.eq_ignore_ascii_case(plain));
    if first.is_some_and(|c| !matches!(c, '0'..='9' | '+' | '-' | '.' | '~')) && !is_word {
        return true;
    }
    serde_yaml::from_str::<serde_yaml::Value>(plain).is_ok_and(|v| v.is_string())
}

/// A quick look, wrong in one direction only: a number or boolean not written as we would write it.
fn may_be_respelled(plain: &str) -> bool {
    match plain.as_bytes() {
        [] | [b'0'] => false,
        [b'T' | b'F', ..] => matches!(plain, "True" | "TRUE" | "False" | "FALSE"),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => false,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => true,
        _ => false,
    }
}
