//! Numbers to learn from: features, label, weights.
//!
//! It does not know where they come from, nor what the classes are called.

use crate::error::TrainingError;
use crate::limits::{CLASSES_MAX, FEATURES_MAX, ROWS_MAX};

/// What is to be predicted, one entry per row.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// Class indices below `count`. Two classes make a binary task.
    Classes {
        /// One per row.
        indices: Vec<u32>,
        /// How many classes there are, whether or not all occur.
        count: usize,
    },
    /// Numbers, for regression.
    Values(Vec<f64>),
}

impl Label {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Label::Classes { indices, .. } => indices.len(),
            Label::Values(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One split as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// A name per feature column, for messages.
    pub feature_names: Vec<String>,
    /// Row-major, rows x features; NaN is missing.
    pub features: Vec<f32>,
    /// One per row.
    pub label: Label,
    /// One per row, at least 0; `None` weighs all rows alike.
    pub weight: Option<Vec<f32>>,
}

impl Dataset {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.label.len()
    }

    /// The number of feature columns.
    pub fn width(&self) -> usize {
        self.feature_names.len()
    }

    /// The features of one row.
    pub fn row(&self, row: usize) -> &[f32] {
        let width = self.width();
        &self.features[row * width..(row + 1) * width]
    }

    /// Checks everything that the trainers rely on.
    pub fn check(&self) -> Result<(), TrainingError> {
        let rows = self.rows();
        at_most("rows", rows, ROWS_MAX)?;
        at_most("features", self.width(), FEATURES_MAX)?;
        if self.width() == 0 {
            return Err(TrainingError::NoFeatures);
        }
        if rows == 0 {
            return Err(TrainingError::NoRows);
        }
        same_length("the features", rows * self.width(), self.features.len())?;
        if let Some(weight) = &self.weight {
            same_length("the weight", rows, weight.len())?;
            let bad = |value: &f32| !value.is_finite() || *value < 0.0;
            if let Some(row) = weight.iter().position(bad) {
                let found = f64::from(weight[row]);
                return Err(TrainingError::BadWeight { row, found });
            }
        }
        self.check_label()
    }

    fn check_label(&self) -> Result<(), TrainingError> {
        let (row, found, expected) = match &self.label {
            Label::Classes { indices, count } => {
                at_most("classes", *count, CLASSES_MAX)?;
                let bad = indices.iter().position(|index| *index as usize >= *count);
                let Some(row) = bad else { return Ok(()) };
                (
                    row,
                    indices[row].to_string(),
                    format!("a class below {count}"),
                )
            }
            Label::Values(values) => {
                let bad = values.iter().position(|value| !value.is_finite());
                let Some(row) = bad else { return Ok(()) };
                (row, values[row].to_string(), "a finite number".to_owned())
            }
        };
        Err(TrainingError::BadLabel {
            row,
            found,
            expected,
        })
    }
}

fn at_most(what: &'static str, found: usize, maximum: usize) -> Result<(), TrainingError> {
    if found > maximum {
        return Err(TrainingError::TooMany {
            what,
            found,
            maximum,
        });
    }
    Ok(())
}

fn same_length(what: &'static str, expected: usize, found: usize) -> Result<(), TrainingError> {
    if found != expected {
        return Err(TrainingError::Length {
            what,
            expected,
            found,
        });
    }
    Ok(())
}
