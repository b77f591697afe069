//! Applying a graph to a batch of raw rows.
//!
//! Only the nodes that the asked-for outputs need are computed, so a column that they do not need may
//! be absent. Every operation looks at one row at a time.

use std::collections::BTreeMap;

use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};

use super::column::Column;
use super::operation::{Literal, Operation};
use super::{Features, Graph, Labels, Role, binary, date};
use crate::error::ScoringError;
use crate::predictor::logistic;
use crate::signature::Class;

impl Graph {
    /// The values of these nodes for the rows of a batch, by position of the node.
    pub fn evaluate(
        &self,
        batch: &RecordBatch,
        nodes: &[usize],
    ) -> Result<BTreeMap<usize, Column>, ScoringError> {
        let needed = self.needed(nodes);
        let mut columns: Vec<Option<Column>> = vec![None; self.nodes.len()];
        for (position, node) in self.nodes.iter().enumerate() {
            if !needed[position] {
                continue;
            }
            let inputs: Vec<&Column> = node
                .inputs
                .iter()
                .filter_map(|input| columns[*input].as_ref())
                .collect();
            columns[position] = Some(match &node.operation {
                Operation::Column { name } => self.raw_column(batch, name)?,
                Operation::Literal(literal) => constant(literal, batch.num_rows()),
                operation => apply(operation, &inputs).ok_or_else(|| {
                    ScoringError::Graph(format!(
                        "node {position} (`{}`) was given values that it cannot take",
                        operation.name()
                    ))
                })?,
            });
        }
        let mut results = BTreeMap::new();
        for node in nodes {
            if let Some(column) = &columns[*node] {
                results.insert(*node, column.clone());
            }
        }
        Ok(results)
    }

    /// Which nodes the wanted ones read from, themselves included.
    pub(super) fn needed(&self, wanted: &[usize]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for node in wanted {
            needed[*node] = true;
        }
        for position in (0..self.nodes.len()).rev() {
            if needed[position] {
                for input in &self.nodes[position].inputs {
                    needed[*input] = true;
                }
            }
        }
        needed
    }

    fn raw_column(&self, batch: &RecordBatch, name: &str) -> Result<Column, ScoringError> {
        let input = self
            .inputs
            .iter()
            .find(|input| input.name == name)
            .ok_or_else(|| ScoringError::Graph(format!("no input is called `{name}`")))?;
        let array = batch
            .column_by_name(name)
            .ok_or_else(|| ScoringError::MissingColumn {
                column: name.to_owned(),
            })?;
        Column::from_array(name, array, input.column_type)
    }

    /// The features of a batch of raw rows, rounded to f32: the edge of the graph.
    pub fn features(&self, batch: &RecordBatch) -> Result<Features, ScoringError> {
        let outputs: Vec<_> = self.feature_outputs().collect();
        let nodes: Vec<usize> = outputs.iter().map(|output| output.node).collect();
        let columns = self.evaluate(batch, &nodes)?;
        let rows = batch.num_rows();
        let width = self.width();
        let mut values = vec![f32::NAN; rows * width];
        let mut start = 0;
        for output in outputs {
            let place = Place {
                start,
                width,
                output: output.width,
            };
            fill(&columns[&output.node], place, &mut values).ok_or_else(|| {
                ScoringError::Graph(format!("the feature `{}` is no number", output.name))
            })?;
            start += output.width;
        }
        Ok(Features {
            rows,
            width,
            values,
        })
    }

    /// The label of every row; an error if the graph has none.
    pub fn labels(&self, batch: &RecordBatch) -> Result<Labels, ScoringError> {
        let output = self
            .label_output()
            .ok_or_else(|| ScoringError::Graph("it has no label".to_owned()))?;
        let columns = self.evaluate(batch, &[output.node])?;
        let column = &columns[&output.node];
        match &output.classes {
            Some(classes) => Ok(Labels::Classes {
                classes: classes.clone(),
                indices: class_indices(column, classes),
            }),
            None => column
                .numbers()
                .map(|numbers| Labels::Numbers(numbers.iter().collect()))
                .ok_or_else(|| ScoringError::Graph("the label is no number".to_owned())),
        }
    }

