//! Evaluating with minijinja: nothing but the filters that the language names.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use minijinja::value::{Serde, Value as Jinja, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters};
use serde_json::{Map, Number, Value};

use super::canonical::add_name;
use super::path::{self, Path};
use super::{ExpressionError, Scope, syntax};
use crate::limits::{EXPRESSION_FUEL, VALUE_DEPTH_MAX};

/// The filters of the language.
pub(super) const FILTERS: &[&str] = &[
    "default", "float", "int", "join", "length", "lower", "replace", "round", "string", "tojson",
    "upper",
];

/// The value of an expression.
pub(super) fn evaluate(source: &str, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
    let fail = |message: String, hint: &str| ExpressionError {
        expression: source.trim().to_owned(),
        message,
        hint: hint.to_owned(),
    };
    let tree = syntax::parse(source)
        .map_err(|problem| fail(format!("is not valid: {}", problem.message), ""))?;
    let mut paths = Vec::new();
    path::collect(&tree, &mut paths);
    let context = context(&paths, scope);
    let value = environment()
        .compile_expression_owned(source.to_owned())
        .and_then(|expression| expression.eval(context))
        .map_err(|error| fail(reason(source, &error, &paths), hint(&error)))?;
    if value.is_undefined() {
        return Err(fail(
            "is undefined".to_owned(),
            hint(&ErrorKind::UndefinedError.into()),
        ));
    }
    converted(&value, VALUE_DEPTH_MAX).map_err(|message| fail(message, ""))
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(EXPRESSION_FUEL));
        environment.set_debug(true);
        environment.add_filter("default", filters::default);
        environment.add_filter("float", filters::float);
        environment.add_filter("int", filters::int);
        environment.add_filter("join", filters::join);
        environment.add_filter("length", filters::length);
        environment.add_filter("lower", filters::lower);
        environment.add_filter("replace", filters::replace);
        environment.add_filter("round", filters::round);
        environment.add_filter("string", filters::string);
        environment.add_filter("tojson", to_json);
        environment.add_filter("upper", filters::upper);
        environment
    })
}

/// Plain JSON: minijinja's own `tojson` escapes what HTML would misread.
fn to_json(value: &Jinja) -> Result<String, Error> {
    let value = converted(value, VALUE_DEPTH_MAX)
        .map_err(|message| Error::new(ErrorKind::BadSerialization, message))?;
    Ok(value.to_string())
}

/// What these paths begin with, and nothing else: a scope may be large.
fn context(paths: &[Path<'_>], scope: &Scope<'_>) -> Jinja {
    let mut roots: BTreeMap<&str, Value> = BTreeMap::new();
    for path in paths {
        let root = roots
            .entry(path.root)
            .or_insert_with(|| root(path.root, scope));
        let Some(first) = path.segments.first() else {
            continue;
        };
        if path.root == "steps"
            && let Value::Object(steps) = root
            && !steps.contains_key(&first.name)
            && let Some(step) = (scope.step)(&first.name)
        {
            steps.insert(first.name.clone(), step);
        }
        add_name(root, &first.name);
        if let ("steps", Some(port)) = (path.root, path.segments.get(2)) {
            let step = root.get_mut(&first.name);
            if let Some(outputs) = step.and_then(|s| s.get_mut("outputs")) {
                add_name(outputs, &port.name);
            }
        }
    }
    roots.retain(|_, value| !value.is_null());
    Jinja::from(Serde(&roots))
}

fn root(name: &str, scope: &Scope<'_>) -> Value {
    match name {
        "params" => {
            let params = scope.params.iter();
            Value::Object(params.map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        "steps" => Value::Object(Map::new()),
        name => scope.values.get(name).cloned().unwrap_or_default(),
    }
}

/// Why an evaluation ended, as the rest of a sentence that begins with the expression.
fn reason(source: &str, error: &Error, paths: &[Path<'_>]) -> String {
    let mut bytes = syntax::error_bytes(source, error);
    // The parser lets a part of a path begin at its dot.
    let holds = |path: &&Path<'_>| path.bytes().contains(&bytes.end.saturating_sub(1));
    if let Some(path) = paths.iter().find(holds) {
        bytes.start = path.bytes().start;
    }
    let part = source[bytes].trim();
    let within = if part == source.trim() {
        String::new()
    } else {
        format!(" at `{part}`")
    };
    match error.kind() {
        ErrorKind::UndefinedError => format!("is undefined{within}"),
        ErrorKind::OutOfFuel => "takes too much work to evaluate".to_owned(),
        kind => {
            let detail = error.detail();
            let detail = detail.map_or_else(|| kind.to_string(), str::to_owned);
            format!("cannot be evaluated{within}: {detail}")
        }
    }
}

fn hint(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::UndefinedError => "`| default(...)` gives a value for that case",
        ErrorKind::OutOfFuel => "compute it in a step",
        _ => "",
    }
}

/// A value of minijinja as JSON, where JSON can hold it.
fn converted(value: &Jinja, depth: usize) -> Result<Value, String> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(format!("is nested more than {VALUE_DEPTH_MAX} deep"));
    };
    match value.kind() {
        ValueKind::None => Ok(Value::Null),
        ValueKind::Bool => Ok(Value::Bool(value.is_true())),
        ValueKind::Number => number(value),
        ValueKind::String => Ok(Value::String(value.as_str().unwrap_or_default().to_owned())),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|e| e.to_string())?;
            items.map(|item| converted(&item, below)).collect()
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter().map_err(|e| e.to_string())? {
                let item = value.get_item(&key).map_err(|e| e.to_string())?;
                let Some(name) = key.as_str() else {
                    return Err(format!("is a map with the key `{key}`, which is not text"));
                };
                map.insert(name.to_owned(), converted(&item, below)?);
            }
            Ok(Value::Object(map))
        }
        ValueKind::Undefined => Err("holds something undefined".to_owned()),
        kind => Err(format!(
            "is of the kind {kind}, which no value of a pipeline is"
        )),
    }
}

fn number(value: &Jinja) -> Result<Value, String> {
    if value.is_integer() {
        return i64::try_from(value.clone())
            .map(Value::from)
            .map_err(|_| format!("is {value}, which does not fit in 64 bits"));
    }
    let number = f64::try_from(value.clone()).ok().and_then(Number::from_f64);
    number
        .map(Value::Number)
        .ok_or_else(|| format!("is {value}, which is not a finite number"))
}
