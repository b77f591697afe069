//! The losses that boosting lowers, with their derivatives by the raw score.

use model_scoring::predictor::Link;
use rayon::prelude::*;

use super::split::Gradient;
use crate::dataset::{Dataset, Label};
use crate::error::TrainingError;
use crate::matrix::parts;
use crate::weighting::RowWeights;

/// Second derivatives are kept above this, so that rows that are predicted with
/// certainty still count in their leaf.
const SECOND_MIN: f64 = 1e-9;

/// Probabilities of the base score are kept this far from 0 and 1, where the
/// score would be infinite (a class that does not occur).
const PROBABILITY_MIN: f64 = 1e-7;

/// The loss of one dataset.
pub(super) struct Objective<'a> {
    label: &'a Label,
    weights: RowWeights,
    base: Vec<f32>,
}

impl<'a> Objective<'a> {
    /// For training: the base score is the best constant.
    pub(super) fn new(
        training: &'a Dataset,
        weights: RowWeights,
    ) -> Result<Objective<'a>, TrainingError> {
        let base = base(&training.label, &weights)?;
        Ok(Objective {
            label: &training.label,
            weights,
            base,
        })
    }

    /// For losses alone, weighed like the training split.
    pub(super) fn new_for_eval(
        eval: &'a Dataset,
        factors: &[f64],
    ) -> Result<Objective<'a>, TrainingError> {
        let weights = RowWeights::new(eval, factors)?;
        Ok(Objective {
            label: &eval.label,
            weights,
            base: Vec::new(),
        })
    }

    /// Where all scores start, one per output.
    pub(super) fn base(&self) -> &[f32] {
        &self.base
    }

    /// From raw scores to predictions.
    pub(super) fn link(&self) -> Link {
        match self.label {
            Label::Values(_) => Link::Identity,
            Label::Classes { count: 2, .. } => Link::Logistic,
            Label::Classes { .. } => Link::Softmax,
        }
    }

    /// Mean loss per unit of weight.
    pub(super) fn loss(&self, scores: &[Vec<f64>]) -> f64 {
        let part = |rows: std::ops::Range<usize>| -> f64 {
            let mut one = vec![0.0; scores.len()];
            rows.map(|row| {
                one.iter_mut()
                    .zip(scores)
                    .for_each(|(to, column)| *to = column[row]);
                self.weights.of(row) * self.row(row, &mut one, |_, _, _| ())
            })
            .sum()
        };
        let sums: Vec<f64> = parts(self.label.len()).into_par_iter().map(part).collect();
        sums.into_iter().sum::<f64>() / self.weights.total
    }

    /// The gradients of every output at every row, and the mean loss.
    pub(super) fn gradients(&self, scores: &[Vec<f64>]) -> (Vec<Vec<Gradient>>, f64) {
        let parts: Vec<(Vec<Vec<Gradient>>, f64)> = parts(self.label.len())
            .into_par_iter()
            .map(|rows| self.gradients_of(rows, scores))
            .collect();
        let mut columns: Vec<Vec<Gradient>> = scores
            .iter()
            .map(|column| Vec::with_capacity(column.len()))
            .collect();
        let mut loss = 0.0;
        for (gradients, part_loss) in parts {
            loss += part_loss;
            columns
                .iter_mut()
                .zip(gradients)
                .for_each(|(column, part)| column.extend(part));
        }
        (columns, loss / self.weights.total)
    }

    fn gradients_of(
        &self,
        rows: std::ops::Range<usize>,
        scores: &[Vec<f64>],
    ) -> (Vec<Vec<Gradient>>, f64) {
        let mut columns = vec![vec![Gradient::default(); rows.len()]; scores.len()];
        let mut one = vec![0.0; scores.len()];
        let mut loss = 0.0;
        for (at, row) in rows.enumerate() {
            let weight = self.weights.of(row);
            one.iter_mut()
                .zip(scores)
                .for_each(|(to, column)| *to = column[row]);
            loss += weight
                * self.row(row, &mut one, |output, first, second| {
                    columns[output][at] = Gradient {
                        first: (weight * first) as f32,
                        second: (weight * second) as f32,
                    };
                });
        }
        (columns, loss)
    }

    /// The loss of one row; `give` gets each output's two derivatives.
    fn row(&self, row: usize, scores: &mut [f64], mut give: impl FnMut(usize, f64, f64)) -> f64 {
        match self.label {
            Label::Values(values) => {
                let error = scores[0] - values[row];
                give(0, error, 1.0);
                error * error
            }
            Label::Classes { indices, count: 2 } => {
                let target = f64::from(indices[row]);
                // e^-|s| never overflows.
                let decay = (-scores[0].abs()).exp();
                let of_larger = 1.0 / (1.0 + decay);
                let probability = if scores[0] >= 0.0 {
                    of_larger
                } else {
                    decay * of_larger
                };
                let second = decay * of_larger * of_larger;
                give(0, probability - target, second.max(SECOND_MIN));
                scores[0].max(0.0) - target * scores[0] + decay.ln_1p()
            }
            Label::Classes { indices, .. } => {
                let class = indices[row] as usize;
                let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let own = scores[class] - highest;
                for score in scores.iter_mut() {
                    *score = (*score - highest).exp();
                }
                let total: f64 = scores.iter().sum();
                for (output, odds) in scores.iter().enumerate() {
                    let probability = odds / total;
                    let target = f64::from(u8::from(output == class));
                    let second = probability * (1.0 - probability);
                    give(output, probability - target, second.max(SECOND_MIN));
                }
                total.ln() - own
            }
        }
    }
}

/// The best constant scores: the mean, the log odds, the log frequencies.
fn base(label: &Label, weights: &RowWeights) -> Result<Vec<f32>, TrainingError> {
    match label {
        Label::Values(values) => {
            let weighted = |(row, value): (usize, &f64)| weights.of(row) * value;
            let sum: f64 = values.iter().enumerate().map(weighted).sum();
            Ok(vec![(sum / weights.total) as f32])
        }
        Label::Classes { indices, count } => {
            let mut shares = vec![0.0; *count];
            for (row, class) in indices.iter().enumerate() {
                shares[*class as usize] += weights.of(row) / weights.total;
            }
            if shares.iter().filter(|share| **share > 0.0).count() < 2 {
                return Err(TrainingError::OneClass);
            }
            let bounded = |share: &f64| share.clamp(PROBABILITY_MIN, 1.0 - PROBABILITY_MIN);
            if *count == 2 {
                let positive = bounded(&shares[1]);
                return Ok(vec![(positive / (1.0 - positive)).ln() as f32]);
            }
            Ok(shares
                .iter()
                .map(|share| bounded(share).ln() as f32)
                .collect())
        }
    }
}
