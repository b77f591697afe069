//! `inputs:` of a step: `step.port`, a list of these, or a resolver.

use std::collections::BTreeMap;

use component_api::span::{self, SpanPattern};
use serde_json::{Map, Value};

use super::Reader;
use super::pipeline::is_name;
use crate::at::At;
use crate::code::Code;
use crate::spec::{Input, InputSource, is_identifier};
use crate::template::{Segment, has_expression, split};

/// The resolvers; each has a key of its own.
const RESOLVERS: &[&str] = &["files", "latest_blessed"];

const FORMS: &str =
    "an input is `step.port`, `{ files: GLOB }`, `{ latest_blessed: MODEL }`, or a list of these";

pub(super) fn inputs(
    value: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> BTreeMap<String, Input> {
    let map = reader.map(value, at, "a map of inputs");
    let mut inputs = BTreeMap::new();
    for (port, value) in reader.named(map, at, "an input") {
        let input = input(value, &at.key(&port), reader);
        inputs.insert(port, input);
    }
    inputs
}

fn input(value: Value, at: &At<'_>, reader: &mut Reader) -> Input {
    match value {
        Value::Array(items) => {
            let mut sources = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                sources.push(source(item, &at.item(index), reader));
            }
            Input {
                many: true,
                sources,
            }
        }
        one => Input {
            many: false,
            sources: vec![source(one, at, reader)],
        },
    }
}

fn source(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<InputSource> {
    match value {
        Value::String(text) => output(&text, at, reader),
        Value::Object(map) => resolver(map, at, reader),
        other => {
            let message = format!("expected an input, found {}", super::kind(&other));
            reader.at_value(Code::InvalidInput, at, message, FORMS);
            None
        }
    }
}

/// `step.port`.
fn output(text: &str, at: &At<'_>, reader: &mut Reader) -> Option<InputSource> {
    if has_expression(text) {
        let message = "no expression is evaluated in an input".to_owned();
        let hint = plain_form(text).unwrap_or_else(|| FORMS.to_owned());
        reader.at_value(Code::ExpressionMisplaced, at, message, hint);
        return None;
    }
    let parts = text.split_once('.');
    if let Some((step, port)) = parts.filter(|(s, p)| is_identifier(s) && is_identifier(p)) {
        return Some(InputSource::Output {
            step: step.to_owned(),
            port: port.to_owned(),
        });
    }
    let message = format!("`{text}` is not in the form `step.port`");
    let hint = if is_identifier(text) {
        format!("name the output too, as in `{text}.model`; files are `{{ files: {text} }}`")
    } else if text.contains(['/', '*']) || text.contains('.') {
        format!("for files write `{{ files: \"{text}\" }}`")
    } else {
        FORMS.to_owned()
    };
    reader.at_value(Code::InvalidInput, at, message, hint);
    None
}

/// `${{ steps.a.outputs.b }}` as an input is `a.b`.
fn plain_form(text: &str) -> Option<String> {
    let segments = split(text).ok()?;
    let [Segment::Expression(range)] = segments.as_slice() else {
        return None;
    };
    let path = text[range.clone()].trim().strip_prefix("steps.")?;
    let (step, port) = path.split_once(".outputs.")?;
    Some(format!("write `{step}.{port}`"))
}

/// A map with the key of one resolver.
fn resolver(mut map: Map<String, Value>, at: &At<'_>, reader: &mut Reader) -> Option<InputSource> {
    let span = map.remove("span");
    reader.known_keys(&map, RESOLVERS, at, "an input");
    let files = map.remove("files");
    if let (Some(_), None) = (&span, &files) {
        let message = "`span` pins one for `files`, and this input has none".to_owned();
        reader.at_key(Code::MisplacedKey, &at.key("span"), message, "");
    }
    let blessed = map.remove("latest_blessed");
    match (files, blessed) {
        (Some(globs), None) => files_source(globs, span, at, reader),
        (None, Some(model)) => blessed_source(model, &at.key("latest_blessed"), reader),
        (None, None) => {
            if map.is_empty() {
                let message = "this input says nothing".to_owned();
                reader.at_value(Code::InvalidInput, at, message, FORMS);
            }
            None
        }
        (Some(_), Some(_)) => {
            let message = "an input has one of `files` and `latest_blessed`, not both".to_owned();
            reader.at_value(Code::InvalidInput, at, message, "");
            None
        }
    }
}

fn files_source(
    value: Value,
    span: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<InputSource> {
    let (at, at_span) = (&at.key("files"), &at.key("span"));
    if value.as_array().is_some_and(Vec::is_empty) {
        let message = "the list of files is empty".to_owned();
        reader.at_value(Code::WrongType, at, message, "");
    }
    let globs = super::step::globs(value, at, reader, |glob| {
        let message = SpanPattern::parse(glob).err()?;
        let hint = "`{SPAN}` or `{YYYY}{MM}{DD}`, and with it `{VERSION}`, each once in a path";
        Some((format!("`{glob}`: {message}"), hint))
    });
    let patterns = globs
        .iter()
        .filter_map(|glob| SpanPattern::parse(glob).ok());
    let patterns: Vec<SpanPattern> = patterns.flatten().collect();
    let span = span.filter(|v| !v.is_null());
    let span = span.and_then(|value| pinned(&value, &patterns, at_span, reader));
    (!globs.is_empty()).then_some(InputSource::Files { globs, span })
}

/// `span:`, a number, or a day where the paths hold dates.
fn pinned(
    value: &Value,
    patterns: &[SpanPattern],
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<i64> {
    if patterns.is_empty() {
        let message = "there is no `{SPAN}` and no date in these paths".to_owned();
        let hint = "write `files: \"data/span-{SPAN}/*.csv\"`, or remove `span`";
        reader.at_key(Code::InvalidInput, at, message, hint);
        return None;
    }
    let day = || value.as_str().and_then(span::day_of);
    let is_dated = patterns.iter().all(SpanPattern::is_dated);
    let span = value.as_i64().or_else(|| is_dated.then(day).flatten());
    if span.is_none() {
        let message = format!("expected the number of a span, found {value}");
        let hint = if is_dated {
            "a day is written as `2026-03-01`, or as the number of days since 1970-01-01"
        } else {
            ""
        };
        reader.at_value(Code::InvalidInput, at, message, hint);
    }
    span
}

fn blessed_source(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<InputSource> {
    let model = reader.literal(value, at)?;
    if !is_name(&model) {
        let message = format!("`{}` cannot be a model's name", model.escape_debug());
        reader.at_value(Code::InvalidName, at, message, "");
        return None;
    }
    Some(InputSource::LatestBlessed(model))
}