    /// The weight of every row, if the graph has weights; `None` in a row: missing.
    pub fn weights(&self, batch: &RecordBatch) -> Result<Option<Vec<Option<f64>>>, ScoringError> {
        let Some(output) = self
            .outputs
            .iter()
            .find(|output| output.role == Role::Weight)
        else {
            return Ok(None);
        };
        let columns = self.evaluate(batch, &[output.node])?;
        columns[&output.node]
            .numbers()
            .map(|numbers| Some(numbers.iter().collect()))
            .ok_or_else(|| ScoringError::Graph("the weight is no number".to_owned()))
    }
}

/// Where a feature stands in the rows of the tensor.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    width: usize,
    output: usize,
}

fn fill(column: &Column, place: Place, values: &mut [f32]) -> Option<()> {
    let at = |row: usize| row * place.width + place.start;
    match column {
        Column::OneHot { index, .. } => {
            for (row, index) in index.iter().enumerate() {
                let slots = &mut values[at(row)..at(row) + place.output];
                slots.fill(0.0);
                let slot = index.and_then(|i| usize::try_from(i).ok());
                if let Some(slot) = slot.and_then(|i| slots.get_mut(i)) {
                    *slot = 1.0;
                }
            }
        }
        other => {
            for (row, value) in other.numbers()?.iter().enumerate() {
                values[at(row)] = value.map_or(f32::NAN, |x| x as f32);
            }
        }
    }
    Some(())
}

fn class_indices(column: &Column, classes: &[Class]) -> Vec<Option<u32>> {
    let find = |class: Class| classes.binary_search(&class).ok().map(|index| index as u32);
    match column {
        Column::Boolean(values) => values.iter().map(|x| find(Class::Boolean(x?))).collect(),
        Column::Integer(values) => values.iter().map(|x| find(Class::Integer(x?))).collect(),
        Column::Text(values) => values
            .iter()
            .map(|x| find(Class::Text(x?.to_owned())))
            .collect(),
        other => vec![None; other.rows()],
    }
}

fn constant(literal: &Literal, rows: usize) -> Column {
    match literal {
        Literal::Boolean(value) => Column::Boolean(vec![*value; rows].into()),
        Literal::Integer(value) => Column::Integer(Int64Array::from_value(*value, rows)),
        Literal::Number(value) => Column::Number(Float64Array::from_value(*value, rows)),
        Literal::Text(value) => Column::Text(StringArray::from_iter_values(std::iter::repeat_n(
            value, rows,
        ))),
    }
}

/// One operation over columns; `None` if their types do not fit.
fn apply(operation: &Operation, inputs: &[&Column]) -> Option<Column> {
    use Operation as O;
    let first = *inputs.first()?;
    Some(match operation {
        O::Column { .. } | O::Literal(_) => return None,
        O::ZScore { mean, variance } => map(first, |x| z_score(x, *mean, *variance))?,
        O::MinMax {
            low,
            high,
            minimum,
            maximum,
        } => {
            let range = minimum.zip(*maximum).filter(|(min, max)| min < max);
            map(first, |x| {
                let scaled =
                    range.map_or_else(|| logistic(x), |(min, max)| (x - min) / (max - min));
                scaled * (high - low) + low
            })?
        }
        O::Bucketize { boundaries, .. } => {
            let buckets = first.numbers()?;
            Column::Integer(buckets.unary(|x| boundaries.partition_point(|b| *b <= x) as i64))
        }
        O::Vocabulary {
            vocabulary,
            oov_buckets,
            ..
        } => {
            let known = vocabulary.terms().len();
            index(first, |term| match vocabulary.position(term) {
                Some(position) => position as i64,
                None if *oov_buckets == 0 => -1,
                None => (known + bucket(term, *oov_buckets)) as i64,
            })?
        }
        O::Hash { buckets } => index(first, |term| bucket(term, *buckets) as i64)?,
        O::OneHot { size } => one_hot(first, *size)?,
        O::Impute { value, .. } => impute(first, value)?,
        O::Clip { min, max } => map(first, |x| {
            let x = min.map_or(x, |min| x.max(min));
            max.map_or(x, |max| x.min(max))
        })?,
        O::Log { add } => {
            let numbers = first.numbers()?;
            Column::Number(numbers.unary_opt(|x| (x + add > 0.0).then(|| (x + add).ln())))
        }
        O::Cross => cross(inputs)?,
        O::DatePart { part, unit } => date::apply(first, *part, *unit)?,
        O::Negate => match first {
            Column::Integer(values) => Column::Integer(values.unary_opt(i64::checked_neg)),
            other => map(other, |x| -x)?,
        },
        O::Not => match first {
            Column::Boolean(values) => {
                Column::Boolean(values.iter().map(|x| x.map(|x| !x)).collect())
            }
            _ => return None,
        },
        O::IsNull => {
            let array = first.to_array();
            Column::Boolean(
                (0..array.len())
                    .map(|row| Some(array.is_null(row)))
                    .collect(),
            )
        }
        O::Binary(operator) => binary::apply(*operator, first, inputs.get(1)?)?,
    })
}

