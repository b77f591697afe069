//! Changing a schema's YAML where it has to change, and nowhere else: comments, order and style stay.
//!
//! Every node's place in the text is known from the parser's events; a change becomes a cut or an
//! insertion there. Whether the text then says what it should is checked by whoever asked for it
//! ([`super::accept`]), because YAML has more ways to write a thing than are handled here.

use saphyr_parser::{Event, Parser};
use serde_yaml::Value;

use super::change::{Change, Edit, Step, flow};

/// A node with the bytes that it takes in the text.
#[derive(Debug)]
struct Node {
    start: usize,
    end: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Scalar(String),
    Map(Vec<(Node, Node)>),
    List(Vec<Node>),
    Alias,
}

/// A part of the text that is replaced.
struct Cut {
    start: usize,
    end: usize,
    text: String,
}

/// The text with the changes in it, or where a change has no place.
pub(super) fn apply(text: &str, changes: &[Change]) -> Result<String, String> {
    let root = read(text)?;
    let mut cuts = Vec::with_capacity(changes.len());
    for change in changes {
        cuts.push(cut(text, &root, change).ok_or_else(|| format!("no place for `{change}`"))?);
    }
    // From the end on, so that the places before stay; of two insertions at one place the first stays first.
    cuts.sort_by_key(|cut| cut.start);
    let mut edited = text.to_owned();
    if !edited.ends_with('\n') {
        edited.push('\n');
    }
    for cut in cuts.iter().rev() {
        edited.replace_range(cut.start..cut.end, &cut.text);
    }
    Ok(edited)
}

fn read(text: &str) -> Result<Node, String> {
    let bytes: Vec<usize> = text
        .char_indices()
        .map(|(byte, _)| byte)
        .chain([text.len()])
        .collect();
    let byte = |index: usize| bytes.get(index).copied().unwrap_or(text.len());
    let mut open: Vec<(usize, bool, Vec<Node>)> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let (start, end) = (byte(span.start.index()), byte(span.end.index()));
        let done = match event {
            Event::MappingStart(..) => {
                open.push((start, true, Vec::new()));
                continue;
            }
            Event::SequenceStart(..) => {
                open.push((start, false, Vec::new()));
                continue;
            }
            Event::Scalar(value, ..) => Node {
                start,
                end,
                kind: Kind::Scalar(value.into_owned()),
            },
            Event::Alias(_) => Node {
                start,
                end,
                kind: Kind::Alias,
            },
            Event::MappingEnd | Event::SequenceEnd => {
                let Some((start, is_map, children)) = open.pop() else {
                    return Err("an end without a start".to_owned());
                };
                let last = children.last().map(|child| child.end);
                // The parser's ends lie where the next token begins: behind comments and line ends.
                let end = match text.as_bytes().get(start) {
                    Some(b'{' | b'[') => closing(text, last.unwrap_or(start + 1)),
                    _ => last.unwrap_or(end),
                };
                Node {
                    start,
                    end,
                    kind: if is_map {
                        Kind::Map(pairs(children))
                    } else {
                        Kind::List(children)
                    },
                }
            }
            _ => continue,
        };
        match open.last_mut() {
            Some((_, _, children)) => children.push(done),
            None => root = Some(done),
        }
    }
    root.ok_or_else(|| "the file is empty".to_owned())
}

/// Behind the bracket that closes a flow whose last entry ends here.
fn closing(text: &str, from: usize) -> usize {
    let mut in_comment = false;
    for (offset, byte) in text.as_bytes()[from..].iter().enumerate() {
        match byte {
            b'\n' => in_comment = false,
            b'#' => in_comment = true,
            b'}' | b']' if !in_comment => return from + offset + 1,
            _ => {}
        }
    }
    text.len()
}

fn pairs(children: Vec<Node>) -> Vec<(Node, Node)> {
    let mut children = children.into_iter();
    let mut pairs = Vec::new();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        pairs.push((key, value));
    }
    pairs
}

impl Node {
    fn is_flow(&self, text: &str) -> bool {
        matches!(text.as_bytes().get(self.start), Some(b'{' | b'['))
    }

    fn pair(&self, key: &str) -> Option<usize> {
        let Kind::Map(pairs) = &self.kind else {
            return None;
        };
        let is =
            |(found, _): &(Node, Node)| matches!(&found.kind, Kind::Scalar(text) if text == key);
        pairs.iter().position(is)
    }

    fn entry(&self, name: &str) -> Option<usize> {
        let Kind::List(entries) = &self.kind else {
            return None;
        };
        let named = |entry: &Node| {
            let Kind::Map(pairs) = &entry.kind else {
                return false;
            };
            let value = entry.pair("name").map(|index| &pairs[index].1.kind);
            matches!(value, Some(Kind::Scalar(text)) if text == name)
        };
        entries.iter().position(named)
    }

    fn child(&self, step: &Step) -> Option<&Node> {
        match (&self.kind, step) {
            (Kind::Map(pairs), Step::Field(key)) => Some(&pairs[self.pair(key)?].1),
            (Kind::List(entries), Step::Named(name)) => Some(&entries[self.entry(name)?]),
            _ => None,
        }
    }
}

