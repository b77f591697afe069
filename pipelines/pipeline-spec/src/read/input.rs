//! `inputs:` of a step: `step.port`, a list of these, or a resolver.

use std::collections::BTreeMap;

use component_api::artifact;
use component_api::span::{self, SpanPattern};
use serde_json::{Map, Value};

use super::Reader;
use super::pipeline::is_name;
use crate::at::At;
use crate::code::Code;
use crate::limits::SPANS_MAX;
use crate::spec::{Input, InputSource, OutputName, Port, is_identifier};
use crate::template::{Segment, has_expression, split};

/// The resolvers by their keys, with the keys that may stand beside each.
pub(crate) const RESOLVERS: &[(&str, &[&str])] = &[
    ("files", &["span"]),
    ("import", &["type"]),
    ("latest", &["pipeline"]),
    ("latest_spans", &["count"]),
    ("previous_span", &[]),
    ("latest_blessed", &[]),
    ("latest_pushed", &[]),
];

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

/// The keys of an input whose port is declared with it.
const PORT: &[&str] = &["from", "type", "optional", "many"];

pub(super) fn input(value: Value, at: &At<'_>, reader: &mut Reader) -> Input {
    match value {
        Value::Object(map) if map.contains_key("from") => declared(map, at, reader),
        value => sources(value, at, reader),
    }
}

/// `{ from: SOURCES, type, optional, many }`.
fn declared(mut map: Map<String, Value>, at: &At<'_>, reader: &mut Reader) -> Input {
    reader.known_keys(&map, PORT, at, "an input");
    let mut take = |key: &str| map.remove(key).filter(|value| !value.is_null());
    let (from, optional, many) = (take("from"), take("optional"), take("many"));
    let port = Port {
        type_name: take("type").and_then(|v| reader.literal(v, &at.key("type"))),
        optional: reader.boolean(optional, &at.key("optional"), false),
        many: many.map(|value| reader.boolean(Some(value), &at.key("many"), false)),
    };
    Input {
        port: Some(port),
        ..sources(from.unwrap_or_default(), &at.key("from"), reader)
    }
}

