//! `inputs:` of a step: `step.port`, a list of these, or a resolver.

use std::collections::BTreeMap;

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
    reader.known_keys(&map, RESOLVERS, at, "an input");
    let files = map.remove("files");
    let blessed = map.remove("latest_blessed");
    match (files, blessed) {
        (Some(globs), None) => files_source(globs, &at.key("files"), reader),
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

fn files_source(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<InputSource> {
    if value.as_array().is_some_and(Vec::is_empty) {
        let message = "the list of files is empty".to_owned();
        reader.at_value(Code::WrongType, at, message, "");
    }
    let globs = super::step::globs(value, at, reader);
    (!globs.is_empty()).then_some(InputSource::Files(globs))
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
