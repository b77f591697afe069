//! How much each row counts: its own weight times its class's.

use std::collections::BTreeMap;

use crate::dataset::{Dataset, Label};
use crate::error::TrainingError;

/// The weight of each class. The names are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ClassWeight {
    /// All classes weigh 1.
    #[default]
    None,
    /// Inversely to how often the class occurs in the training split:
    /// total weight / (classes that occur x weight of the class).
    Balanced,
    /// By class index; classes that are not named weigh 1.
    Given(BTreeMap<usize, f64>),
}

impl ClassWeight {
    /// A factor per class, learned from the training split. Empty for numbers.
    pub fn factors(&self, training: &Dataset) -> Result<Vec<f64>, TrainingError> {
        let Label::Classes { indices, count } = &training.label else {
            return Ok(Vec::new());
        };
        match self {
            ClassWeight::None => Ok(vec![1.0; *count]),
            ClassWeight::Balanced => Ok(balanced(training, indices, *count)),
            ClassWeight::Given(given) => (0..*count)
                .map(|class| checked(given.get(&class).copied().unwrap_or(1.0)))
                .collect(),
        }
    }
}

fn checked(factor: f64) -> Result<f64, TrainingError> {
    if factor.is_finite() && factor >= 0.0 {
        return Ok(factor);
    }
    Err(TrainingError::BadOption {
        name: "class_weight",
        found: factor.to_string(),
        expected: "a finite number of at least 0 for every class",
    })
}

fn balanced(training: &Dataset, indices: &[u32], count: usize) -> Vec<f64> {
    let mut weight_of = vec![0.0; count];
    for (row, class) in indices.iter().enumerate() {
        weight_of[*class as usize] += own_weight(training, row);
    }
    let total: f64 = weight_of.iter().sum();
    let present = weight_of.iter().filter(|weight| **weight > 0.0).count() as f64;
    let factor = |weight: f64| {
        if weight > 0.0 {
            total / (present * weight)
        } else {
            1.0
        }
    };
    weight_of.into_iter().map(factor).collect()
}

fn own_weight(dataset: &Dataset, row: usize) -> f64 {
    dataset
        .weight
        .as_ref()
        .map_or(1.0, |weight| f64::from(weight[row]))
}

/// What every row of `dataset` counts, and the sum of it.
pub(crate) struct RowWeights {
    /// `None` if every row counts 1.
    each: Option<Vec<f64>>,
    /// Above 0.
    pub(crate) total: f64,
}

impl RowWeights {
    /// `factors` are those of [`ClassWeight::factors`].
    pub(crate) fn new(dataset: &Dataset, factors: &[f64]) -> Result<RowWeights, TrainingError> {
        let plain = factors
            .iter()
            .all(|factor| (*factor - 1.0).abs() < f64::EPSILON);
        if dataset.weight.is_none() && plain {
            return Ok(RowWeights {
                each: None,
                total: dataset.rows() as f64,
            });
        }
        let factor_of = |row: usize| match &dataset.label {
            Label::Classes { indices, .. } => factors[indices[row] as usize],
            Label::Values(_) => 1.0,
        };
        let each: Vec<f64> = (0..dataset.rows())
            .map(|row| own_weight(dataset, row) * factor_of(row))
            .collect();
        let total: f64 = each.iter().sum();
        if total > 0.0 {
            return Ok(RowWeights {
                each: Some(each),
                total,
            });
        }
        Err(TrainingError::NoWeight)
    }

    /// The weight of a row.
    pub(crate) fn of(&self, row: usize) -> f64 {
        self.each.as_ref().map_or(1.0, |each| each[row])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(indices: Vec<u32>, weight: Option<Vec<f32>>) -> Dataset {
        Dataset {
            feature_names: vec!["x".to_owned()],
            features: vec![0.0; indices.len()],
            label: Label::Classes { indices, count: 3 },
            weight,
        }
    }

    #[test]
    fn balanced_classes_weigh_the_same_in_sum() {
        let training = dataset(vec![0, 0, 0, 1], None);
        let factors = ClassWeight::Balanced.factors(&training).unwrap();
        assert_eq!(factors, [4.0 / 6.0, 2.0, 1.0]);
        let weights = RowWeights::new(&training, &factors).unwrap();
        assert!((weights.total - 4.0).abs() < 1e-12);
        assert!((weights.of(3) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn rows_that_all_count_nothing_are_an_error() {
        let training = dataset(vec![0, 1], Some(vec![0.0, 0.0]));
        let outcome = RowWeights::new(&training, &[1.0; 3]);
        assert!(matches!(outcome, Err(TrainingError::NoWeight)));
    }
}