fn sources(value: Value, at: &At<'_>, reader: &mut Reader) -> Input {
    match value {
        Value::Array(items) => {
            let mut sources = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                sources.push(source(item, &at.item(index), reader));
            }
            Input {
                many: true,
                sources,
                port: None,
            }
        }
        one => {
            let source = source(one, at, reader);
            Input {
                many: matches!(source, Some(InputSource::LatestSpans { .. })),
                sources: vec![source],
                port: None,
            }
        }
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

/// A map with the key of one resolver, and the keys that belong to it.
fn resolver(mut map: Map<String, Value>, at: &At<'_>, reader: &mut Reader) -> Option<InputSource> {
    let keys: Vec<&str> = RESOLVERS
        .iter()
        .flat_map(|(name, own)| std::iter::once(name).chain(*own))
        .copied()
        .collect();
    reader.known_keys(&map, &keys, at, "an input");
    let mut given = RESOLVERS.iter().filter(|(name, _)| map.contains_key(*name));
    let found = given.next().copied();
    if let (Some((one, _)), Some((other, _))) = (found, given.next()) {
        let message = format!("an input has one of `{one}` and `{other}`, not both");
        reader.at_value(Code::InvalidInput, at, message, "");
        return None;
    }
    let own = found.map_or(&[][..], |(_, own)| own);
    for (name, keys) in RESOLVERS {
        for key in keys
            .iter()
            .filter(|key| map.contains_key(**key) && !own.contains(key))
        {
            let message = format!("`{key}` belongs to `{name}`, which this input has not");
            reader.at_key(Code::MisplacedKey, &at.key(key), message, "");
        }
    }
    let Some((name, _)) = found else {
        if map.is_empty() {
            let message = "this input says nothing".to_owned();
            reader.at_value(Code::InvalidInput, at, message, FORMS);
        }
        return None;
    };
    let value = map.remove(name)?;
    if name == "files" {
        return files_source(value, map.remove("span"), at, reader);
    }
    let at_value = at.key(name);
    match name {
        "import" => import(value, map.remove("type"), at, reader),
        "latest" => latest(value, map.remove("pipeline"), at, reader),
        "latest_spans" => latest_spans(value, map.remove("count"), at, reader),
        "previous_span" => named_output(value, &at_value, reader).map(InputSource::PreviousSpan),
        "latest_pushed" => model_name(value, &at_value, reader).map(InputSource::LatestPushed),
        _ => model_name(value, &at_value, reader).map(InputSource::LatestBlessed),
    }
}

/// `{ import: URI, type: T }`.
fn import(
    uri: Value,
    type_name: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<InputSource> {
    let at_uri = at.key("import");
    let uri = reader.literal(uri, &at_uri);
    let uri = uri.filter(|uri| {
        let wrong = match uri.split_once("://") {
            _ if uri.is_empty() || uri.contains('\0') => {
                Some("a path is not empty and holds no NUL character".to_owned())
            }
            Some(("file", path)) if path.starts_with('/') => None,
            Some(("file", _)) => Some("the address of a file has three slashes: file:///".into()),
            Some((scheme, _)) => Some(format!("nothing is imported from `{scheme}://`")),
            None => None,
        };
        let hint = "a path, or `file:///PATH`; fetch what lies elsewhere in a step with `run:`";
        if let Some(message) = &wrong {
            reader.at_value(Code::InvalidInput, &at_uri, message.clone(), hint);
        }
        wrong.is_none()
    });
    let Some(type_name) = type_name else {
        let message = "the import has no type".to_owned();
        let hint = "`{ import: PATH, type: Examples }`; any file or folder is an `Artifact`";
        reader.at_key(Code::MissingKey, &at.key("type"), message, hint);
        return None;
    };
    let at_type = at.key("type");
    let type_name = super::step::type_name(type_name, &at_type, reader)?;
    if artifact::find(&type_name).is_none_or(|found| found.name == "Files") {
        let message = format!("nothing can be imported as `{type_name}`");
        let hint =
            "an import is an artifact, such as `Examples` or `Model`; files are `{ files: GLOB }`";
        reader.at_value(Code::TypeMismatch, &at_type, message, hint);
        return None;
    }
    Some(InputSource::Import {
        uri: uri?,
        type_name,
    })
}

/// `{ latest: step.port, pipeline: NAME }`.
fn latest(
    value: Value,
    pipeline: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<InputSource> {
    let output = named_output(value, &at.key("latest"), reader);
    let at_pipeline = at.key("pipeline");
    let pipeline = match pipeline.filter(|v| !v.is_null()) {
        None => None,
        Some(name) => {
            let name = reader.literal(name, &at_pipeline)?;
            if !is_name(&name) {
                let message = format!("`{}` cannot be a pipeline's name", name.escape_debug());
                reader.at_value(Code::InvalidName, &at_pipeline, message, "");
                return None;
            }
            Some(name)
        }
    };
    Some(InputSource::Latest {
        output: output?,
        pipeline,
    })
}

/// `{ latest_spans: step.port, count: N }`.
fn latest_spans(
    value: Value,
    count: Option<Value>,
    at: &At<'_>,
    reader: &mut Reader,
) -> Option<InputSource> {
    let output = named_output(value, &at.key("latest_spans"), reader);
    let Some(count) = count else {
        let message = "`latest_spans` does not say how many".to_owned();
        let hint = "`{ latest_spans: step.port, count: 4 }`";
        reader.at_key(Code::MissingKey, &at.key("count"), message, hint);
        return None;
    };
    let number = count.as_u64().and_then(|count| usize::try_from(count).ok());
    let number = number.filter(|count| (1..=SPANS_MAX).contains(count));
    if number.is_none() {
        let message = format!("expected a number of spans from 1 to {SPANS_MAX}, found {count}");
        reader.at_value(Code::WrongType, &at.key("count"), message, "");
    }
    Some(InputSource::LatestSpans {
        output: output?,
        count: number?,
    })
}

/// `step.port` as the value of a resolver.
fn named_output(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<OutputName> {
    let text = reader.literal(value, at)?;
    let parts = text.split_once('.');
    if let Some((step, port)) = parts.filter(|(s, p)| is_identifier(s) && is_identifier(p)) {
        return Some(OutputName {
            step: step.to_owned(),
            port: port.to_owned(),
        });
    }
    let message = format!("`{text}` is not in the form `step.port`");
    reader.at_value(Code::InvalidInput, at, message, "");
    None
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

fn model_name(value: Value, at: &At<'_>, reader: &mut Reader) -> Option<String> {
    let model = reader.literal(value, at)?;
    if !is_name(&model) {
        let message = format!("`{}` cannot be a model's name", model.escape_debug());
        reader.at_value(Code::InvalidName, at, message, "");
        return None;
    }
    Some(model)
}
