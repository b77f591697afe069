//! `with:` of a step: types, bounds, defaults, and the component's own look at them.

use std::collections::BTreeMap;

use component_api::catalog::Component;
use component_api::manifest::{ParamSpec, ParamType};
use pipeline_spec::{At, Code, Diagnostic, did_you_mean, nearest};
use serde_json::{Map, Value};

use super::steps::Entry;
use super::texts::{Texts, holds_expression};
use crate::expression::{Scope, resolve_value};

/// The step's parameters as the plan holds them, defaults filled in.
pub(super) fn compile(
    entry: &Entry<'_>,
    at: &At<'_>,
    texts: &mut Texts<'_, '_>,
) -> BTreeMap<String, Value> {
    let at_with = at.key("with");
    let specs = entry.component.map(|c| &c.manifest.params);
    let mut params = BTreeMap::new();
    for (name, value) in &entry.step.with {
        let at = at_with.key(name);
        let value = match specs.map(|s| s.get(name)) {
            // A null says nothing; the default stands.
            Some(Some(_)) if value.is_null() => continue,
            Some(Some(spec)) => checked(name, spec, value, &at, texts),
            Some(None) => {
                unknown(name, entry, &at, texts);
                continue;
            }
            None => texts.value(value, &at),
        };
        params.insert(name.clone(), value);
    }
    if let Some(component) = entry.component {
        fill(component, &entry.step.with, &at_with, &mut params, texts);
        ask_component(component, &at_with, &params, texts);
    }
    params
}

fn unknown(name: &str, entry: &Entry<'_>, at: &At<'_>, texts: &mut Texts<'_, '_>) {
    let Some(component) = entry.component else {
        return;
    };
    let manifest = &component.manifest;
    let message = format!("`{}` has no parameter `{name}`", manifest.name);
    let hint = if manifest.params.is_empty() {
        "it takes no parameters".to_owned()
    } else if manifest.inputs.contains_key(name) {
        "it is an input: move it to `inputs:`".to_owned()
    } else {
        did_you_mean(name, manifest.params.keys().map(String::as_str))
    };
    let found = Diagnostic::error(Code::UnknownParameter, at.pointer(), message);
    texts.collector.push(found.at_key().hint(hint));
}

/// A value against its declaration, as far as it is known.
fn checked(
    name: &str,
    spec: &ParamSpec,
    value: &Value,
    at: &At<'_>,
    texts: &mut Texts<'_, '_>,
) -> Value {
    if let Value::String(text) = value
        && holds_expression(value)
    {
        let (text, value_type) = texts.text(text, at);
        if let Some(given) = value_type.filter(|given| !may_become(*given, spec.param_type)) {
            let message = format!(
                "`{name}` takes {}, but the expression gives {}",
                spec.param_type.word(),
                given.word()
            );
            let found = Diagnostic::error(Code::TypeMismatch, at.pointer(), message);
            texts.collector.push(found);
        }
        return Value::String(text);
    }
    let verdict = if holds_expression(value) && spec.param_type.accepts(value) {
        Ok(())
    } else {
        spec.check(value)
    };
    if let Err(reason) = verdict {
        let message = format!("`{name}`: {reason}");
        let found = Diagnostic::error(Code::InvalidParameter, at.pointer(), message);
        texts.collector.push(found.hint(value_hint(spec, value)));
    }
    texts.value(value, at)
}

fn may_become(given: ParamType, wanted: ParamType) -> bool {
    given == wanted
        || given == ParamType::Any
        || wanted == ParamType::Any
        || (given == ParamType::Integer && wanted == ParamType::Number)
        // Whether a number is whole shows when the step starts.
        || (given == ParamType::Number && wanted == ParamType::Integer)
}

fn value_hint(spec: &ParamSpec, value: &Value) -> String {
    if let Value::String(text) = value
        && !spec.values.is_empty()
    {
        let allowed = spec.values.iter().filter_map(Value::as_str);
        let nearest = nearest(text, allowed);
        return nearest.map_or_else(String::new, |v| format!("did you mean `{v}`?"));
    }
    String::new()
}

/// Defaults, and what has none and must be given.
fn fill(
    component: &Component,
    given: &BTreeMap<String, Value>,
    at_with: &At<'_>,
    params: &mut BTreeMap<String, Value>,
    texts: &mut Texts<'_, '_>,
) {
    for (name, spec) in &component.manifest.params {
        if params.contains_key(name) {
            continue;
        }
        let is_meant = |given: &String| {
            let names = component.manifest.params.keys().map(String::as_str);
            !component.manifest.params.contains_key(given) && nearest(given, names) == Some(name)
        };
        if !spec.default.is_null() {
            params.insert(name.clone(), spec.default.clone());
        } else if spec.required && !given.keys().any(is_meant) {
            let message = format!(
                "`{}` needs the parameter `{name}` ({})",
                component.manifest.name,
                spec.param_type.word()
            );
            let hint = if spec.description.is_empty() {
                format!("add `{name}:` to `with:`")
            } else {
                format!("add `{name}:` to `with:`: {}", spec.description)
            };
            let pointer = at_with.pointer();
            let found = Diagnostic::error(Code::MissingParameter, pointer, message);
            texts.collector.push(found.at_key().hint(hint));
        }
    }
}

/// What only the component can judge. Expressions over parameters are judged by the defaults; what
/// is not known before the step starts is left to the component when it does.
fn ask_component(
    component: &Component,
    at_with: &At<'_>,
    params: &BTreeMap<String, Value>,
    texts: &mut Texts<'_, '_>,
) {
    let declared = &texts.steps.spec.params;
    let mut known = Map::new();
    for (name, value) in params {
        known.insert(name.clone(), by_defaults(value, declared));
    }
    let problems = (component.check)(&known);
    if problems.is_empty() {
        return;
    }
    let known = Value::Object(known);
    for problem in problems {
        if is_open(&known, &problem.path) {
            continue;
        }
        let pointer = format!("{}{}", at_with.pointer(), problem.path);
        let found = Diagnostic::error(Code::InvalidParameter, pointer, problem.message);
        texts.collector.push(found.hint(problem.hint));
    }
}

/// A value with its expressions resolved where the defaults of the pipeline's parameters suffice.
fn by_defaults(value: &Value, declared: &BTreeMap<String, ParamSpec>) -> Value {
    if !holds_expression(value) {
        return value.clone();
    }
    match value {
        Value::Array(items) => items.iter().map(|v| by_defaults(v, declared)).collect(),
        Value::Object(entries) => {
            let entries = entries.iter();
            entries
                .map(|(k, v)| (k.clone(), by_defaults(v, declared)))
                .collect()
        }
        text => {
            let given = declared.iter().filter(|(_, spec)| !spec.default.is_null());
            let params = given
                .map(|(k, spec)| (k.clone(), spec.default.clone()))
                .collect();
            let scope = Scope {
                params: &params,
                step: &|_| None,
                values: &BTreeMap::new(),
            };
            resolve_value(text, &scope).unwrap_or_else(|_| text.clone())
        }
    }
}

/// Whether a problem at this pointer may come from an expression whose value is not known.
fn is_open(params: &Value, pointer: &str) -> bool {
    let mut value = params;
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let below = match value {
            Value::Object(entries) => entries.get(&segment),
            Value::Array(items) => segment.parse().ok().and_then(|at: usize| items.get(at)),
            _ => None,
        };
        match below {
            Some(below) => value = below,
            None => break,
        }
    }
    holds_expression(value)
}
