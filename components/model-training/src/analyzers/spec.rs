//! What a transformation should do, as the step's parameters say it.
//!
//! It knows names and operations; it does not look at data. Everything wrong is found at once, each
//! with its place.

use model_scoring::expression::Expression;
use serde_json::{Map, Value};

use super::operations::OperationSpec;
use super::wildcard::is_pattern;

/// What a transformation should do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spec {
    /// What is to be predicted.
    pub label: Option<LabelSpec>,
    /// How much a row counts.
    pub weight: Option<LabelSpec>,
    /// The column that identifies a row.
    pub key: Option<String>,
    /// The features, in tensor order.
    pub features: Vec<FeatureSpec>,
}

/// Where a label or weight comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelSpec {
    /// A column as it is.
    Column(String),
    /// An expression over columns.
    Expression(Expression),
}

/// Columns and what becomes of them.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSpec {
    /// Names and patterns; empty if the first operation is an expression.
    pub columns: Vec<String>,
    /// The operations, in order.
    pub operations: Vec<OperationSpec>,
    /// The feature's name, if it is not the column's.
    pub name: Option<String>,
}

/// Something wrong in the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecProblem {
    /// Where, as a JSON pointer: `/features/0/ops/1`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl Spec {
    /// Reads the parameters `label`, `weight`, `key` and `features`; others are passed over.
    pub fn parse(params: &Map<String, Value>) -> Result<Self, Vec<SpecProblem>> {
        let mut problems = Vec::new();
        let mut spec = Self::default();
        let given = |name: &str| params.get(name).filter(|value| !value.is_null());
        for (name, slot) in [("label", &mut spec.label), ("weight", &mut spec.weight)] {
            if let Some(value) = given(name) {
                match label(value) {
                    Ok(source) => *slot = Some(source),
                    Err(message) => problems.push(SpecProblem {
                        path: format!("/{name}"),
                        message,
                    }),
                }
            }
        }
        match given("key") {
            None => {}
            Some(Value::String(column)) => spec.key = Some(column.clone()),
            Some(_) => problems.push(SpecProblem {
                path: "/key".to_owned(),
                message: "the key is the name of a column".to_owned(),
            }),
        }
        match given("features") {
            Some(Value::Array(features)) if !features.is_empty() => {
                for (position, value) in features.iter().enumerate() {
                    let path = format!("/features/{position}");
                    match feature(value, &path) {
                        Ok(feature) => spec.features.push(feature),
                        Err(mut found) => problems.append(&mut found),
                    }
                }
            }
            _ => problems.push(SpecProblem {
                path: "/features".to_owned(),
                message: "at least one feature is needed: `- { columns: [\"*\"], ops: [] }` takes every column as it is".to_owned(),
            }),
        }
        if problems.is_empty() {
            Ok(spec)
        } else {
            Err(problems)
        }
    }
}

/// `COLUMN`, `{ column: COLUMN }` or `{ expr: TEXT }`.
fn label(value: &Value) -> Result<LabelSpec, String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("expected a text, not {value}"))
    };
    match value {
        Value::String(column) => Ok(LabelSpec::Column(column.clone())),
        Value::Object(map) if map.len() == 1 => match map.iter().next() {
            Some((name, value)) if name == "column" => Ok(LabelSpec::Column(text(value)?)),
            Some((name, value)) if name == "expr" => Expression::parse(&text(value)?)
                .map(LabelSpec::Expression)
                .map_err(|error| error.to_string()),
            _ => Err("expected a column or `{ expr: ... }`".to_owned()),
        },
        _ => Err("expected a column or `{ expr: ... }`".to_owned()),
    }
}

fn feature(value: &Value, path: &str) -> Result<FeatureSpec, Vec<SpecProblem>> {
    let mut problems = Vec::new();
    let mut problem = |place: &str, message: String| {
        problems.push(SpecProblem {
            path: format!("{path}{place}"),
            message,
        });
    };
    let Value::Object(map) = value else {
        problem(
            "",
            "a feature is a map: `{ columns: [...], ops: [...] }`".to_owned(),
        );
        return Err(problems);
    };
    for key in map
        .keys()
        .filter(|key| !["columns", "ops", "as"].contains(&key.as_str()))
    {
        problem(
            &format!("/{key}"),
            format!("a feature has `columns`, `ops` and `as`, but no `{key}`"),
        );
    }
    let mut columns = Vec::new();
    match map.get("columns") {
        None | Some(Value::Null) => {}
        Some(Value::String(column)) => columns.push(column.clone()),
        Some(Value::Array(names)) => {
            for (at, name) in names.iter().enumerate() {
                match name {
                    Value::String(name) => columns.push(name.clone()),
                    other => problem(
                        &format!("/columns/{at}"),
                        format!("{other} is no column's name"),
                    ),
                }
            }
        }
        Some(other) => problem(
            "/columns",
            format!("expected a list of columns, not {other}"),
        ),
    }
    let mut operations = Vec::new();
    match map.get("ops") {
        None | Some(Value::Null) => {}
        Some(Value::Array(values)) => {
            for (at, value) in values.iter().enumerate() {
                match OperationSpec::parse(value) {
                    Ok(operation) => operations.push(operation),
                    Err(message) => problem(&format!("/ops/{at}"), message),
                }
            }
        }
        Some(other) => problem(
            "/ops",
            format!("expected a list of operations, not {other}"),
        ),
    }
    let name = match map.get("as") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if !name.is_empty() => Some(name.clone()),
        Some(other) => {
            problem("/as", format!("{other} is no name"));
            None
        }
    };
    if problems.is_empty() {
        let feature = FeatureSpec {
            columns,
            operations,
            name,
        };
        match shape(&feature) {
            None => return Ok(feature),
            Some((place, message)) => {
                problems.push(SpecProblem {
                    path: format!("{path}{place}"),
                    message,
                });
            }
        }
    }
    Err(problems)
}

/// What is wrong with columns, operations and name taken together.
fn shape(feature: &FeatureSpec) -> Option<(String, String)> {
    let is_expr = |operation: &OperationSpec| matches!(operation, OperationSpec::Expr(_));
    let is_cross = |operation: &OperationSpec| matches!(operation, OperationSpec::Cross { .. });
    let begins_with_expr = feature.operations.first().is_some_and(is_expr);
    if let Some(at) = feature.operations.iter().skip(1).position(is_expr) {
        let message = "`expr` stands first: it takes the place of columns".to_owned();
        return Some((format!("/ops/{}", at + 1), message));
    }
    if begins_with_expr && !feature.columns.is_empty() {
        let message = "an `expr` names its columns itself: leave `columns` out".to_owned();
        return Some(("/columns".to_owned(), message));
    }
    if !begins_with_expr && feature.columns.is_empty() {
        return Some(("/columns".to_owned(), "name at least one column".to_owned()));
    }
    let crosses = feature.operations.iter().any(is_cross);
    if (begins_with_expr || crosses) && feature.name.is_none() {
        let message = "what comes of several columns needs a name: add `as: NAME`".to_owned();
        return Some((String::new(), message));
    }
    let several = feature.columns.len() > 1 || feature.columns.iter().any(|c| is_pattern(c));
    if feature.name.is_some() && several && !crosses {
        let message = "`as` names one feature, but several columns may match".to_owned();
        return Some(("/as".to_owned(), message));
    }
    None
}