/// A function over numbers; what is not a number becomes missing.
fn map(column: &Column, function: impl Fn(f64) -> f64) -> Option<Column> {
    let numbers = column.numbers()?;
    Some(Column::Number(numbers.unary_opt(|x| {
        let y = function(x);
        (!y.is_nan()).then_some(y)
    })))
}

/// TFT's `scale_to_z_score`.
fn z_score(x: f64, mean: f64, variance: f64) -> f64 {
    if variance > 0.0 {
        (x - mean) / variance.sqrt()
    } else {
        x - mean
    }
}

fn index(column: &Column, function: impl Fn(&str) -> i64) -> Option<Column> {
    let texts = column.texts()?;
    Some(Column::Integer(
        texts.iter().map(|term| term.map(&function)).collect(),
    ))
}

/// The bucket of a text: the first 8 bytes of its BLAKE3 hash, little-endian, modulo the buckets.
fn bucket(text: &str, buckets: usize) -> usize {
    let hash = blake3::hash(text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    (u64::from_le_bytes(first) % buckets.max(1) as u64) as usize
}

fn one_hot(column: &Column, width: usize) -> Option<Column> {
    let index = match column {
        Column::Integer(index) => index.clone(),
        Column::Boolean(values) => values.iter().map(|x| x.map(i64::from)).collect(),
        _ => return None,
    };
    Some(Column::OneHot { index, width })
}

fn impute(column: &Column, value: &Literal) -> Option<Column> {
    Some(match (column, value) {
        (Column::Integer(values), Literal::Integer(value)) => {
            Column::Integer(values.iter().map(|x| Some(x.unwrap_or(*value))).collect())
        }
        (Column::Text(values), Literal::Text(value)) => {
            Column::Text(values.iter().map(|x| Some(x.unwrap_or(value))).collect())
        }
        (Column::Boolean(values), Literal::Boolean(value)) => {
            Column::Boolean(values.iter().map(|x| Some(x.unwrap_or(*value))).collect())
        }
        (column, Literal::Integer(_) | Literal::Number(_)) => {
            let value = match value {
                Literal::Integer(value) => *value as f64,
                Literal::Number(value) => *value,
                _ => return None,
            };
            let numbers = column.numbers()?;
            Column::Number(numbers.iter().map(|x| Some(x.unwrap_or(value))).collect())
        }
        _ => return None,
    })
}

fn cross(inputs: &[&Column]) -> Option<Column> {
    let texts: Vec<StringArray> = inputs.iter().map(|c| c.texts()).collect::<Option<_>>()?;
    let rows = texts.first()?.len();
    let joined = (0..rows).map(|row| {
        let parts: Option<Vec<&str>> = texts
            .iter()
            .map(|t| t.is_valid(row).then(|| t.value(row)))
            .collect();
        parts.map(|parts| parts.join("_X_"))
    });
    Some(Column::Text(joined.collect()))
}
