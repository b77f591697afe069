//! Confidence intervals by the bootstrap.
//!
//! Percentile intervals over resamples of the rows with replacement (Efron and Tibshirani, An
//! Introduction to the Bootstrap, chapter 13). The random numbers are splitmix64 (Steele, Lea, Flood,
//! Fast Splittable Pseudorandom Number Generators, 2014) from a fixed seed: equal outcomes give equal
//! intervals, bit for bit.

use super::{Metric, Outcomes};

/// Resamples: enough for two digits of a 95 % interval.
const RESAMPLES: usize = 400;
/// The fewest resamples on large data, where intervals are narrow anyway.
const RESAMPLES_MIN: usize = 40;
/// Rows drawn over all resamples, about a second's work.
const DRAWS_MAX: usize = 40_000_000;
/// Half of what lies outside of a 95 % interval.
const TAIL: f64 = 0.025;
/// Any fixed number.
const SEED: u64 = 0x526f_7065_7761_6c6b;

/// Where a metric lies, with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The intervals of metrics, in their order; `None` where half of the resamples give no value.
pub fn intervals(outcomes: &Outcomes, metrics: &[Metric]) -> Vec<Option<Interval>> {
    let rows = outcomes.rows();
    if rows == 0 {
        return vec![None; metrics.len()];
    }
    let resamples = (DRAWS_MAX / rows).clamp(RESAMPLES_MIN, RESAMPLES);
    let mut values: Vec<Vec<f64>> = vec![Vec::with_capacity(resamples); metrics.len()];
    let mut state = SEED;
    let mut weights = vec![0.0; rows];
    for _ in 0..resamples {
        weights.fill(0.0);
        for _ in 0..rows {
            let row = below(&mut state, rows);
            weights[row] += outcomes.weights()[row];
        }
        for (values, metric) in values.iter_mut().zip(metrics) {
            let value = outcomes.weighted(*metric, &weights);
            if value.is_finite() {
                values.push(value);
            }
        }
    }
    values
        .into_iter()
        .map(|values| interval(values, resamples))
        .collect()
}

fn interval(mut values: Vec<f64>, resamples: usize) -> Option<Interval> {
    if values.len() * 2 < resamples {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(Interval {
        low: quantile(&values, TAIL),
        high: quantile(&values, 1.0 - TAIL),
    })
}

/// Linear between the two nearest of sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// The next random number below a bound (Lemire's multiplication; its bias is below 2^-32 here).
pub(crate) fn below(state: &mut u64, bound: usize) -> usize {
    ((u128::from(next(state)) * bound as u128) >> 64) as usize
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
