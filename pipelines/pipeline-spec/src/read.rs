//! From the tree of values to a [`crate::PipelineSpec`], past everything that is wrong.
//!
//! A value of a wrong form is told of and left out; what stands beside it is read all the same. Names
//! are not looked up here: the compiler knows steps and components.

pub(crate) mod approve;
mod component;
pub(crate) mod defaults;
mod foreach;
mod given;
pub(crate) mod input;
pub(crate) mod params;
pub(crate) mod pipeline;
pub(crate) mod policy;
pub(crate) mod resources;
mod shell;
pub(crate) mod step;

pub(crate) use component::component;
pub(crate) use given::given_params;
pub(crate) use pipeline::pipeline;

use serde_json::{Map, Value};

use crate::at::At;
use crate::code::Code;
use crate::diagnostic::{Collector, Diagnostic, Part};
use crate::index::Index;
use crate::nearest::{did_you_mean, nearest};
use crate::spec::is_identifier;
use crate::template::has_expression;

/// The maps of the language by what they are called in messages, each with the keys that it may have.
/// A test holds `docs/pipeline-language.md` against them.
pub const MAPS: &[(&str, &[&str])] = &[
    ("a pipeline", pipeline::KEYS),
    ("a step", step::KEYS),
    ("an output", &["type", "optional"]),
    (
        "an input",
        &[
            "files",
            "span",
            "import",
            "type",
            "latest",
            "pipeline",
            "latest_spans",
            "count",
            "previous_span",
            "latest_blessed",
            "latest_pushed",
            "from",
            "optional",
            "many",
        ],
    ),
    ("`approve`", approve::KEYS),
    ("a parameter", params::KEYS),
    ("`defaults`", policy::KEYS),
    ("`defaults`", defaults::KEYS),
    ("`retry`", policy::RETRY_KEYS),
    ("`cache`", &["key"]),
    ("`resources`", resources::RESOURCES),
    ("`concurrency`", resources::CONCURRENCY),
    ("a component", component::KEYS),
    ("an artifact type", &["base", "files"]),
    ("a port", &["type", "optional", "many", "description"]),
];

/// Collects what is wrong while values are read.
pub(crate) struct Reader {
    collector: Collector,
    /// Pointers of numbers and booleans that were read as text, and the text that they became.
    respelled: Vec<(String, String)>,
}

impl Reader {
    pub(crate) fn new(collector: Collector) -> Self {
        Self {
            collector,
            respelled: Vec::new(),
        }
    }

    pub(crate) fn into_collector(self) -> Collector {
        self.collector
    }

    /// Refuses values that became another text than what was written: `3.10` is the number 3.1.
    pub(crate) fn check_respelled(&mut self, text: &str) {
        if self.respelled.is_empty() {
            return;
        }
        let index = Index::build(text);
        for (pointer, text) in std::mem::take(&mut self.respelled) {
            let Some(written) = index.written(&pointer).filter(|w| *w != text) else {
                continue;
            };
            let message = format!("text is wanted here, but YAML reads `{written}` as {text}");
            self.collector.push(
                Diagnostic::error(Code::AmbiguousText, pointer, message)
                    .hint(format!("put quotes around it: \"{written}\"")),
            );
        }
    }

    fn error(&mut self, code: Code, at: &At<'_>, part: Part, message: String, hint: String) {
        let mut found = Diagnostic::error(code, at.pointer(), message).hint(hint);
        found.place.part = part;
        self.collector.push(found);
    }

    fn at_value(&mut self, code: Code, at: &At<'_>, message: String, hint: impl Into<String>) {
        self.error(code, at, Part::Value, message, hint.into());
    }

    fn at_key(&mut self, code: Code, at: &At<'_>, message: String, hint: impl Into<String>) {
        self.error(code, at, Part::Key, message, hint.into());
    }

    fn wrong_type(&mut self, at: &At<'_>, wanted: &str, found: &Value) {
        let message = format!("expected {wanted}, found {}", kind(found));
        self.at_value(Code::WrongType, at, message, "");
    }

