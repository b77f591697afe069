//! Gradient-boosted trees, grown leaf-wise over histograms.
//!
//! The method is `LightGBM`'s (Ke et al., `NeurIPS` 2017) as scikit-learn's
//! `HistGradientBoosting` has it: every feature is cut into at most 255 bins and
//! one for missing values; a tree grows where the loss falls most; the smaller
//! child's histogram is counted and the larger one's is the difference.
//! The hyperparameters bear those libraries' names and defaults.

mod bins;
mod grow;
mod histogram;
mod objective;
mod split;

use model_scoring::predictor::{Predictor, Tree, TreeEnsemble};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::error::TrainingError;
use crate::history::{End, Fit, History, Iteration, Progress};
use crate::random::Random;
use crate::weighting::{ClassWeight, RowWeights};
use bins::BinnedFeatures;
use grow::Grower;
use objective::Objective;

/// The hyperparameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How much of each tree's answer is taken.
    pub learning_rate: f64,
    /// The most trees per class (one for two classes, one for numbers).
    pub rounds: usize,
    /// The most leaves of a tree.
    pub max_leaves: usize,
    /// The most splits between root and leaf; 0 is no bound.
    pub max_depth: usize,
    /// The fewest training rows of a leaf.
    pub min_rows_per_leaf: usize,
    /// Shrinks the leaves' values (lambda in the gain).
    pub l2: f64,
    /// The fraction of rows that each round's trees are grown from.
    pub subsample: f64,
    /// The fraction of features that are looked at for each split.
    pub max_features: f64,
    /// Ends when the eval loss has not improved for so many rounds, and goes
    /// back to the best round; 0 is never. Needs an eval split.
    pub early_stopping_rounds: usize,
    /// How much each class counts.
    pub class_weight: ClassWeight,
    /// Decides what is sampled.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            learning_rate: 0.1,
            rounds: 100,
            max_leaves: 31,
            max_depth: 0,
            min_rows_per_leaf: 20,
            l2: 0.0,
            subsample: 1.0,
            max_features: 1.0,
            early_stopping_rounds: 10,
            class_weight: ClassWeight::None,
            seed: 0,
        }
    }
}

impl Options {
    fn check(&self) -> Result<(), TrainingError> {
        let fraction = |value: f64| value > 0.0 && value <= 1.0;
        let table = [
            (
                "learning_rate",
                self.learning_rate,
                fraction(self.learning_rate),
                "above 0 and at most 1",
            ),
            ("rounds", self.rounds as f64, self.rounds > 0, "at least 1"),
            (
                "max_leaves",
                self.max_leaves as f64,
                self.max_leaves > 1,
                "at least 2",
            ),
            (
                "min_rows_per_leaf",
                self.min_rows_per_leaf as f64,
                self.min_rows_per_leaf > 0,
                "at least 1",
            ),
            (
                "l2",
                self.l2,
                self.l2.is_finite() && self.l2 >= 0.0,
                "a finite number of at least 0",
            ),
            (
                "subsample",
                self.subsample,
                fraction(self.subsample),
                "above 0 and at most 1",
            ),
            (
                "max_features",
                self.max_features,
                fraction(self.max_features),
                "above 0 and at most 1",
            ),
        ];
        match table.into_iter().find(|(_, _, good, _)| !good) {
            None => Ok(()),
            Some((name, found, _, expected)) => Err(TrainingError::BadOption {
                name,
                found: found.to_string(),
                expected,
            }),
        }
    }
}

/// Trains on `training`; `eval` is only looked at to stop early.
pub fn fit(
    training: &Dataset,
    options: &Options,
    eval: Option<&Dataset>,
    progress: &mut Progress<'_>,
) -> Result<Fit, TrainingError> {
    options.check()?;
    training.check()?;
    let factors = options.class_weight.factors(training)?;
    let objective = Objective::new(training, RowWeights::new(training, &factors)?)?;
    let eval = match eval.filter(|eval| eval.rows() > 0) {
        None => None,
        Some(eval) => {
            eval.check()?;
            Some(Watched::new(
                eval,
                Objective::new_for_eval(eval, &factors)?,
                objective.base(),
            ))
        }
    };
    let bins = BinnedFeatures::new(training, options.seed);
    Boosting {
        options,
        bins: &bins,
        objective: &objective,
    }
    .run(eval, progress)
}

/// The eval split and the raw scores that the trees so far give it.
struct Watched<'a> {
    dataset: &'a Dataset,
    objective: Objective<'a>,
    scores: Vec<Vec<f64>>,
}

impl<'a> Watched<'a> {
    fn new(dataset: &'a Dataset, objective: Objective<'a>, base: &[f32]) -> Watched<'a> {
        Watched {
            dataset,
            scores: initial_scores(base, dataset.rows()),
            objective,
        }
    }

    /// Adds a round of trees and gives the loss.
    fn add(&mut self, trees: &[Tree]) -> f64 {
        for tree in trees {
            let dataset = self.dataset;
            let scores = &mut self.scores[tree.output as usize];
            scores
                .par_iter_mut()
                .enumerate()
                .with_min_len(1_024)
                .for_each(|(row, score)| {
                    *score += f64::from(leaf_value(tree, dataset.row(row)));
                });
        }
        self.objective.loss(&self.scores)
    }
}

