//! Metrics of regressions.
//!
//! The definitions are scikit-learn's (`sklearn.metrics`, version 1.5); the function is named at each.

use super::{Metric, ratio};

/// Labels and predicted values.
#[derive(Debug, Clone)]
pub struct NumberOutcomes {
    labels: Vec<f64>,
    predictions: Vec<f32>,
    weights: Vec<f64>,
}

impl NumberOutcomes {
    /// Labels, predictions and weights.
    ///
    /// # Panics
    ///
    /// If the lengths differ: that is the caller's broken promise.
    pub fn new(labels: Vec<f64>, predictions: Vec<f32>, weights: Option<Vec<f64>>) -> Self {
        assert_eq!(labels.len(), predictions.len(), "one prediction per label");
        let weights = weights.unwrap_or_else(|| vec![1.0; labels.len()]);
        assert_eq!(labels.len(), weights.len(), "one weight per label");
        Self {
            labels,
            predictions,
            weights,
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// The weight of every row.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// These rows alone.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            labels: rows.iter().map(|row| self.labels[*row]).collect(),
            predictions: rows.iter().map(|row| self.predictions[*row]).collect(),
            weights: rows.iter().map(|row| self.weights[*row]).collect(),
        }
    }

    pub(super) fn metric(&self, metric: Metric, weights: &[f64]) -> f64 {
        let mean = |value: &dyn Fn(f64, f64) -> f64| self.mean(weights, value);
        match metric {
            // mean_absolute_error
            Metric::Mae => mean(&|label, prediction| (label - prediction).abs()),
            // root_mean_squared_error
            Metric::Rmse => mean(&|label, prediction| (label - prediction).powi(2)).sqrt(),
            // mean_absolute_percentage_error: a label of 0 counts as the float's epsilon
            Metric::Mape => mean(&|label, prediction| {
                (label - prediction).abs() / label.abs().max(f64::EPSILON)
            }),
            // r2_score with force_finite: constant labels give 1 if met, else 0
            Metric::R2 => {
                let centre = mean(&|label, _| label);
                let residual = mean(&|label, prediction| (label - prediction).powi(2));
                let total = mean(&|label, _| (label - centre).powi(2));
                if total.is_nan() {
                    f64::NAN
                } else if total == 0.0 {
                    f64::from(u8::from(residual == 0.0))
                } else {
                    1.0 - residual / total
                }
            }
            _ => f64::NAN,
        }
    }

    fn mean(&self, weights: &[f64], value: &dyn Fn(f64, f64) -> f64) -> f64 {
        let mut sum = 0.0;
        for ((label, prediction), weight) in self.labels.iter().zip(&self.predictions).zip(weights)
        {
            sum += weight * value(*label, f64::from(*prediction));
        }
        ratio(sum, weights.iter().sum(), f64::NAN)
    }
}