    /// A map; an absent or empty value is an empty map.
    fn map(&mut self, value: Option<Value>, at: &At<'_>, wanted: &str) -> Map<String, Value> {
        match value {
            Some(Value::Object(map)) => map,
            None | Some(Value::Null) => Map::new(),
            Some(other) => {
                self.wrong_type(at, wanted, &other);
                Map::new()
            }
        }
    }

    /// Tells of the keys that are not `known`. Gives those of the known ones that were probably
    /// meant, so that nobody is told that they are missing too.
    fn known_keys<'k>(
        &mut self,
        map: &Map<String, Value>,
        known: &[&'k str],
        at: &At<'_>,
        what: &str,
    ) -> Vec<&'k str> {
        let mut meant = Vec::new();
        for key in map.keys().filter(|k| !known.contains(&k.as_str())) {
            meant.extend(nearest(key, known.iter().copied()));
            let hint = did_you_mean(key, known.iter().copied());
            let message = format!("{what} has no key `{key}`");
            self.at_key(Code::UnknownKey, &at.key(key), message, hint);
        }
        meant
    }

    /// The names of a map's entries as identifiers; entries of other names are left out.
    fn named(
        &mut self,
        map: Map<String, Value>,
        at: &At<'_>,
        what: &str,
    ) -> impl Iterator<Item = (String, Value)> + use<> {
        let mut entries = Vec::with_capacity(map.len());
        for (name, value) in map {
            if is_identifier(&name) {
                entries.push((name, value));
            } else {
                self.invalid_name(&at.key(&name), Part::Key, &name, what);
            }
        }
        entries.into_iter()
    }

    fn invalid_name(&mut self, at: &At<'_>, part: Part, name: &str, what: &str) {
        let message = format!("`{name}` cannot be the name of {what}");
        let hint = "a letter or `_`, then letters, digits, `_` and `-`; at most 63 characters";
        self.error(Code::InvalidName, at, part, message, hint.to_owned());
    }

    /// Text that may hold expressions; a number or boolean is read as the text that was written.
    fn text(&mut self, value: Value, at: &At<'_>) -> Option<String> {
        match value {
            Value::String(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => {
                let text = value.to_string();
                self.respelled.push((at.pointer(), text.clone()));
                Some(text)
            }
            other => {
                self.wrong_type(at, "text", &other);
                None
            }
        }
    }

    /// Text in which no expression is evaluated.
    fn literal(&mut self, value: Value, at: &At<'_>) -> Option<String> {
        let text = self.text(value, at)?;
        if !has_expression(&text) {
            return Some(text);
        }
        let message = "no expression is evaluated here".to_owned();
        let hint = "expressions may stand in `with:`, in `env:` and in the list form of `run:`";
        self.at_value(Code::ExpressionMisplaced, at, message, hint);
        None
    }

    /// Optional literal text; empty if absent.
    fn literal_or_empty(&mut self, value: Option<Value>, at: &At<'_>) -> String {
        value
            .filter(|v| !v.is_null())
            .and_then(|v| self.literal(v, at))
            .unwrap_or_default()
    }

    /// One literal text, or a list of them.
    fn literals(&mut self, value: Value, at: &At<'_>, wanted: &str) -> Vec<String> {
        match value {
            Value::Array(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    texts.extend(self.literal(item, &at.item(index)));
                }
                texts
            }
            value @ Value::String(_) => self.literal(value, at).into_iter().collect(),
            other => {
                self.wrong_type(at, wanted, &other);
                Vec::new()
            }
        }
    }

    /// `true` or `false`; the fallback if absent or something else.
    fn boolean(&mut self, value: Option<Value>, at: &At<'_>, fallback: bool) -> bool {
        match value {
            Some(Value::Bool(value)) => value,
            None | Some(Value::Null) => fallback,
            Some(other) => {
                self.wrong_type(at, "true or false", &other);
                fallback
            }
        }
    }
}

/// What a value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
