//! From a pointer into the document to a place in its text.
//!
//! Built only when there is something to place: it costs several times as much as reading the
//! file. Aliases and merges are followed, so an error in an anchored map is shown where the
//! map is written.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use crate::diagnostic::{Part, Place, Position, segments};
use crate::limits::DEPTH_MAX;
use crate::position::Lines;

/// Every value of a document with its span.
pub(crate) struct Index<'t> {
    text: &'t str,
    lines: Lines<'t>,
    nodes: Vec<Node>,
}

struct Node {
    span: Span,
    kind: Kind,
}

enum Kind {
    Scalar { decoded: String, style: ScalarStyle },
    List(Vec<usize>),
    Map(Vec<Entry>),
    Alias(usize),
}

struct Entry {
    key: String,
    span: Span,
    value: usize,
}

/// Where a pointer leads: a value, and the key that it stands at.
struct Found {
    node: usize,
    key: Option<Span>,
    /// Whether the whole pointer was followed, not only a beginning of it.
    complete: bool,
}

impl<'t> Index<'t> {
    /// Indexes a text that the guard has let through; of any other, what stands before its first
    /// syntax error.
    pub(crate) fn build(text: &'t str) -> Self {
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            builder.event(event, span);
        }
        Self {
            text,
            lines: Lines::new(text),
            nodes: builder.nodes,
        }
    }

    /// The place in the text; of a place that is not there, the nearest key above it.
    pub(crate) fn position(&self, place: &Place) -> Position {
        let Some(found) = self.find(&place.pointer) else {
            return self.lines.position(&(0..0));
        };
        if let (Some(bytes), true) = (&place.bytes, found.complete)
            && let Some(range) = self.inside(self.target(found.node), bytes)
        {
            return self.lines.position(&range);
        }
        let wants_key = place.part == Part::Key || !found.complete;
        let span = match found.key {
            Some(key) if wants_key => key,
            key => self.visible(found.node).or(key).unwrap_or_default(),
        };
        self.lines.position(&self.trimmed(&span))
    }

    /// A scalar as it is written, if the pointer leads to one.
    pub(crate) fn written(&self, pointer: &str) -> Option<&'t str> {
        let found = self.find(pointer).filter(|f| f.complete)?;
        let node = self.nodes.get(self.target(found.node))?;
        matches!(node.kind, Kind::Scalar { .. })
            .then(|| &self.text[self.without_properties(self.lines.bytes(&node.span))])
    }

    fn find(&self, pointer: &str) -> Option<Found> {
        let mut found = Found {
            node: 0,
            key: None,
            complete: true,
        };
        self.nodes.first()?;
        for segment in segments(pointer) {
            let node = self.target(found.node);
            match &self.nodes[node].kind {
                Kind::List(items) => {
                    match segment.parse().ok().and_then(|at: usize| items.get(at)) {
                        Some(&item) => (found.node, found.key) = (item, None),
                        None => found.complete = false,
                    }
                }
                Kind::Map(_) => match self.entry(node, &segment, DEPTH_MAX) {
                    Some(entry) => (found.node, found.key) = (entry.value, Some(entry.span)),
                    None => found.complete = false,
                },
                // One text where a list may stand is the list's only item.
                Kind::Scalar { .. } if segment == "0" => {}
                Kind::Scalar { .. } | Kind::Alias(_) => found.complete = false,
            }
            if !found.complete {
                break;
            }
        }
        Some(found)
    }

    /// The entry of a map, its own or one that is merged into it.
    fn entry(&self, map: usize, key: &str, depth: usize) -> Option<&Entry> {
        let Kind::Map(entries) = &self.nodes[self.target(map)].kind else {
            return None;
        };
        if let Some(entry) = entries.iter().find(|e| e.key == key) {
            return Some(entry);
        }
        let depth = depth.checked_sub(1)?;
        let merge = entries.iter().find(|e| e.key == "<<")?;
        match &self.nodes[self.target(merge.value)].kind {
            Kind::List(items) => items.iter().find_map(|&item| self.entry(item, key, depth)),
            _ => self.entry(merge.value, key, depth),
        }
    }

    /// The value that an alias stands for.
    fn target(&self, node: usize) -> usize {
        match self.nodes[node].kind {
            Kind::Alias(target) => target,
            _ => node,
        }
    }

    /// The bytes of the text where a part of a scalar stands.
    fn inside(&self, node: usize, bytes: &Range<usize>) -> Option<Range<usize>> {
        let Kind::Scalar { decoded, style } = &self.nodes[node].kind else {
            return None;
        };
        let range = self.without_properties(self.lines.bytes(&self.nodes[node].span));
        let source = &self.text[range.clone()];
        let indent = self.nodes[node].span.start.col();
        let within = crate::scalar::source_range(source, indent, *style, decoded, bytes)?;
        Some(range.start + within.start..range.start + within.end)
    }

    /// The span to mark for a value: of a block map its first key, of a block list its first dash;
    /// nothing for an empty value.
    fn visible(&self, node: usize) -> Option<Span> {
        let span = self.nodes[node].span;
        match &self.nodes[node].kind {
            Kind::Map(entries) if span.is_empty() => entries.first().map(|e| e.span),
            Kind::List(items) if span.is_empty() => items.first().map(|_| first_character(span)),
            _ if span.is_empty() => None,
            _ => Some(span),
        }
    }

    /// The span's bytes without an anchor or tag before it and line ends behind it.
    fn trimmed(&self, span: &Span) -> Range<usize> {
        let range = self.without_properties(self.lines.bytes(span));
        let length = self.text[range.clone()].trim_end().len();
        range.start..range.start + length
    }

    fn without_properties(&self, mut range: Range<usize>) -> Range<usize> {
        while let Some(rest) = self.text[range.clone()].strip_prefix(['&', '!']) {
            let Some(end) = rest.find(char::is_whitespace) else {
                return range;
            };
            let behind = rest[end..].trim_start();
            range.start = range.end - behind.len();
        }
        range
    }
}

