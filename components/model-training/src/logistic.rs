//! Logistic regression for two classes or more.
//!
//! Minimizes `sum of w log loss + l2 / 2 |b|^2` over features scaled to variance
//! 1 by L-BFGS; intercepts are not penalized. As scikit-learn's
//! `LogisticRegression` on standardized features, with `l2` as its `1 / C`. Two
//! classes have one row of coefficients, more have one each (softmax).

use std::ops::Range;

use model_scoring::predictor::{Linear, Link, Predictor};
use rayon::prelude::*;

use crate::dataset::{Dataset, Label};
use crate::error::TrainingError;
use crate::history::{End, Fit, History, Iteration, Progress};
use crate::lbfgs::{self, Stop};
use crate::matrix::{add_scaled, dot, parts};
use crate::standardize::Standardization;
use crate::weighting::{ClassWeight, RowWeights};

/// The hyperparameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The penalty's weight.
    pub l2: f64,
    /// The most iterations.
    pub max_iterations: usize,
    /// How much each class counts.
    pub class_weight: ClassWeight,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            l2: 1.0,
            max_iterations: 500,
            class_weight: ClassWeight::None,
        }
    }
}

/// The slope of the mean log loss at which the search ends: far below what an
/// f32 coefficient can tell apart.
const GRADIENT_MAX: f64 = 1e-7;

/// Trains on `training`. The eval split decides nothing here: the minimum is
/// the minimum.
pub fn fit(
    training: &Dataset,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Fit, TrainingError> {
    check(options)?;
    training.check()?;
    let Label::Classes { indices, count } = &training.label else {
        let (label, instead) = ("numbers", "linear");
        return Err(TrainingError::WrongLabel {
            algorithm: "logistic",
            label,
            instead,
        });
    };
    if indices.iter().all(|class| *class == indices[0]) {
        return Err(TrainingError::OneClass);
    }
    let factors = options.class_weight.factors(training)?;
    let weights = RowWeights::new(training, &factors)?;
    let problem = Problem {
        standardization: Standardization::new(training, &weights, "logistic")?,
        outputs: if *count == 2 { 1 } else { *count },
        l2: options.l2 / weights.total,
        classes: indices,
        training,
        weights,
    };
    problem.run(options.max_iterations, progress)
}

fn check(options: &Options) -> Result<(), TrainingError> {
    let bad = |name, found: String, expected| {
        Err(TrainingError::BadOption {
            name,
            found,
            expected,
        })
    };
    if !(options.l2.is_finite() && options.l2 >= 0.0) {
        return bad(
            "l2",
            options.l2.to_string(),
            "a finite number of at least 0",
        );
    }
    if options.max_iterations == 0 {
        return bad("max_iterations", "0".to_owned(), "at least 1");
    }
    Ok(())
}

/// The loss over points that hold, for every output, a coefficient per scaled
/// feature and then the intercept.
struct Problem<'a> {
    training: &'a Dataset,
    classes: &'a [u32],
    weights: RowWeights,
    standardization: Standardization,
    outputs: usize,
    /// The penalty per unit of weight.
    l2: f64,
}

