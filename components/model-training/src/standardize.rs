//! Features scaled to mean 0 and variance 1 while a linear model is fitted.
//!
//! The rows are never copied: a coefficient for the scaled feature is turned
//! into one for the feature itself. So a penalty weighs all features alike and
//! the model still takes them as they are.

use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::error::TrainingError;
use crate::weighting::RowWeights;

/// Mean and scale of every feature of the training split.
pub(crate) struct Standardization {
    pub(crate) mean: Vec<f64>,
    /// 1 / population standard deviation; 0 for a constant, whose coefficient
    /// is therefore 0.
    pub(crate) scale: Vec<f64>,
}

/// Variances below this share of the squared mean are rounding of an f32.
const RELATIVE_VARIANCE_MIN: f64 = 1e-15;

impl Standardization {
    /// Means and scales; values that are missing or infinite are errors.
    pub(crate) fn new(
        training: &Dataset,
        weights: &RowWeights,
        algorithm: &'static str,
    ) -> Result<Standardization, TrainingError> {
        let moments: Vec<Result<(f64, f64), TrainingError>> = (0..training.width())
            .into_par_iter()
            .map(|feature| {
                check_finite(training, feature, algorithm)?;
                Ok(moments(training, weights, feature))
            })
            .collect();
        let (mut mean, mut scale) = (Vec::new(), Vec::new());
        for moment in moments {
            let (feature_mean, variance) = moment?;
            mean.push(feature_mean);
            let constant = variance <= RELATIVE_VARIANCE_MIN * feature_mean * feature_mean;
            scale.push(if constant { 0.0 } else { 1.0 / variance.sqrt() });
        }
        Ok(Standardization { mean, scale })
    }

    /// Coefficients and intercept for scaled features, turned into those for
    /// the features themselves; `scaled` holds the intercept last.
    pub(crate) fn fold_back(&self, scaled: &[f64]) -> (Vec<f64>, f64) {
        let width = self.mean.len();
        let own: Vec<f64> = scaled[..width]
            .iter()
            .zip(&self.scale)
            .map(|(w, s)| w * s)
            .collect();
        let shift: f64 = own.iter().zip(&self.mean).map(|(w, m)| w * m).sum();
        (own, scaled[width] - shift)
    }
}

fn check_finite(
    training: &Dataset,
    feature: usize,
    algorithm: &'static str,
) -> Result<(), TrainingError> {
    let values = (0..training.rows()).map(|row| training.row(row)[feature]);
    let Some(found) = values.into_iter().find(|value| !value.is_finite()) else {
        return Ok(());
    };
    let feature = training.feature_names[feature].clone();
    Err(if found.is_nan() {
        TrainingError::Missing { feature, algorithm }
    } else {
        TrainingError::Infinite { feature, algorithm }
    })
}

/// Weighted mean and population variance, in two passes.
fn moments(training: &Dataset, weights: &RowWeights, feature: usize) -> (f64, f64) {
    let weighted = |of: &dyn Fn(f64) -> f64| -> f64 {
        let value = |row: usize| f64::from(training.row(row)[feature]);
        (0..training.rows())
            .map(|row| weights.of(row) * of(value(row)))
            .sum::<f64>()
            / weights.total
    };
    let mean = weighted(&|value| value);
    (mean, weighted(&|value| (value - mean) * (value - mean)))
}