fn cut(text: &str, root: &Node, change: &Change) -> Option<Cut> {
    let find = |steps: &[Step]| steps.iter().try_fold(root, |node, step| node.child(step));
    let (last, before) = change.place.split_last()?;
    match &change.edit {
        Edit::Replace(_, new) => {
            let node = find(&change.place)?;
            Some(Cut {
                start: node.start,
                end: node.end,
                text: flow(new),
            })
        }
        Edit::Add(value) => {
            let Step::Field(key) = last else { return None };
            add(text, find(before)?, key, value)
        }
        Edit::Append(values) => match find(&change.place) {
            Some(list) => append(text, list, values),
            // The list was not written, because it was empty.
            None => match last {
                Step::Field(key) => add(text, find(before)?, key, &Value::Sequence(values.clone())),
                Step::Named(_) => None,
            },
        },
        Edit::Remove(_) => remove(text, find(before)?, last),
    }
}

/// The column of a byte in its line.
fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line after the one that a node ends in begins.
fn next_line(text: &str, end: usize) -> usize {
    let end = text[..end].trim_end().len();
    text[end..]
        .find('\n')
        .map_or(text.len() + 1, |newline| end + newline + 1)
}

/// Lines of block style, each after so many blanks.
fn indent(lines: &str, blanks: usize, first: &str) -> String {
    let mut out = String::new();
    for (index, line) in lines.lines().enumerate() {
        out.push_str(&" ".repeat(blanks));
        out.push_str(if index == 0 || first.is_empty() {
            first
        } else {
            "  "
        });
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn add(text: &str, map: &Node, key: &str, value: &Value) -> Option<Cut> {
    let Kind::Map(pairs) = &map.kind else {
        return None;
    };
    if map.is_flow(text) {
        return Some(into_flow(
            text,
            map,
            pairs.is_empty(),
            &format!("{key}: {}", flow(value)),
        ));
    }
    let at = next_line(text, map.end);
    let one = Value::Mapping([(Value::from(key), value.clone())].into_iter().collect());
    let lines = serde_yaml::to_string(&one).ok()?;
    Some(Cut {
        start: at,
        end: at,
        text: indent(&lines, column(text, map.start), ""),
    })
}

fn append(text: &str, list: &Node, values: &[Value]) -> Option<Cut> {
    let Kind::List(entries) = &list.kind else {
        return None;
    };
    if list.is_flow(text) {
        let texts: Vec<String> = values.iter().map(flow).collect();
        return Some(into_flow(text, list, entries.is_empty(), &texts.join(", ")));
    }
    let dash = text[..entries.last()?.start].rfind('-')?;
    let mut lines = String::new();
    for value in values {
        let one = match value {
            Value::Mapping(_) => serde_yaml::to_string(value).ok()?,
            other => flow(other),
        };
        lines.push_str(&indent(&one, column(text, dash), "- "));
    }
    let at = next_line(text, list.end);
    Some(Cut {
        start: at,
        end: at,
        text: lines,
    })
}

/// Before the closing bracket.
fn into_flow(text: &str, node: &Node, is_empty: bool, added: &str) -> Cut {
    let close = node.end - 1;
    let start = text[..close].trim_end().len();
    let comma = if is_empty { "" } else { ", " };
    // A comma after the last entry is allowed, and stays alone.
    let comma = if text[..start].ends_with(',') {
        " "
    } else {
        comma
    };
    Cut {
        start,
        end: start,
        text: format!("{comma}{added}"),
    }
}

fn remove(text: &str, parent: &Node, step: &Step) -> Option<Cut> {
    let (spans, index): (Vec<(usize, usize)>, usize) = match (&parent.kind, step) {
        (Kind::Map(pairs), Step::Field(key)) => (
            pairs
                .iter()
                .map(|(key, value)| (key.start, value.end))
                .collect(),
            parent.pair(key)?,
        ),
        (Kind::List(entries), Step::Named(name)) => (
            entries
                .iter()
                .map(|entry| (entry.start, entry.end))
                .collect(),
            parent.entry(name)?,
        ),
        _ => return None,
    };
    let (start, end) = spans[index];
    let nothing = |start, end| {
        Some(Cut {
            start,
            end,
            text: String::new(),
        })
    };
    if spans.len() == 1 {
        // An empty block is written as a flow, which the parent's field can hold.
        let empty = if matches!(parent.kind, Kind::Map(_)) {
            " {}"
        } else {
            " []"
        };
        return Some(Cut {
            start: parent.start,
            end: parent.end,
            text: empty.trim_start().to_owned(),
        });
    }
    if parent.is_flow(text) {
        return match spans.get(index + 1) {
            Some(next) => nothing(start, next.0),
            None => nothing(spans[index - 1].1, end),
        };
    }
    let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let is_field = matches!(parent.kind, Kind::Map(_));
    if is_field && !text[line..start].trim().is_empty() {
        // The first field of a list's entry stands behind the dash, where the next one moves.
        return nothing(start, spans.get(index + 1)?.0);
    }
    nothing(line, next_line(text, end).min(text.len()))
}
