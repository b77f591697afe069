//! The first pass over JSON Lines: which keys there are and what their values have in common.

use std::collections::HashMap;

use serde_json::Value;

use super::columns::JsonColumn;
use super::lines::Lines;
use crate::DataError;
use crate::column_type::{Candidates, ColumnType, parse_timestamp};
use crate::error::{Cell, Position, RowError};
use crate::limits::COLUMNS_MAX;
use crate::schema::Schema;

/// Keys in the order of their first appearance.
#[derive(Default)]
pub(super) struct Keys {
    found: Vec<(String, Seen)>,
    places: HashMap<String, usize>,
    file: String,
}

/// What the values of a key have in common.
#[derive(Clone, Default)]
struct Seen {
    candidates: Candidates,
    /// Where the first single value and the first list stand.
    single: Option<(String, Position)>,
    list: Option<(String, Position)>,
}

/// The keys of a block, and its malformed lines.
pub(super) fn observe(lines: &Lines, null_values: &[String]) -> (Keys, Vec<RowError>) {
    let (parsed, mut bad) = lines.parse();
    let mut keys = Keys {
        file: lines.file.clone(),
        ..Keys::default()
    };
    for line in &parsed {
        if let Some((key, problem)) = line.cells.iter().find_map(|(key, value)| {
            let problem = misfit(value)?;
            Some((key, problem))
        }) {
            bad.push(RowError {
                file: lines.file.clone(),
                position: line.position,
                cell: Some(Cell::Named(key.clone())),
                problem: problem.to_owned(),
            });
            continue;
        }
        for (key, value) in &line.cells {
            let index = keys.place(key);
            keys.observe(index, value, line.position, null_values);
        }
    }
    bad.sort_by_key(|error| error.position);
    (keys, bad)
}

/// Why a value has no place in a column.
pub(super) fn misfit(value: &Value) -> Option<&'static str> {
    match value {
        Value::Object(_) => {
            Some("the value is an object; give each of its keys a column of its own")
        }
        Value::Array(items) => items
            .iter()
            .any(|item| item.is_array() || item.is_object())
            .then_some("the list holds lists or objects; a column holds values or lists of values"),
        _ => None,
    }
}

impl Keys {
    fn place(&mut self, key: &str) -> usize {
        if let Some(index) = self.places.get(key) {
            return *index;
        }
        self.places.insert(key.to_owned(), self.found.len());
        self.found.push((key.to_owned(), Seen::default()));
        self.found.len() - 1
    }

    fn observe(&mut self, index: usize, value: &Value, at: Position, null_values: &[String]) {
        let seen = &mut self.found[index].1;
        match value {
            Value::Null => {}
            Value::Array(items) => {
                seen.list.get_or_insert_with(|| (self.file.clone(), at));
                for item in items {
                    if let Some(found) = type_of(item, null_values) {
                        seen.candidates.observe_typed(found);
                    }
                }
            }
            single => {
                if let Some(found) = type_of(single, null_values) {
                    seen.single.get_or_insert_with(|| (self.file.clone(), at));
                    seen.candidates.observe_typed(found);
                }
            }
        }
    }

    /// Takes the keys of the next block in.
    pub(super) fn merge(&mut self, next: Self) -> Result<(), DataError> {
        for (key, seen) in next.found {
            let index = self.place(&key);
            let own = &mut self.found[index].1;
            own.candidates.merge(seen.candidates);
            own.single = own.single.take().or(seen.single);
            own.list = own.list.take().or(seen.list);
        }
        if self.found.len() > COLUMNS_MAX {
            return Err(DataError::input(
                &next.file,
                format!("there are more than {COLUMNS_MAX} different keys; are keys data here?"),
            ));
        }
        Ok(())
    }

    /// The columns: the schema's types, else the first that fits all values.
    pub(super) fn columns(self, schema: Option<&Schema>) -> Result<Vec<JsonColumn>, DataError> {
        let column = |(name, seen): (String, Seen)| {
            if let (Some(single), Some(list)) = (&seen.single, &seen.list) {
                let (later, first, what, other) = if single.1 > list.1 && single.0 == list.0 {
                    (single, list, "a single value", "a list")
                } else {
                    (list, single, "a list", "a single value")
                };
                let (Position::Line(at) | Position::Row(at)) = first.1;
                return Err(DataError::Row(RowError {
                    file: later.0.clone(),
                    position: later.1,
                    cell: Some(Cell::Named(name)),
                    problem: format!(
                        "it is {what} here and {other} in {}, line {at}; a column holds one or the other",
                        first.0
                    ),
                }));
            }
            let given = schema.and_then(|schema| schema.column_type(&name));
            Ok(JsonColumn {
                item: given.unwrap_or_else(|| seen.candidates.resolve()),
                is_list: seen.list.is_some(),
                name,
            })
        };
        self.found.into_iter().map(column).collect()
    }
}

/// The narrowest type that a value has; none for null.
fn type_of(value: &Value, null_values: &[String]) -> Option<ColumnType> {
    Some(match value {
        Value::Bool(_) => ColumnType::Boolean,
        Value::Number(number) if number.is_i64() => ColumnType::Int64,
        Value::Number(_) => ColumnType::Float64,
        Value::String(text) if null_values.contains(text) => return None,
        Value::String(text) if parse_timestamp(text).is_some() => ColumnType::Timestamp,
        Value::String(_) => ColumnType::String,
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    })
}
