//! Ridge regression: a number as a weighted sum of the features.
//!
//! Minimizes `sum of w (y - x b - a)^2 + l2 |b|^2` over features scaled to
//! variance 1; the intercept is not penalized. As scikit-learn's `Ridge` on
//! standardized features, with `l2` as its `alpha`. Up to a limit of features
//! the normal equations are solved, above it the sum is minimized by L-BFGS.

use model_scoring::predictor::{Linear, Link, Predictor};
use rayon::prelude::*;

use crate::dataset::{Dataset, Label};
use crate::error::TrainingError;
use crate::history::{End, Fit, History, Iteration, Progress};
use crate::lbfgs::{self, Stop};
use crate::limits::NORMAL_EQUATIONS_FEATURES_MAX;
use crate::matrix::{add_scaled, dot, parts, solve_positive_definite};
use crate::standardize::Standardization;
use crate::weighting::RowWeights;

/// The hyperparameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The penalty's weight.
    pub l2: f64,
    /// The most iterations, where it takes any.
    pub max_iterations: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            l2: 1.0,
            max_iterations: 500,
        }
    }
}

/// The mean squared error's slope at which the search ends, in labels scaled to
/// variance 1.
const GRADIENT_MAX: f64 = 1e-8;

/// Trains on `training`. The eval split decides nothing here; its loss is
/// reported.
pub fn fit(
    training: &Dataset,
    options: &Options,
    eval: Option<&Dataset>,
    progress: &mut Progress<'_>,
) -> Result<Fit, TrainingError> {
    check(options)?;
    training.check()?;
    let Label::Values(values) = &training.label else {
        let (label, instead) = ("classes", "logistic");
        return Err(TrainingError::WrongLabel {
            algorithm: "linear",
            label,
            instead,
        });
    };
    let weights = RowWeights::new(training, &[])?;
    let problem = Problem {
        standardization: Standardization::new(training, &weights, "linear")?,
        target: centred(values, &weights),
        training,
        weights: &weights,
        l2: options.l2,
    };
    let (scaled, iterations, end) = if training.width() <= NORMAL_EQUATIONS_FEATURES_MAX {
        (problem.solve()?, 1, End::Converged)
    } else {
        problem.search(options)
    };
    let predictor = problem.predictor(&scaled, values);
    let iteration = Iteration {
        number: iterations,
        of: iterations,
        train_loss: squared_error(&predictor, training, &weights),
        eval_loss: match eval.filter(|eval| eval.rows() > 0) {
            Some(eval) => Some(squared_error(
                &predictor,
                eval,
                &RowWeights::new(eval, &[])?,
            )),
            None => None,
        },
    };
    if !iteration.train_loss.is_finite() {
        return Err(TrainingError::Diverged { iterations });
    }
    progress(&iteration);
    let history = History {
        iterations: vec![iteration],
        kept: iterations,
        end,
    };
    Ok(Fit { predictor, history })
}

fn check(options: &Options) -> Result<(), TrainingError> {
    if options.l2.is_finite() && options.l2 >= 0.0 {
        return Ok(());
    }
    let found = options.l2.to_string();
    Err(TrainingError::BadOption {
        name: "l2",
        found,
        expected: "a finite number of at least 0",
    })
}

fn mean(values: &[f64], weights: &RowWeights) -> f64 {
    let weighted = |(row, value): (usize, &f64)| weights.of(row) * value;
    values.iter().enumerate().map(weighted).sum::<f64>() / weights.total
}

fn centred(values: &[f64], weights: &RowWeights) -> Vec<f64> {
    let mean = mean(values, weights);
    values.iter().map(|value| value - mean).collect()
}

fn squared_error(predictor: &Predictor, dataset: &Dataset, weights: &RowWeights) -> f64 {
    let Label::Values(values) = &dataset.label else {
        return f64::NAN;
    };
    let predictions = predictor.predict(&dataset.features, dataset.rows());
    let error = |(row, (value, prediction)): (usize, (&f64, &f32))| {
        let off = f64::from(*prediction) - value;
        weights.of(row) * off * off
    };
    values
        .iter()
        .zip(&predictions)
        .enumerate()
        .map(error)
        .sum::<f64>()
        / weights.total
}

/// Scaled features and a centred label: the intercept drops out.
struct Problem<'a> {
    training: &'a Dataset,
    weights: &'a RowWeights,
    standardization: Standardization,
    target: Vec<f64>,
    l2: f64,
}

