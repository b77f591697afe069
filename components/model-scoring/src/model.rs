//! A model folder, and the one function that scores with it.
//!
//! Evaluation, the checks before a push, batch prediction and serving all call [`score`] with RAW rows.
//! It computes no more of the graph than the features need, so rows without a label are fine.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use serde_json::Value;

use crate::error::ScoringError;
use crate::graph::{Column, Features, Graph};
use crate::onnx;
use crate::predictor::Predictor;
use crate::rows::{Row, float, to_float};
use crate::signature::{ColumnType, Signature};

/// The file of the predictor in a model folder of the flavour `onnx`.
pub const ONNX_FILE: &str = "model.onnx";
/// The flavour that the built-in evaluator runs.
pub const ONNX_FLAVOUR: &str = "onnx";

/// A model, ready to score.
#[derive(Debug, Clone)]
pub struct Model {
    signature: Signature,
    graph: Option<Graph>,
    predictor: Predictor,
}

/// What a model says of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// The number of rows.
    pub rows: usize,
    /// The number of values per row: one per class in the order of the label's classes, or 1.
    pub width: usize,
    /// rows x width, row-major.
    pub values: Vec<f32>,
}

impl Predictions {
    /// The values of one row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

/// The field that holds a number that was predicted, beside a row's own.
pub const VALUE_FIELD: &str = "prediction.value";
/// The field that holds the probability of every class, beside a row's own.
pub const PROBABILITY_FIELD: &str = "prediction.probability";
/// The field that says which model predicted, by the digest of its folder.
pub const MODEL_DIGEST_FIELD: &str = "prediction.model_digest";
/// What the names of these fields begin with; no raw column is called so.
pub const FIELD_PREFIX: &str = "prediction.";

impl Predictions {
    /// The predictions as a column of examples: a number, or the list of the classes' probabilities.
    pub fn column(&self) -> (&'static str, ArrayRef) {
        let numbers =
            |values: &[f32]| -> Vec<f64> { values.iter().copied().map(f64::from).collect() };
        if self.width == 1 {
            let values = Float64Array::from(numbers(&self.values));
            return (VALUE_FIELD, Arc::new(values));
        }
        let mut lists = ListBuilder::new(Float64Builder::with_capacity(self.values.len()));
        for row in 0..self.rows {
            lists.values().append_slice(&numbers(self.row(row)));
            lists.append(true);
        }
        (PROBABILITY_FIELD, Arc::new(lists.finish()))
    }

    /// The numbers that a row holds as its prediction, by whichever model; `None` if it holds none.
    pub fn written(row: &Row) -> Option<Vec<f64>> {
        if let Some(value) = row.get(VALUE_FIELD) {
            return to_float(value).map(|value| vec![value]);
        }
        let values = row.get(PROBABILITY_FIELD)?.as_array()?;
        values.iter().map(to_float).collect()
    }

    /// The prediction for one row as a field of it.
    pub fn field(&self, row: usize) -> (&'static str, Value) {
        let number = |x: &f32| float(f64::from(*x));
        match self.row(row) {
            [value] => (VALUE_FIELD, number(value)),
            values => (PROBABILITY_FIELD, values.iter().map(number).collect()),
        }
    }
}

impl Model {
    /// Loads a model folder and checks that its parts belong together.
    pub fn load(folder: &Path) -> Result<Self, ScoringError> {
        let signature = Signature::read(folder)?;
        if signature.flavour != ONNX_FLAVOUR {
            return Err(ScoringError::Model(format!(
                "its flavour is `{}`, and only `{ONNX_FLAVOUR}` is run here; score it in its own framework and pass the predictions on",
                signature.flavour
            )));
        }
        let graph = match &signature.transform_digest {
            None => None,
            Some(expected) => {
                let found = Graph::digest(folder)?;
                if found != *expected {
                    let path = folder.join(crate::graph::FILE);
                    return Err(ScoringError::Digest {
                        path,
                        found,
                        expected: expected.clone(),
                    });
                }
                Some(Graph::read(folder)?)
            }
        };
        let predictor = onnx::read(&crate::graph::read_file(&folder.join(ONNX_FILE))?)?;
        Self::new(signature, graph, predictor)
    }

    /// A model of parts in memory.
    pub fn new(
        signature: Signature,
        graph: Option<Graph>,
        predictor: Predictor,
    ) -> Result<Self, ScoringError> {
        let named: usize = signature.features.iter().map(|feature| feature.width).sum();
        let computed = graph.as_ref().map_or(named, Graph::width);
        if named != computed || named != predictor.features() {
            return Err(ScoringError::Model(format!(
                "the signature names {named} feature values, the graph gives {computed}, the model takes {}",
                predictor.features()
            )));
        }
        let classes = signature.label.classes.len().max(1);
        if classes != predictor.width() {
            return Err(ScoringError::Model(format!(
                "the signature names {} classes, the model gives {} values",
                signature.label.classes.len(),
                predictor.width()
            )));
        }
        Ok(Self {
            signature,
            graph,
            predictor,
        })
    }

    /// What the model takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// How raw rows become features; `None`: the model takes raw columns.
    pub fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// The function from features to predictions.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    /// The features of raw rows.
    pub fn features(&self, batch: &RecordBatch) -> Result<Features, ScoringError> {
        match &self.graph {
            Some(graph) => graph.features(batch),
            None => raw_features(&self.signature, batch),
        }
    }

    /// Predictions from features.
    pub fn predict(&self, features: &Features) -> Predictions {
        Predictions {
            rows: features.rows,
            width: self.predictor.width(),
            values: self.predictor.predict(&features.values, features.rows),
        }
    }
}

/// Predictions for raw rows: THE function from raw rows to predictions, for every use.
pub fn score(model: &Model, batch: &RecordBatch) -> Result<Predictions, ScoringError> {
    Ok(model.predict(&model.features(batch)?))
}

/// The tensor of a model that takes raw columns: each must be a number.
fn raw_features(signature: &Signature, batch: &RecordBatch) -> Result<Features, ScoringError> {
    let (rows, width) = (batch.num_rows(), signature.features.len());
    let mut values = vec![f32::NAN; rows * width];
    for (column, feature) in signature.features.iter().enumerate() {
        let array =
            batch
                .column_by_name(&feature.name)
                .ok_or_else(|| ScoringError::MissingColumn {
                    column: feature.name.clone(),
                })?;
        let raw = Column::from_array(&feature.name, array, ColumnType::Float64)?;
        for (row, value) in raw.numbers().iter().flatten().enumerate() {
            values[row * width + column] = value.map_or(f32::NAN, |x| x as f32);
        }
    }
    Ok(Features {
        rows,
        width,
        values,
    })
}
