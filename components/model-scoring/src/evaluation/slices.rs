//! Groups of rows by the values of columns.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use serde::Serialize;
use serde_json::{Map, Value};

use super::SLICES_MAX;
use crate::error::ScoringError;
use crate::rows::column_values;

/// The rows that have these values in these columns; without columns: all rows. A missing value is
/// null.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Slice {
    /// `None`: all rows. Written as null, so that readers need not know an empty map's meaning.
    values: Option<Map<String, Value>>,
}

impl Slice {
    /// All rows.
    pub fn overall() -> Self {
        Self::default()
    }

    /// The rows with these values; all rows if there are none.
    pub fn of(values: Map<String, Value>) -> Self {
        Self {
            values: Some(values).filter(|values| !values.is_empty()),
        }
    }

    /// Whether these are all rows.
    pub fn is_overall(&self) -> bool {
        self.values.is_none()
    }

    /// The columns, sorted.
    pub fn columns(&self) -> Vec<String> {
        let values = self.values.iter().flatten();
        values.map(|(column, _)| column.clone()).collect()
    }

    /// Whether both name the same rows: 1 and 1.0 are the same value.
    pub fn matches(&self, other: &Self) -> bool {
        match (&self.values, &other.values) {
            (None, None) => true,
            (Some(a), Some(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|((a, x), (b, y))| a == b && compare(x, y) == Ordering::Equal)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(values) = &self.values else {
            return f.write_str("all rows");
        };
        for (at, (column, value)) in values.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            match value {
                Value::Null => write!(f, "{separator}{column} is missing")?,
                Value::String(text) => write!(f, "{separator}{column}={text}")?,
                other => write!(f, "{separator}{column}={other}")?,
            }
        }
        Ok(())
    }
}

/// Sorts rows into the slices of crosses of columns, batch by batch.
#[derive(Debug, Default)]
pub(super) struct Slicer {
    crosses: Vec<Cross>,
    rows: usize,
}

#[derive(Debug)]
struct Cross {
    columns: Vec<String>,
    /// By the values as JSON.
    groups: BTreeMap<String, (Vec<Value>, Vec<usize>)>,
}

impl Slicer {
    /// Of crosses with the same columns the first stays.
    pub(super) fn new(crosses: Vec<Vec<String>>) -> Self {
        let mut kept: Vec<Cross> = Vec::new();
        for mut columns in crosses {
            columns.sort_unstable();
            columns.dedup();
            if !columns.is_empty() && !kept.iter().any(|cross| cross.columns == columns) {
                kept.push(Cross {
                    columns,
                    groups: BTreeMap::new(),
                });
            }
        }
        Self {
            crosses: kept,
            rows: 0,
        }
    }

    /// Takes the rows of a batch for which `kept` is true; they count on from those before.
    pub(super) fn add(&mut self, batch: &RecordBatch, kept: &[bool]) -> Result<(), ScoringError> {
        let total = kept.iter().filter(|kept| **kept).count();
        for cross in &mut self.crosses {
            let columns = cross
                .columns
                .iter()
                .map(|column| slicing_values(batch, column))
                .collect::<Result<Vec<_>, _>>()?;
            let rows = (0..kept.len()).filter(|row| kept[*row]);
            for (at, row) in rows.enumerate() {
                let values: Vec<Value> = columns.iter().map(|values| values[row].clone()).collect();
                let key = Value::from(values.clone()).to_string();
                let group = cross.groups.entry(key);
                let group = group.or_insert_with(|| (values, Vec::new()));
                group.1.push(self.rows + at);
            }
            if cross.groups.len() > SLICES_MAX {
                return Err(ScoringError::Slices {
                    columns: cross.columns.join(" x "),
                    maximum: SLICES_MAX,
                });
            }
        }
        self.rows += total;
        Ok(())
    }

    /// The slices cross by cross, in the order of their values, with their rows.
    pub(super) fn finish(self) -> Vec<(Slice, Vec<usize>)> {
        let mut slices = Vec::new();
        for cross in self.crosses {
            let mut groups: Vec<_> = cross.groups.into_values().collect();
            groups.sort_by(|(a, _), (b, _)| {
                let pairs = a.iter().zip(b).map(|(a, b)| compare(a, b));
                pairs.fold(Ordering::Equal, Ordering::then)
            });
            for (values, rows) in groups {
                let values = cross.columns.iter().cloned().zip(values).collect();
                slices.push((Slice::of(values), rows));
            }
        }
        slices
    }
}

fn slicing_values(batch: &RecordBatch, column: &str) -> Result<Vec<Value>, ScoringError> {
    let array = batch.column_by_name(column);
    let values = array.map(column_values).transpose()?.flatten();
    values.ok_or_else(|| {
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        ScoringError::SliceColumn {
            column: column.to_owned(),
            columns: names.join(", "),
        }
    })
}

/// Missing, then false and true, numbers, texts.
fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    };
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Number(x), Value::Number(y)) => x
            .as_i64()
            .zip(y.as_i64())
            .map(|(x, y)| x.cmp(&y))
            .or_else(|| x.as_f64().partial_cmp(&y.as_f64()))
            .unwrap_or(Ordering::Equal),
        _ => rank(a).cmp(&rank(b)),
    }
}
