//! What one would predict without looking at a single feature.
//!
//! Always beside a trained model: a model is worth only what it is better by.

use model_scoring::predictor::{Link, Predictor, TreeEnsemble};

use crate::dataset::{Dataset, Label};
use crate::error::TrainingError;
use crate::weighting::RowWeights;

/// The least share that a class is given, so that its log loss stays finite.
const SHARE_MIN: f64 = 1e-7;

/// The mean of a number, or the share of each class, whose largest is the
/// majority. Rows count by their own weight.
pub fn fit(training: &Dataset) -> Result<Predictor, TrainingError> {
    training.check()?;
    let base_and_link = match &training.label {
        Label::Values(values) => {
            let weights = RowWeights::new(training, &[])?;
            let weighted = |(row, value): (usize, &f64)| weights.of(row) * value;
            let mean = values.iter().enumerate().map(weighted).sum::<f64>() / weights.total;
            (vec![mean as f32], Link::Identity)
        }
        Label::Classes { indices, count } => {
            let weights = RowWeights::new(training, &vec![1.0; *count])?;
            let mut shares = vec![0.0; *count];
            for (row, class) in indices.iter().enumerate() {
                shares[*class as usize] += weights.of(row) / weights.total;
            }
            for share in &mut shares {
                *share = share.clamp(SHARE_MIN, 1.0 - SHARE_MIN);
            }
            if *count == 2 {
                (
                    vec![(shares[1] / (1.0 - shares[1])).ln() as f32],
                    Link::Logistic,
                )
            } else {
                (
                    shares.iter().map(|share| share.ln() as f32).collect(),
                    Link::Softmax,
                )
            }
        }
    };
    let (base, link) = base_and_link;
    // No trees, rather than coefficients of 0: 0 x missing would be missing.
    Ok(Predictor::Trees(TreeEnsemble {
        features: training.width(),
        outputs: base.len(),
        base,
        link,
        trees: Vec::new(),
    }))
}