/// The value of the leaf that a row falls into.
fn leaf_value(tree: &Tree, row: &[f32]) -> f32 {
    let mut node = &tree.nodes[0];
    while !node.is_leaf {
        let value = row[node.feature as usize];
        let left = if value.is_nan() {
            node.missing_left
        } else {
            value <= node.threshold
        };
        node = &tree.nodes[if left { node.left } else { node.right } as usize];
    }
    node.value
}

fn initial_scores(base: &[f32], rows: usize) -> Vec<Vec<f64>> {
    base.iter()
        .map(|base| vec![f64::from(*base); rows])
        .collect()
}

/// The rounds. Scores are columns: one per output, one entry per row.
struct Boosting<'a> {
    options: &'a Options,
    bins: &'a BinnedFeatures,
    objective: &'a Objective<'a>,
}

impl Boosting<'_> {
    fn run(
        &self,
        mut eval: Option<Watched<'_>>,
        progress: &mut Progress<'_>,
    ) -> Result<Fit, TrainingError> {
        let base = self.objective.base();
        let mut scores = initial_scores(base, self.bins.rows());
        let mut trees: Vec<Tree> = Vec::new();
        let mut iterations: Vec<Iteration> = Vec::new();
        let mut patience = Patience::new(self.options.early_stopping_rounds, eval.is_some());
        let mut end = End::Exhausted;
        let (mut gradients, _) = self.objective.gradients(&scores);
        for number in 1..=self.options.rounds {
            let grown = self.round(number, &gradients, &mut scores);
            if grown.iter().all(|tree| tree.nodes.len() == 1) && self.options.subsample >= 1.0 {
                end = End::Converged;
                break;
            }
            let train_loss;
            (gradients, train_loss) = self.objective.gradients(&scores);
            let eval_loss = eval.as_mut().map(|eval| eval.add(&grown));
            trees.extend(grown);
            let iteration = Iteration {
                number,
                of: self.options.rounds,
                train_loss,
                eval_loss,
            };
            progress(&iteration);
            iterations.push(iteration);
            if !train_loss.is_finite() {
                return Err(TrainingError::Diverged { iterations: number });
            }
            if patience.exhausted(number, eval_loss) {
                end = End::EarlyStopped;
                break;
            }
        }
        let kept = patience.best_round().unwrap_or(iterations.len());
        trees.truncate(kept * base.len());
        let ensemble = TreeEnsemble {
            features: self.bins.features(),
            outputs: base.len(),
            base: base.to_vec(),
            link: self.objective.link(),
            trees,
        };
        let history = History {
            iterations,
            kept,
            end,
        };
        Ok(Fit {
            predictor: Predictor::Trees(ensemble),
            history,
        })
    }

    /// A tree per output, all from the gradients at the round's start; their
    /// values are added to `scores`.
    fn round(
        &self,
        number: usize,
        gradients: &[Vec<split::Gradient>],
        scores: &mut [Vec<f64>],
    ) -> Vec<Tree> {
        let rows = self.rows_of(number);
        let mut jobs: Vec<_> = gradients
            .iter()
            .zip(scores.iter_mut())
            .enumerate()
            .collect();
        jobs.par_iter_mut()
            .map(|(output, (gradients, scores))| {
                let stream = [number as u64, *output as u64];
                let grower = Grower::new(self.options, self.bins, gradients, stream);
                grower.grow(*output as u32, rows.clone(), scores)
            })
            .collect()
    }

    fn rows_of(&self, round: usize) -> Vec<u32> {
        let total = self.bins.rows();
        if self.options.subsample >= 1.0 {
            return (0..total as u32).collect();
        }
        let count = ((total as f64 * self.options.subsample).round() as usize).max(1);
        Random::new(self.options.seed, &[SAMPLE_ROWS, round as u64]).sample(total, count)
    }
}

/// First parts of the paths of random streams: one per kind of decision.
const SAMPLE_ROWS: u64 = 1;
const SAMPLE_FEATURES: u64 = 2;
const SAMPLE_CUTS: u64 = 3;

/// Early stopping: the best eval loss so far and when it was.
struct Patience {
    rounds: usize,
    best: Option<(usize, f64)>,
}

impl Patience {
    fn new(rounds: usize, watched: bool) -> Patience {
        Patience {
            rounds: if watched { rounds } else { 0 },
            best: None,
        }
    }

    fn exhausted(&mut self, round: usize, loss: Option<f64>) -> bool {
        let Some(loss) = loss.filter(|_| self.rounds > 0) else {
            return false;
        };
        match self.best {
            Some((best_round, best)) if loss >= best || loss.is_nan() => {
                round - best_round >= self.rounds
            }
            _ => {
                self.best = Some((round, loss));
                false
            }
        }
    }

    fn best_round(&self) -> Option<usize> {
        self.best.map(|(round, _)| round)
    }
}
