//! The curves behind the metrics, for plots: ROC, precision and recall, calibration.

use serde::Serialize;

use super::classes::ClassOutcomes;
use super::ratio;

/// Points of a curve: what a plot can show.
const POINTS_MAX: usize = 200;
/// Bins of a calibration plot, as scikit-learn's examples have them.
const CALIBRATION_BINS: usize = 10;

/// A point of the ROC and precision-recall curves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Rows with at least this probability are decided positive.
    pub threshold: f64,
    /// The share of negative rows that are.
    pub false_positive_rate: f64,
    /// The share of positive rows that are: recall.
    pub true_positive_rate: f64,
    /// The share of those that are positive.
    pub precision: f64,
}

/// A range of probabilities: what was promised, and what came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationBin {
    /// The mean probability.
    pub predicted: f64,
    /// The share of positive rows.
    pub observed: f64,
    /// The weight of the rows.
    pub weight: f64,
}

impl ClassOutcomes {
    /// The ROC and precision-recall curves of a class, from the highest threshold down, thinned evenly.
    pub fn curve(&self, class: usize) -> Vec<CurvePoint> {
        let mut steps: Vec<(f64, f64)> = Vec::new();
        self.for_ties(class, self.weights(), |positives, negatives| {
            steps.push((positives, negatives));
        });
        let positives: f64 = steps.iter().map(|step| step.0).sum();
        let negatives: f64 = steps.iter().map(|step| step.1).sum();
        let mut thresholds: Vec<f64> = self
            .order(class)
            .iter()
            .map(|row| self.probability(*row, class))
            .collect();
        thresholds.dedup();
        let every = thresholds.len().div_ceil(POINTS_MAX).max(1);
        let (mut tp, mut fp) = (0.0, 0.0);
        let mut points = Vec::new();
        for (at, (threshold, step)) in thresholds.iter().zip(&steps).enumerate() {
            tp += step.0;
            fp += step.1;
            if at % every == 0 || at + 1 == thresholds.len() {
                points.push(CurvePoint {
                    threshold: *threshold,
                    false_positive_rate: ratio(fp, negatives, 0.0),
                    true_positive_rate: ratio(tp, positives, 0.0),
                    precision: ratio(tp, tp + fp, 0.0),
                });
            }
        }
        points
    }

    /// How well the probabilities of a class are calibrated, in bins of equal width; empty ones are left out.
    pub fn calibration(&self, class: usize) -> Vec<CalibrationBin> {
        let mut sums = [(0.0, 0.0, 0.0); CALIBRATION_BINS];
        for (row, weight) in self.weights().iter().enumerate() {
            let probability = self.probability(row, class);
            let bin = ((probability * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
            let positive = f64::from(u8::from(self.labels()[row] as usize == class));
            sums[bin].0 += weight * probability;
            sums[bin].1 += weight * positive;
            sums[bin].2 += weight;
        }
        let used = sums.into_iter().filter(|sum| sum.2 > 0.0);
        used.map(|(predicted, observed, weight)| CalibrationBin {
            predicted: predicted / weight,
            observed: observed / weight,
            weight,
        })
        .collect()
    }
}