/// Rows that are scaled at a time for the normal equations: few enough for the
/// caches, enough to be worth the threads.
const BLOCK_ROWS: usize = 256;

impl Problem<'_> {
    fn scaled_row(&self, row: usize, scaled: &mut [f64]) {
        let Standardization { mean, scale } = &self.standardization;
        let values = self.training.row(row);
        for (feature, to) in scaled.iter_mut().enumerate() {
            *to = (f64::from(values[feature]) - mean[feature]) * scale[feature];
        }
    }

    /// The normal equations `(Z'WZ + l2 I) b = Z'Wy`.
    fn solve(&self) -> Result<Vec<f64>, TrainingError> {
        let (rows, width) = (self.training.rows(), self.training.width());
        let mut gram = vec![0.0; width * width];
        let mut moment = vec![0.0; width];
        let mut block = vec![0.0; BLOCK_ROWS * width];
        for begin in (0..rows).step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(rows - begin);
            let block = &mut block[..count * width];
            block
                .par_chunks_mut(width)
                .enumerate()
                .with_min_len(32)
                .for_each(|(at, scaled)| {
                    self.scaled_row(begin + at, scaled);
                    let root = self.weights.of(begin + at).sqrt();
                    for value in scaled {
                        *value *= root;
                    }
                });
            for (at, scaled) in block.chunks(width).enumerate() {
                let root = self.weights.of(begin + at).sqrt();
                add_scaled(&mut moment, root * self.target[begin + at], scaled);
            }
            // Each row of the matrix is summed by one thread, in the rows' order.
            gram.par_chunks_mut(width)
                .enumerate()
                .with_min_len(8)
                .for_each(|(at, sums)| {
                    for scaled in block.chunks(width) {
                        add_scaled(&mut sums[..=at], scaled[at], &scaled[..=at]);
                    }
                });
        }
        for feature in 0..width {
            let diagonal = &mut gram[feature * width + feature];
            *diagonal += self.l2;
            if self.standardization.scale[feature] == 0.0 {
                // A constant: its row and column are 0, and so is its coefficient.
                *diagonal = 1.0;
            }
        }
        solve_positive_definite(&mut gram, &moment).ok_or(TrainingError::Singular)
    }

    /// The same minimum, searched.
    fn search(&self, options: &Options) -> (Vec<f64>, usize, End) {
        let variance = (0..self.target.len())
            .map(|row| self.weights.of(row) * self.target[row] * self.target[row])
            .sum::<f64>()
            / self.weights.total;
        let stop = Stop {
            iterations_max: options.max_iterations,
            gradient_max: GRADIENT_MAX * variance.sqrt(),
        };
        let start = vec![0.0; self.training.width()];
        let minimum = lbfgs::minimize(
            start,
            &stop,
            |point, gradient| self.value(point, gradient),
            |_, _| (),
        );
        let end = if minimum.converged {
            End::Converged
        } else {
            End::Exhausted
        };
        (minimum.point, minimum.iterations, end)
    }

    /// Half the penalized mean squared error and its gradient.
    fn value(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let part = |rows: std::ops::Range<usize>| {
            let mut sums = vec![0.0; point.len()];
            let mut scaled = vec![0.0; point.len()];
            let mut value = 0.0;
            for row in rows {
                self.scaled_row(row, &mut scaled);
                let off = dot(&scaled, point) - self.target[row];
                let weighted = self.weights.of(row) * off;
                value += weighted * off;
                add_scaled(&mut sums, weighted, &scaled);
            }
            (value, sums)
        };
        let summed: Vec<_> = parts(self.training.rows())
            .into_par_iter()
            .map(part)
            .collect();
        for (entry, coefficient) in gradient.iter_mut().zip(point) {
            *entry = coefficient * self.l2 / self.weights.total;
        }
        let mut value = self.l2 * dot(point, point);
        for (part_value, part_gradient) in summed {
            value += part_value;
            add_scaled(gradient, 1.0 / self.weights.total, &part_gradient);
        }
        value / (2.0 * self.weights.total)
    }

    fn predictor(&self, scaled: &[f64], values: &[f64]) -> Predictor {
        let mut with_intercept = scaled.to_vec();
        with_intercept.push(mean(values, self.weights));
        let (coefficients, intercept) = self.standardization.fold_back(&with_intercept);
        Predictor::Linear(Linear {
            features: coefficients.len(),
            outputs: 1,
            coefficients: coefficients.iter().map(|value| *value as f32).collect(),
            intercepts: vec![intercept as f32],
            link: Link::Identity,
        })
    }
}