impl Problem<'_> {
    fn run(
        &self,
        max_iterations: usize,
        progress: &mut Progress<'_>,
    ) -> Result<Fit, TrainingError> {
        let start = vec![0.0; self.outputs * (self.training.width() + 1)];
        let stop = Stop {
            iterations_max: max_iterations,
            gradient_max: GRADIENT_MAX,
        };
        let mut iterations = Vec::new();
        let minimum = lbfgs::minimize(
            start,
            &stop,
            |point, gradient| self.value(point, gradient),
            |number, value| {
                let iteration = Iteration {
                    number,
                    of: max_iterations,
                    train_loss: value,
                    eval_loss: None,
                };
                progress(&iteration);
                iterations.push(iteration);
            },
        );
        if minimum.point.iter().any(|value| !value.is_finite()) {
            return Err(TrainingError::Diverged {
                iterations: minimum.iterations,
            });
        }
        let end = if minimum.converged {
            End::Converged
        } else {
            End::Exhausted
        };
        let history = History {
            iterations,
            kept: minimum.iterations,
            end,
        };
        Ok(Fit {
            predictor: self.predictor(&minimum.point),
            history,
        })
    }

    /// The penalized mean log loss and its gradient.
    fn value(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let width = self.training.width();
        let models: Vec<(Vec<f64>, f64)> = point
            .chunks(width + 1)
            .map(|own| self.standardization.fold_back(own))
            .collect();
        let summed: Vec<(f64, Vec<f64>)> = parts(self.training.rows())
            .into_par_iter()
            .map(|rows| self.sum(rows, &models))
            .collect();
        let mut loss = 0.0;
        gradient.fill(0.0);
        for (part_loss, part_gradient) in summed {
            loss += part_loss;
            add_scaled(gradient, 1.0 / self.weights.total, &part_gradient);
        }
        let mut penalty = 0.0;
        let Standardization { mean, scale } = &self.standardization;
        for (sums, own) in gradient.chunks_mut(width + 1).zip(point.chunks(width + 1)) {
            // So far the sums are over raw features: by the scaled one,
            // d/db = scale * (sum of r x - mean * sum of r).
            let residual = sums[width];
            for feature in 0..width {
                let scaled = scale[feature] * (sums[feature] - mean[feature] * residual);
                sums[feature] = scaled + self.l2 * own[feature];
                penalty += own[feature] * own[feature];
            }
        }
        loss / self.weights.total + 0.5 * self.l2 * penalty
    }

    /// The loss of some rows, and per output the sums of residual x feature and
    /// of the residuals.
    fn sum(&self, rows: Range<usize>, models: &[(Vec<f64>, f64)]) -> (f64, Vec<f64>) {
        let width = self.training.width();
        let mut sums = vec![0.0; self.outputs * (width + 1)];
        let mut values = vec![0.0; width];
        let mut scores = vec![0.0; self.outputs];
        let mut loss = 0.0;
        for row in rows {
            let raw = self.training.row(row);
            values
                .iter_mut()
                .zip(raw)
                .for_each(|(to, from)| *to = f64::from(*from));
            for (score, (coefficients, intercept)) in scores.iter_mut().zip(models) {
                *score = intercept + dot(coefficients, &values);
            }
            let weight = self.weights.of(row);
            loss += weight * residuals(&mut scores, self.classes[row] as usize);
            for (sums, residual) in sums.chunks_mut(width + 1).zip(&scores) {
                add_scaled(&mut sums[..width], weight * residual, &values);
                sums[width] += weight * residual;
            }
        }
        (loss, sums)
    }

    fn predictor(&self, point: &[f64]) -> Predictor {
        let width = self.training.width();
        let (mut coefficients, mut intercepts) = (Vec::new(), Vec::new());
        for own in point.chunks(width + 1) {
            let (own, intercept) = self.standardization.fold_back(own);
            coefficients.extend(own.iter().map(|value| *value as f32));
            intercepts.push(intercept as f32);
        }
        let link = if self.outputs == 1 {
            Link::Logistic
        } else {
            Link::Softmax
        };
        let outputs = self.outputs;
        Predictor::Linear(Linear {
            features: width,
            outputs,
            coefficients,
            intercepts,
            link,
        })
    }
}

/// Turns raw scores into predicted minus true probabilities; gives the log loss.
fn residuals(scores: &mut [f64], class: usize) -> f64 {
    if let [score] = scores {
        let raw = *score;
        let target = class as f64;
        // e^-|s| never overflows.
        let decay = (-raw.abs()).exp();
        let probability = if raw >= 0.0 { 1.0 } else { decay } / (1.0 + decay);
        *score = probability - target;
        return raw.max(0.0) - target * raw + decay.ln_1p();
    }
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = scores[class] - highest;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
    }
    let total: f64 = scores.iter().sum();
    for score in scores.iter_mut() {
        *score /= total;
    }
    scores[class] -= 1.0;
    total.ln() - own
}
