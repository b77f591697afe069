//! What is counted for one node over the training split: mergeable, one part per row group.

use std::collections::{BTreeSet, HashMap};

use example_data::statistics::QuantileSketch;
use model_scoring::graph::Column;
use model_scoring::signature::Class;

use super::{INTEGER_CLASSES_MAX, TEXT_CLASSES_MAX, VOCABULARY_TERMS_MAX};

/// Something counted.
#[derive(Debug, Clone)]
pub(super) enum Accumulator {
    Moments(Moments),
    Range(Option<(f64, f64)>),
    Quantiles(QuantileSketch),
    Frequencies(HashMap<String, u64>),
    Classes(Classes),
}

/// Count, mean and sum of squared distances from the mean.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) count: u64,
    pub(super) mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|x| (x - mean).powi(2)).sum();
        Self {
            count: values.len() as u64,
            mean,
            squares,
        }
    }

    /// The parallel rule of Chan, Golub and `LeVeque` (Updating Formulae and a Pairwise Algorithm for
    /// Computing Sample Variances, 1979).
    fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let difference = other.mean - self.mean;
        self.mean += difference * b / (a + b);
        self.squares += other.squares + difference * difference * a * b / (a + b);
        self.count += other.count;
    }

    /// The population variance.
    pub(super) fn variance(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.squares / self.count as f64
        }
    }
}

/// The distinct values of a label, up to where they are no classes any more.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    pub(super) values: BTreeSet<Class>,
    pub(super) overflow: bool,
}

impl Classes {
    fn take(&mut self, values: BTreeSet<Class>, overflow: bool) {
        self.values.extend(values);
        let integers = matches!(self.values.first(), Some(Class::Integer(_)));
        let most = if integers {
            INTEGER_CLASSES_MAX
        } else {
            TEXT_CLASSES_MAX
        };
        self.overflow |= overflow || self.values.len() > most;
        if self.overflow {
            self.values.clear();
        }
    }
}

impl Accumulator {
    pub(super) fn classes() -> Self {
        Self::Classes(Classes {
            values: BTreeSet::new(),
            overflow: false,
        })
    }

    /// Counts a column; what is wrong, if it holds more than can be counted. Infinite numbers are
    /// passed over: no mean, range or quantile could be computed with them.
    pub(super) fn add(&mut self, column: &Column) -> Result<(), String> {
        match self {
            Self::Moments(moments) => moments.merge(Moments::of(&finite(column))),
            Self::Range(range) => {
                for x in finite(column) {
                    *range = Some(range.map_or((x, x), |(min, max)| (min.min(x), max.max(x))));
                }
            }
            Self::Quantiles(sketch) => sketch.insert(&finite(column)),
            Self::Frequencies(counts) => {
                if let Some(texts) = column.texts() {
                    for term in texts.iter().flatten() {
                        match counts.get_mut(term) {
                            Some(count) => *count += 1,
                            None => {
                                counts.insert(term.to_owned(), 1);
                            }
                        }
                    }
                }
                bounded(counts)?;
            }
            Self::Classes(classes) if !classes.overflow => {
                let values = match column {
                    Column::Integer(x) => x.iter().flatten().map(Class::Integer).collect(),
                    Column::Text(x) => x
                        .iter()
                        .flatten()
                        .map(|text| Class::Text(text.to_owned()))
                        .collect(),
                    _ => BTreeSet::new(),
                };
                classes.take(values, false);
            }
            Self::Classes(_) => {}
        }
        Ok(())
    }

    /// Takes in what a later part counted.
    pub(super) fn merge(&mut self, other: Self) -> Result<(), String> {
        match (self, other) {
            (Self::Moments(a), Self::Moments(b)) => a.merge(b),
            (Self::Range(a), Self::Range(b)) => {
                *a = match (*a, b) {
                    (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                    (a, b) => a.or(b),
                };
            }
            (Self::Quantiles(a), Self::Quantiles(b)) => a.merge(&b),
            (Self::Frequencies(a), Self::Frequencies(b)) => {
                #[expect(
                    clippy::iter_over_hash_type,
                    reason = "sums of counts do not depend on the order in which terms come"
                )]
                for (term, count) in b {
                    *a.entry(term).or_insert(0) += count;
                }
                bounded(a)?;
            }
            (Self::Classes(a), Self::Classes(b)) => a.take(b.values, b.overflow),
            _ => {}
        }
        Ok(())
    }
}

fn finite(column: &Column) -> Vec<f64> {
    let numbers = column.numbers();
    numbers
        .iter()
        .flatten()
        .flatten()
        .filter(|x| x.is_finite())
        .collect()
}

fn bounded(counts: &HashMap<String, u64>) -> Result<(), String> {
    if counts.len() > VOCABULARY_TERMS_MAX {
        return Err(format!(
            "there are more than {VOCABULARY_TERMS_MAX} distinct terms; `hash: N` needs no vocabulary"
        ));
    }
    Ok(())
}

/// The terms of a vocabulary: by descending frequency, equal ones in reverse lexicographic order of
/// their bytes, as TFT's `vocabulary` sorts them.
pub(super) fn terms(
    counts: HashMap<String, u64>,
    min_frequency: u64,
    top_k: Option<usize>,
) -> Vec<String> {
    let mut counts: Vec<(u64, String)> = counts
        .into_iter()
        .filter(|(_, count)| *count >= min_frequency)
        .map(|(term, count)| (count, term))
        .collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts.truncate(top_k.unwrap_or(usize::MAX));
    counts.into_iter().map(|(_, term)| term).collect()
}
