//! The best split of a leaf.

use rayon::prelude::*;

use super::bins::BinnedFeatures;
use super::histogram::Histogram;

/// First and second derivative of the loss at a row, times its weight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gradient {
    pub(super) first: f32,
    pub(super) second: f32,
}

/// Sums over some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) first: f64,
    pub(super) second: f64,
    pub(super) rows: u32,
}

impl Sums {
    pub(super) fn add(&mut self, gradient: Gradient) {
        self.first += f64::from(gradient.first);
        self.second += f64::from(gradient.second);
        self.rows += 1;
    }

    fn plus(&self, other: &Sums) -> Sums {
        Sums {
            first: self.first + other.first,
            second: self.second + other.second,
            rows: self.rows + other.rows,
        }
    }

    pub(super) fn minus(&self, other: &Sums) -> Sums {
        Sums {
            first: self.first - other.first,
            second: self.second - other.second,
            rows: self.rows - other.rows,
        }
    }

    /// The value of a leaf with these sums before shrinkage, the minimum of the
    /// loss's second-order expansion: -G / (H + lambda).
    pub(super) fn newton_step(&self, l2: f64) -> f64 {
        if self.second + l2 > 0.0 {
            -self.first / (self.second + l2)
        } else {
            0.0
        }
    }

    /// How much that value lowers the loss, times two: G^2 / (H + lambda).
    fn score(&self, l2: f64) -> f64 {
        if self.second + l2 > 0.0 {
            self.first * self.first / (self.second + l2)
        } else {
            0.0
        }
    }
}

/// Where a leaf is cut in two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) feature: usize,
    /// Bins up to this one go left.
    pub(super) bin: usize,
    pub(super) missing_left: bool,
    /// The sums of what goes left.
    pub(super) left: Sums,
}

/// What a split must keep to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) l2: f64,
    pub(super) rows_min: u32,
}

/// The least second derivative of a child: below it a Newton step is mostly
/// noise. `LightGBM`'s and scikit-learn's value.
const SECOND_MIN: f64 = 1e-3;

/// Gains below this are rounding.
const GAIN_MIN: f64 = 1e-12;

/// Bins that are worth the other threads' attention.
const PARALLEL_BINS_MIN: usize = 1 << 13;

/// The best split over `features` (all if `None`): of equal ones the first
/// feature's, the lowest bin's.
pub(super) fn best(
    bins: &BinnedFeatures,
    histogram: &Histogram,
    total: &Sums,
    features: Option<&[u32]>,
    rules: Rules,
) -> Option<Split> {
    let of = |feature: usize| best_of_feature(bins, histogram, total, feature, rules);
    let better = |best: Option<Split>, next: Option<Split>| match (best, next) {
        (Some(best), Some(next)) if next.gain > best.gain => Some(next),
        (None, next) => next,
        (best, _) => best,
    };
    match features {
        Some(features) => features
            .iter()
            .map(|feature| of(*feature as usize))
            .fold(None, better),
        None if bins.bin_count() < PARALLEL_BINS_MIN => {
            (0..bins.features()).map(of).fold(None, better)
        }
        None => {
            let found: Vec<_> = (0..bins.features()).into_par_iter().map(of).collect();
            found.into_iter().fold(None, better)
        }
    }
}

fn best_of_feature(
    bins: &BinnedFeatures,
    histogram: &Histogram,
    total: &Sums,
    feature: usize,
    rules: Rules,
) -> Option<Split> {
    let column = &bins.columns[feature];
    let sums = histogram.of(bins, feature);
    let missing = if column.has_missing {
        sums[column.missing_bin()]
    } else {
        Sums::default()
    };
    let values = &sums[..=column.cuts.len()];
    let mut scan = Scan {
        total,
        rules,
        feature,
        best: None,
    };
    if missing.rows == 0 {
        // Nothing was learned about missing values here: they go with the many.
        scan.run(&values[..column.cuts.len()], Sums::default(), false);
        return scan.best.map(|split| Split {
            missing_left: split.left.rows > total.rows - split.left.rows,
            ..split
        });
    }
    // With the last bin: values left, missing ones right.
    scan.run(values, Sums::default(), false);
    scan.run(&values[..column.cuts.len()], missing, true);
    scan.best
}

/// A pass over one feature's bins from left to right.
struct Scan<'a> {
    total: &'a Sums,
    rules: Rules,
    feature: usize,
    best: Option<Split>,
}

impl Scan<'_> {
    fn run(&mut self, bins: &[Sums], start: Sums, missing_left: bool) {
        let Rules { l2, rows_min } = self.rules;
        let unsplit = self.total.score(l2);
        let mut left = start;
        for (bin, sums) in bins.iter().enumerate() {
            left = left.plus(sums);
            if left.rows < rows_min || left.second < SECOND_MIN {
                continue;
            }
            let right = self.total.minus(&left);
            if right.rows < rows_min || right.second < SECOND_MIN {
                break;
            }
            let gain = left.score(l2) + right.score(l2) - unsplit;
            if gain > self.best.map_or(GAIN_MIN, |best| best.gain) {
                let feature = self.feature;
                self.best = Some(Split {
                    gain,
                    feature,
                    bin,
                    missing_left,
                    left,
                });
            }
        }
    }
}
