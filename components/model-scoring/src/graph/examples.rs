//! Transformed examples: the features, label, weight and key of a graph as columns of a table.
//!
//! The convention between the step that transforms and the step that trains: every number of the
//! feature tensor is a float64 column that holds a float32 exactly, named as
//! [`Graph::feature_columns`] says (null is missing); `label` is the class's index (int64) if the label
//! has classes, else a float64; `weight` is a float64; `key` is as it was. Rows whose label or weight
//! is missing are left out.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::column::arrow_type;
use super::types::ValueType;
use super::{Features, Graph, Labels, Role};
use crate::error::ScoringError;
use crate::signature::ColumnType;

/// The label's column in transformed examples.
pub const LABEL_COLUMN: &str = "label";
/// The weight's column in transformed examples.
pub const WEIGHT_COLUMN: &str = "weight";
/// The key's column in transformed examples.
pub const KEY_COLUMN: &str = "key";

/// Transformed rows, and how many were left out.
#[derive(Debug, Clone)]
pub struct Materialised {
    /// Features, label, weight, key.
    pub batch: RecordBatch,
    /// Rows without a label, or with a class that the training split does not have.
    pub without_label: usize,
    /// Rows with a label but without a weight.
    pub without_weight: usize,
}

impl Graph {
    /// The columns of transformed examples.
    pub fn transformed_schema(&self) -> Result<SchemaRef, ScoringError> {
        let types = self.check()?;
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let mut fields: Vec<Field> = self
            .feature_columns()
            .iter()
            .map(|name| field(name, DataType::Float64))
            .collect();
        for output in &self.outputs {
            match output.role {
                Role::Feature => {}
                Role::Label if output.classes.is_some() => {
                    fields.push(field(LABEL_COLUMN, DataType::Int64));
                }
                Role::Label => fields.push(field(LABEL_COLUMN, DataType::Float64)),
                Role::Weight => fields.push(field(WEIGHT_COLUMN, DataType::Float64)),
                Role::Key => fields.push(field(KEY_COLUMN, key_type(types[output.node]))),
            }
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Transforms raw rows, as training reads them.
    pub fn transform(&self, batch: &RecordBatch) -> Result<Materialised, ScoringError> {
        let schema = self.transformed_schema()?;
        let features = self.features(batch)?;
        let mut columns: Vec<ArrayRef> = (0..features.width)
            .map(|column| -> ArrayRef {
                let values = (0..features.rows).map(|row| {
                    let value = features.values[row * features.width + column];
                    (!value.is_nan()).then(|| f64::from(value))
                });
                Arc::new(values.collect::<Float64Array>())
            })
            .collect();
        let rows = batch.num_rows();
        let (mut labelled, mut weighted) = (vec![true; rows], vec![true; rows]);
        for output in &self.outputs {
            match output.role {
                Role::Feature => {}
                Role::Label => columns.push(match self.labels(batch)? {
                    Labels::Classes { indices, .. } => {
                        labelled = indices.iter().map(Option::is_some).collect();
                        let indices = indices.into_iter().map(|index| index.map(i64::from));
                        Arc::new(indices.collect::<Int64Array>())
                    }
                    Labels::Numbers(numbers) => {
                        labelled = numbers.iter().map(Option::is_some).collect();
                        Arc::new(Float64Array::from(numbers))
                    }
                }),
                Role::Weight => {
                    let weights = self.weights(batch)?.unwrap_or_default();
                    weighted = weights.iter().map(Option::is_some).collect();
                    columns.push(Arc::new(Float64Array::from(weights)));
                }
                Role::Key => {
                    let values = self.evaluate(batch, &[output.node])?;
                    columns.push(values[&output.node].to_array());
                }
            }
        }
        let kept: BooleanArray = labelled
            .iter()
            .zip(&weighted)
            .map(|(a, b)| Some(*a && *b))
            .collect();
        let without_label = labelled.iter().filter(|has| !**has).count();
        let batch = RecordBatch::try_new(schema, columns)?;
        let without_weight = rows - without_label - kept.true_count();
        let batch = arrow_select::filter::filter_record_batch(&batch, &kept)?;
        Ok(Materialised {
            batch,
            without_label,
            without_weight,
        })
    }

    /// The features of transformed examples.
    pub fn transformed_features(&self, batch: &RecordBatch) -> Result<Features, ScoringError> {
        let names = self.feature_columns();
        let (rows, width) = (batch.num_rows(), names.len());
        let mut values = vec![f32::NAN; rows * width];
        for (column, name) in names.iter().enumerate() {
            let numbers = transformed(batch, name, &DataType::Float64)?;
            for (row, value) in numbers.as_primitive::<Float64Type>().iter().enumerate() {
                if let Some(value) = value {
                    values[row * width + column] = value as f32;
                }
            }
        }
        Ok(Features {
            rows,
            width,
            values,
        })
    }

    /// The labels of transformed examples.
    pub fn transformed_labels(&self, batch: &RecordBatch) -> Result<Labels, ScoringError> {
        let output = self
            .label_output()
            .ok_or_else(|| ScoringError::Graph("it has no label".to_owned()))?;
        let Some(classes) = &output.classes else {
            let column = transformed(batch, LABEL_COLUMN, &DataType::Float64)?;
            let numbers = column.as_primitive::<Float64Type>().iter();
            return Ok(Labels::Numbers(numbers.collect()));
        };
        let column = transformed(batch, LABEL_COLUMN, &DataType::Int64)?;
        let known = |index: i64| {
            u32::try_from(index)
                .ok()
                .filter(|index| (*index as usize) < classes.len())
        };
        let indices = column.as_primitive::<Int64Type>().iter();
        Ok(Labels::Classes {
            classes: classes.clone(),
            indices: indices.map(|index| index.and_then(known)).collect(),
        })
    }

    /// The weights of transformed examples, if the graph has weights.
    pub fn transformed_weights(
        &self,
        batch: &RecordBatch,
    ) -> Result<Option<Vec<f64>>, ScoringError> {
        if !self
            .outputs
            .iter()
            .any(|output| output.role == Role::Weight)
        {
            return Ok(None);
        }
        let column = transformed(batch, WEIGHT_COLUMN, &DataType::Float64)?;
        Ok(Some(
            column
                .as_primitive::<Float64Type>()
                .iter()
                .map(|x| x.unwrap_or(0.0))
                .collect(),
        ))
    }
}

fn transformed<'a>(
    batch: &'a RecordBatch,
    name: &str,
    expected: &DataType,
) -> Result<&'a ArrayRef, ScoringError> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| ScoringError::MissingColumn {
            column: name.to_owned(),
        })?;
    if column.data_type() != expected {
        return Err(ScoringError::ColumnType {
            column: name.to_owned(),
            found: column.data_type().to_string(),
            expected: expected.to_string(),
        });
    }
    Ok(column)
}

fn key_type(value_type: ValueType) -> DataType {
    arrow_type(match value_type {
        ValueType::Number => ColumnType::Float64,
        ValueType::Text => ColumnType::String,
        ValueType::Boolean => ColumnType::Boolean,
        ValueType::Timestamp => ColumnType::Timestamp,
        ValueType::Integer | ValueType::Index { .. } | ValueType::OneHot { .. } => {
            ColumnType::Int64
        }
    })
}
