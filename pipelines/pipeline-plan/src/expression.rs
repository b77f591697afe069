//! Expressions: `${{ ... }}` in texts, in Jinja's syntax.
//!
//! Pure: what the names stand for is handed in as a [`Scope`]. Only expressions are known, no
//! statements; nothing that is undefined becomes text; each evaluation is bounded.

mod canonical;
mod check;
mod engine;
mod names;
mod path;
mod secrets;
mod syntax;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use pipeline_spec::template::{CLOSE, OPEN, Segment, Unclosed, has_expression, split};
use serde_json::Value;

pub(crate) use canonical::normal;
pub(crate) use check::{Checked, Known, PortType, Reference, check_text};
pub use secrets::{
    Revealed, resolve_but_secrets, reveal, secret_names, secrets_of, secrets_of_node,
};
pub(crate) use types::with_article;

use crate::plan::Plan;

/// What the names in a step's expressions stand for.
pub struct Scope<'a> {
    /// The run's parameters.
    pub params: &'a BTreeMap<String, Value>,
    /// An ended step as `{"state": "...", "outputs": {port: value}}`; asked only for steps that the
    /// expression names, by their id as in the plan. An artifact is an object: its properties, and
    /// `uri`, `digest`, `name`, `type`.
    pub step: &'a dyn Fn(&str) -> Option<Value>,
    /// `inputs`, `run`, `trigger`, `env`: objects by name.
    pub values: &'a BTreeMap<String, Value>,
}

/// An expression that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{OPEN} {expression} {CLOSE}` {message}")]
pub struct ExpressionError {
    /// What stands between the delimiters.
    pub expression: String,
    /// Why it has none, as the rest of a sentence that begins with the expression.
    pub message: String,
    /// What to do about it, or empty.
    pub hint: String,
}

/// A text with the value of each of its expressions in its place.
///
/// ```
/// use std::collections::BTreeMap;
/// use pipeline_plan::expression::{Scope, resolve_text};
/// let params = BTreeMap::from([("auc".to_owned(), 0.75.into())]);
/// let scope = Scope { params: &params, step: &|_| None, values: &BTreeMap::new() };
/// assert_eq!(resolve_text("at least ${{ params.auc }}", &scope).unwrap(), "at least 0.75");
/// ```
pub fn resolve_text(text: &str, scope: &Scope<'_>) -> Result<String, ExpressionError> {
    if !has_expression(text) {
        return Ok(text.to_owned());
    }
    let mut resolved = String::with_capacity(text.len());
    for segment in split(text).map_err(|u| unclosed(text, &u))? {
        match segment {
            Segment::Literal(range) => resolved.push_str(&text[range]),
            Segment::Expression(range) => {
                let source = &text[range];
                let value = engine::evaluate(source, scope)?;
                if value.is_null() {
                    return Err(nothing(source));
                }
                resolved.push_str(&component_api::contract::value_text(&value));
            }
        }
    }
    Ok(resolved)
}

/// A value with its expressions resolved, inside lists and maps too. A text that is one whole
/// expression becomes that expression's value, of its own type.
pub fn resolve_value(value: &Value, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    match value {
        Value::String(text) => match whole(text) {
            Some(source) => engine::evaluate(source, scope),
            None => resolve_text(text, scope).map(Value::String),
        },
        Value::Array(items) => items
            .iter()
            .map(|item| resolve_value(item, scope))
            .collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, item)| Ok((key.clone(), resolve_value(item, scope)?)))
            .collect(),
        other => Ok(other.clone()),
    }
}

/// The variables of the client's environment that a plan's expressions name: `${{ env.NAME }}`.
pub fn environment_names(plan: &Plan) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for node in &plan.nodes {
        let texts = node.action.texts().iter();
        let condition = node.condition.iter().map(|condition| &condition.expression);
        let texts = texts.chain(node.env.values()).chain(condition);
        for text in texts.chain(&node.cache_key) {
            add_names(text, &mut names);
        }
        for value in node
            .params
            .values()
            .chain(node.foreach.iter().map(|f| &f.items))
        {
            add_names_of_value(value, &mut names);
        }
    }
    names
}

fn add_names_of_value(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => add_names(text, names),
        Value::Array(items) => items.iter().for_each(|v| add_names_of_value(v, names)),
        Value::Object(map) => map.values().for_each(|v| add_names_of_value(v, names)),
        _ => {}
    }
}

fn add_names(text: &str, names: &mut BTreeSet<String>) {
    if !has_expression(text) {
        return;
    }
    for segment in split(text).unwrap_or_default() {
        if let Segment::Expression(range) = segment {
            for named in path::all_in(&text[range]) {
                if named.root == "env" {
                    names.extend(named.segments.into_iter().next().map(|s| s.name));
                }
            }
        }
    }
}

/// The source of a text that is one expression and nothing else.
fn whole(text: &str) -> Option<&str> {
    if !text.starts_with(OPEN) {
        return None;
    }
    match split(text).ok()?.as_slice() {
        [Segment::Expression(range)] => Some(&text[range.clone()]),
        _ => None,
    }
}

fn unclosed(text: &str, unclosed: &Unclosed) -> ExpressionError {
    let source = text[unclosed.bytes.clone()].trim_start_matches(OPEN);
    ExpressionError {
        expression: source.trim().to_owned(),
        message: "is never closed".to_owned(),
        hint: format!("add `{CLOSE}`"),
    }
}

fn nothing(source: &str) -> ExpressionError {
    ExpressionError {
        expression: source.trim().to_owned(),
        message: "is null, which cannot become text".to_owned(),
        hint: "give another value for that case: `| default(\"...\", true)`".to_owned(),
    }
}
