//! Metrics of classifications.
//!
//! The definitions are scikit-learn's (`sklearn.metrics`, version 1.5); the function is named at each.
//! A decision is the class with the highest probability, the first of equal ones.

use super::{Metric, ratio};

/// Labels and probabilities.
#[derive(Debug, Clone)]
pub struct ClassOutcomes {
    classes: usize,
    labels: Vec<u32>,
    /// rows x classes, row-major.
    probabilities: Vec<f32>,
    weights: Vec<f64>,
    decisions: Vec<u32>,
    /// For each class that is ranked: the rows by descending probability.
    orders: Vec<(usize, Vec<usize>)>,
}

impl ClassOutcomes {
    /// Labels (below `classes`), probabilities (rows x classes, row-major) and weights.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit: that is the caller's broken promise.
    pub fn new(
        classes: usize,
        labels: Vec<u32>,
        probabilities: Vec<f32>,
        weights: Option<Vec<f64>>,
    ) -> Self {
        let rows = labels.len();
        assert_eq!(
            probabilities.len(),
            rows * classes,
            "one probability per row and class"
        );
        let weights = weights.unwrap_or_else(|| vec![1.0; rows]);
        assert_eq!(weights.len(), rows, "one weight per row");
        let decisions = probabilities.chunks(classes.max(1)).map(decide).collect();
        let ranked = if classes == 2 { 1..2 } else { 0..classes };
        let orders = ranked
            .map(|class| {
                let score = |row: &usize| probabilities[row * classes + class];
                let mut order: Vec<usize> = (0..rows).collect();
                order.sort_by(|a, b| score(b).total_cmp(&score(a)));
                (class, order)
            })
            .collect();
        Self {
            classes,
            labels,
            probabilities,
            weights,
            decisions,
            orders,
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The weight of every row.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The label of every row.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The decided class of every row.
    pub fn decisions(&self) -> &[u32] {
        &self.decisions
    }

    /// The probability of a class in a row.
    pub fn probability(&self, row: usize, class: usize) -> f64 {
        f64::from(self.probabilities[row * self.classes + class])
    }

    /// The rows by descending probability of a class, for classes that are ranked: the second of two,
    /// all of several.
    pub(super) fn order(&self, class: usize) -> &[usize] {
        self.orders
            .iter()
            .find(|(c, _)| *c == class)
            .map_or(&[], |(_, order)| order)
    }

    /// These rows alone.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let range = |row: &usize| row * self.classes..(row + 1) * self.classes;
        Self::new(
            self.classes,
            rows.iter().map(|row| self.labels[*row]).collect(),
            rows.iter()
                .flat_map(|row| self.probabilities[range(row)].iter().copied())
                .collect(),
            Some(rows.iter().map(|row| self.weights[*row]).collect()),
        )
    }

    pub(super) fn metric(&self, metric: Metric, weights: &[f64]) -> f64 {
        if weights.iter().sum::<f64>() <= 0.0 {
            return f64::NAN;
        }
        match metric {
            Metric::Auc if self.classes == 2 => self.auc(1, weights),
            Metric::Auc => {
                let each = (0..self.classes).map(|class| self.auc(class, weights));
                each.sum::<f64>() / self.classes as f64
            }
            Metric::PrAuc if self.classes == 2 => self.average_precision(1, weights),
            Metric::LogLoss => self.log_loss(weights),
            Metric::Accuracy => {
                let right = self.decisions.iter().zip(&self.labels).zip(weights);
                let right: f64 = right.filter(|((d, l), _)| d == l).map(|(_, w)| w).sum();
                right / weights.iter().sum::<f64>()
            }
            Metric::Precision | Metric::Recall | Metric::F1 if self.classes == 2 => {
                let confusion = self.confusion(weights);
                of_class(metric, &confusion, self.classes, 1)
            }
            Metric::PrecisionMacro | Metric::RecallMacro | Metric::F1Macro => {
                self.macro_mean(metric, weights)
            }
            _ => f64::NAN,
        }
    }

    /// `roc_auc_score`: the probability that a positive row ranks above a negative one, ties half.
    fn auc(&self, class: usize, weights: &[f64]) -> f64 {
        let (mut positives, mut negatives, mut area) = (0.0, 0.0, 0.0);
        self.for_ties(class, weights, |tied_positives, tied_negatives| {
            area += tied_negatives * (positives + tied_positives / 2.0);
            positives += tied_positives;
            negatives += tied_negatives;
        });
        ratio(area, positives * negatives, f64::NAN)
    }

    /// `average_precision_score`: the sum of precision times the step in recall, over the thresholds.
    fn average_precision(&self, class: usize, weights: &[f64]) -> f64 {
        let (mut positives, mut all, mut area) = (0.0, 0.0, 0.0);
        self.for_ties(class, weights, |tied_positives, tied_negatives| {
            positives += tied_positives;
            all += tied_positives + tied_negatives;
            area += tied_positives * ratio(positives, all, 0.0);
        });
        ratio(area, positives, f64::NAN)
    }

    /// Calls with the weight of positive and negative rows of every distinct probability, descending.
    pub(super) fn for_ties(&self, class: usize, weights: &[f64], mut each: impl FnMut(f64, f64)) {
        let order = self.order(class);
        let mut at = 0;
        while at < order.len() {
            let score = self.probability(order[at], class);
            let (mut positives, mut negatives) = (0.0, 0.0);
            while at < order.len() && self.probability(order[at], class).total_cmp(&score).is_eq() {
                let row = order[at];
                if self.labels[row] as usize == class {
                    positives += weights[row];
                } else {
                    negatives += weights[row];
                }
                at += 1;
            }
            each(positives, negatives);
        }
    }

    /// `log_loss`: probabilities are kept off 0 and 1 by the float's epsilon.
    fn log_loss(&self, weights: &[f64]) -> f64 {
        let epsilon = f64::from(f32::EPSILON);
        let loss = self
            .labels
            .iter()
            .zip(weights)
            .enumerate()
            .map(|(row, (label, weight))| {
                let p = self
                    .probability(row, *label as usize)
                    .clamp(epsilon, 1.0 - epsilon);
                -weight * p.ln()
            });
        loss.sum::<f64>() / weights.iter().sum::<f64>()
    }

    /// The weight of the rows by label (rows of the matrix) and decision (columns), row-major.
    pub fn confusion(&self, weights: &[f64]) -> Vec<f64> {
        let mut matrix = vec![0.0; self.classes * self.classes];
        for ((label, decision), weight) in self.labels.iter().zip(&self.decisions).zip(weights) {
            matrix[*label as usize * self.classes + *decision as usize] += weight;
        }
        matrix
    }

    /// `precision_score`, `recall_score`, `f1_score` with `average="macro"`: over the classes that occur
    /// as a label or a decision.
    fn macro_mean(&self, metric: Metric, weights: &[f64]) -> f64 {
        let confusion = self.confusion(weights);
        let k = self.classes;
        let occurs = |class: &usize| {
            (0..k).any(|other| {
                confusion[class * k + other] > 0.0 || confusion[other * k + class] > 0.0
            })
        };
        let values: Vec<f64> = (0..k)
            .filter(occurs)
            .map(|class| of_class(metric, &confusion, k, class))
            .collect();
        ratio(values.iter().sum(), values.len() as f64, f64::NAN)
    }

    /// Precision, recall and F1 of every class.
    pub fn per_class(&self, weights: &[f64]) -> Vec<[f64; 3]> {
        let confusion = self.confusion(weights);
        let one = |metric, class| of_class(metric, &confusion, self.classes, class);
        (0..self.classes)
            .map(|c| {
                [
                    one(Metric::Precision, c),
                    one(Metric::Recall, c),
                    one(Metric::F1, c),
                ]
            })
            .collect()
    }
}

fn decide(probabilities: &[f32]) -> u32 {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best as u32
}

/// `precision_score`, `recall_score`, `f1_score` of one class, 0 where nothing is decided or labelled so
/// (`zero_division=0`).
fn of_class(metric: Metric, confusion: &[f64], classes: usize, class: usize) -> f64 {
    let right = confusion[class * classes + class];
    let labelled: f64 = (0..classes)
        .map(|other| confusion[class * classes + other])
        .sum();
    let decided: f64 = (0..classes)
        .map(|other| confusion[other * classes + class])
        .sum();
    match metric {
        Metric::Precision | Metric::PrecisionMacro => ratio(right, decided, 0.0),
        Metric::Recall | Metric::RecallMacro => ratio(right, labelled, 0.0),
        _ => ratio(2.0 * right, labelled + decided, 0.0),
    }
}
