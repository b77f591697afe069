//! Expressions that speak of secrets: they stay as they are until an attempt is launched.
//!
//! A text with such an expression is resolved twice. First everything else gets its value, for the
//! record and the reuse key; then, in memory alone, the secrets get theirs. What a value of the first
//! time happens to hold is no expression the second time.

use std::collections::{BTreeMap, BTreeSet};

use component_api::contract::value_text;
use pipeline_spec::template::{CLOSE, OPEN, Segment, split};
use serde_json::{Value, json};

use super::{ExpressionError, Scope, engine, path, resolve_text, unclosed};
use crate::plan::{Node, Plan};

/// The name that expressions speak of secrets by.
pub(super) const ROOT: &str = "secrets";

/// A text with the secrets in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed {
    /// The text.
    pub text: String,
    /// What each expression that speaks of a secret gave.
    pub parts: Vec<String>,
}

/// The names of the secrets that a step's variables speak of.
pub fn secrets_of_node(node: &Node) -> BTreeSet<String> {
    node.env
        .values()
        .flat_map(|text| secrets_of(text))
        .collect()
}

/// The names of the secrets that a plan speaks of.
pub fn secret_names(plan: &Plan) -> BTreeSet<String> {
    plan.nodes.iter().flat_map(secrets_of_node).collect()
}

/// The names of the secrets that a text speaks of.
pub fn secrets_of(text: &str) -> BTreeSet<String> {
    let segments = split(text).unwrap_or_default().into_iter();
    let expressions = segments.filter_map(|segment| match segment {
        Segment::Expression(range) => Some(&text[range]),
        Segment::Literal(_) => None,
    });
    let paths = expressions.flat_map(path::all_in);
    let paths = paths.filter(|path| path.root == ROOT);
    paths
        .filter_map(|path| path.segments.into_iter().next().map(|first| first.name))
        .collect()
}

/// A text with the value of each of its expressions in its place, but for those that speak of secrets.
pub fn resolve_but_secrets(text: &str, scope: &Scope<'_>) -> Result<String, ExpressionError> {
    if secrets_of(text).is_empty() {
        return resolve_text(text, scope);
    }
    let mut resolved = String::with_capacity(text.len());
    for segment in split(text).map_err(|u| unclosed(text, &u))? {
        match segment {
            Segment::Literal(range) => resolved.push_str(&text[range]),
            Segment::Expression(range) if speaks_of_secrets(&text[range.clone()]) => {
                resolved.extend([OPEN, &text[range], CLOSE]);
            }
            Segment::Expression(range) => {
                let whole = format!("{OPEN}{}{CLOSE}", &text[range]);
                let value = resolve_text(&whole, scope)?;
                // What looks like an expression in a value is text.
                resolved.push_str(&value.replace(OPEN, &format!("{OPEN} \"{OPEN}\" {CLOSE}")));
            }
        }
    }
    Ok(resolved)
}

/// A text that was resolved but for its secrets, with these secrets.
pub fn reveal(text: &str, secrets: &BTreeMap<String, String>) -> Result<Revealed, ExpressionError> {
    let values = BTreeMap::from([(ROOT.to_owned(), json!(secrets))]);
    let scope = Scope {
        params: &BTreeMap::new(),
        step: &|_| None,
        values: &values,
    };
    let mut revealed = Revealed {
        text: String::with_capacity(text.len()),
        parts: Vec::new(),
    };
    for segment in split(text).map_err(|u| unclosed(text, &u))? {
        match segment {
            Segment::Literal(range) => revealed.text.push_str(&text[range]),
            Segment::Expression(range) => {
                let value: Value = engine::evaluate(&text[range.clone()], &scope)?;
                let value = value_text(&value);
                revealed.text.push_str(&value);
                if speaks_of_secrets(&text[range]) {
                    revealed.parts.push(value);
                }
            }
        }
    }
    Ok(revealed)
}

fn speaks_of_secrets(source: &str) -> bool {
    path::all_in(source).iter().any(|path| path.root == ROOT)
}

/// Never shows a secret.
impl std::fmt::Debug for Revealed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a text with {} secrets", self.parts.len())
    }
}