fn first_character(span: Span) -> Span {
    let start = span.start;
    let end = Marker::new(start.index() + 1, start.line(), start.col() + 1);
    Span::new(start, end)
}

/// Builds the nodes from events.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    anchors: HashMap<usize, usize>,
    open: Vec<Open>,
}

/// A list or map that has not ended.
struct Open {
    node: usize,
    /// In a map: the key whose value comes next.
    key: Option<(String, Span)>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let kind = Kind::Scalar {
                    decoded: text.into_owned(),
                    style,
                };
                self.value(kind, span, anchor);
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied().unwrap_or(0);
                self.value(Kind::Alias(target), span, 0);
            }
            Event::SequenceStart(anchor, _) => self.begin(Kind::List(Vec::new()), span, anchor),
            Event::MappingStart(anchor, _) => self.begin(Kind::Map(Vec::new()), span, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let node = &mut self.nodes[open.node];
                    if !node.span.is_empty() {
                        node.span.end = span.end;
                    }
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, kind: Kind, span: Span, anchor: usize) {
        let node = self.value(kind, span, anchor);
        self.open.push(Open { node, key: None });
    }

    /// Adds a node and tells the list or map that holds it.
    fn value(&mut self, kind: Kind, span: Span, anchor: usize) -> usize {
        let node = self.nodes.len();
        if anchor > 0 {
            self.anchors.insert(anchor, node);
        }
        if let Some(open) = self.open.last_mut() {
            match &mut self.nodes[open.node].kind {
                Kind::List(items) => items.push(node),
                Kind::Map(entries) => match open.key.take() {
                    Some((key, span)) => entries.push(Entry {
                        key,
                        span,
                        value: node,
                    }),
                    None => open.key = Some((key_text(&kind), span)),
                },
                Kind::Scalar { .. } | Kind::Alias(_) => {}
            }
        }
        self.nodes.push(Node { span, kind });
        node
    }
}

fn key_text(kind: &Kind) -> String {
    match kind {
        Kind::Scalar { decoded, .. } => decoded.clone(),
        _ => String::new(),
    }
}
