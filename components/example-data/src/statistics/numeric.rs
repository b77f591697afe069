//! The accumulator of numbers.

use serde::{Deserialize, Serialize};

use super::model::{Bucket, CommonStatistics, Histogram, HistogramType, NumericStatistics};
use super::quantiles::{QuantileSketch, WeightedValues};
use crate::limits::HISTOGRAM_BUCKETS;

/// What one pass over numbers leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct NumericAccumulator {
    /// Values that are numbers.
    count: u64,
    num_nan: u64,
    num_zeros: u64,
    mean: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
    quantiles: QuantileSketch,
    range: Option<Range>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Range {
    min: f64,
    max: f64,
    finite_min: Option<f64>,
    finite_max: Option<f64>,
}

impl NumericAccumulator {
    /// The accumulator of some values, which it sorts.
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        let all = values.len();
        values.retain(|value| !value.is_nan());
        let num_nan = (all - values.len()) as u64;
        if values.is_empty() {
            return Self {
                num_nan,
                ..Self::default()
            };
        }
        values.sort_unstable_by(f64::total_cmp);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values
            .iter()
            .map(|value| (value - mean) * (value - mean))
            .sum();
        let zeros = values.partition_point(|value| *value <= 0.0)
            - values.partition_point(|value| *value < 0.0);
        let finite_start = values.partition_point(|value| *value == f64::NEG_INFINITY);
        let finite_end = values.partition_point(|value| *value != f64::INFINITY);
        let finite = &values[finite_start..finite_end];
        let range = Range {
            min: values[0],
            max: values[values.len() - 1],
            finite_min: finite.first().copied(),
            finite_max: finite.last().copied(),
        };
        let mut quantiles = QuantileSketch::default();
        quantiles.insert(&values);
        Self {
            count: values.len() as u64,
            num_nan,
            num_zeros: zeros as u64,
            mean,
            squares,
            quantiles,
            range: Some(range),
        }
    }

    /// Takes another part of the data in (Chan, Golub and `LeVeque`'s update of the variance).
    pub(super) fn merge(&mut self, other: &Self) {
        self.num_nan += other.num_nan;
        let Some(range) = other.range else { return };
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let both = ours + theirs;
        let delta = other.mean - self.mean;
        if self.count == 0 {
            self.mean = other.mean;
            self.squares = other.squares;
        } else if delta.is_finite() {
            self.mean += delta * (theirs / both);
            self.squares += other.squares + delta * delta * (ours * theirs / both);
        } else {
            // An infinite value on either side, as the whole would have it: no deviation is left.
            self.mean = self.mean * (ours / both) + other.mean * (theirs / both);
            self.squares = f64::NAN;
        }
        self.count += other.count;
        self.num_zeros += other.num_zeros;
        self.quantiles.merge(&other.quantiles);
        self.range = Some(self.range.map_or(range, |own| Range {
            min: own.min.min(range.min),
            max: own.max.max(range.max),
            finite_min: option_of(own.finite_min, range.finite_min, f64::min),
            finite_max: option_of(own.finite_max, range.finite_max, f64::max),
        }));
    }

    pub(super) fn finish(&self, common_stats: CommonStatistics) -> NumericStatistics {
        let mut statistics = NumericStatistics {
            common_stats,
            ..NumericStatistics::default()
        };
        let values = self.quantiles.weighted_values();
        if let Some(range) = self.range {
            statistics.mean = self.mean;
            statistics.std_dev = (self.squares / self.count as f64).sqrt();
            statistics.num_zeros = self.num_zeros;
            statistics.min = range.min;
            statistics.median = values.median().unwrap_or_default();
            statistics.max = range.max;
            statistics.approximate = !self.quantiles.is_exact();
            statistics.histograms = vec![
                Histogram {
                    num_nan: self.num_nan,
                    buckets: standard_buckets(&values, range),
                    histogram_type: HistogramType::Standard,
                },
                Histogram {
                    num_nan: self.num_nan,
                    buckets: quantile_buckets(&values, range.min, range.max),
                    histogram_type: HistogramType::Quantiles,
                },
            ];
        } else if self.num_nan > 0 {
            statistics.histograms = vec![Histogram {
                num_nan: self.num_nan,
                ..Histogram::default()
            }];
        }
        statistics
    }
}

fn option_of(a: Option<f64>, b: Option<f64>, choose: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

/// Ten buckets of equal width between the least and the greatest finite value; infinities have a
/// bucket of their own at either end, and a constant has one bucket, as in TFDV.
fn standard_buckets(values: &WeightedValues, range: Range) -> Vec<Bucket> {
    let mut buckets = Vec::with_capacity(HISTOGRAM_BUCKETS + 2);
    let negative = values.count_up_to(f64::NEG_INFINITY);
    let finite = values.count_below(f64::INFINITY);
    let point = |value: f64, count: u64| Bucket {
        low_value: value,
        high_value: value,
        sample_count: count as f64,
    };
    if negative > 0 {
        buckets.push(point(f64::NEG_INFINITY, negative));
    }
    if let (Some(low), Some(high)) = (range.finite_min, range.finite_max) {
        if low == high {
            buckets.push(point(low, finite - negative));
        } else {
            let bounds = equal_width_bounds(low, high);
            let mut below = negative;
            for (index, pair) in bounds.windows(2).enumerate() {
                let last = index + 2 == bounds.len();
                let up_to = if last {
                    finite
                } else {
                    values.count_below(pair[1])
                };
                buckets.push(Bucket {
                    low_value: pair[0],
                    high_value: pair[1],
                    sample_count: (up_to - below) as f64,
                });
                below = up_to;
            }
        }
    }
    let positive = values.total() - finite;
    if positive > 0 {
        buckets.push(point(f64::INFINITY, positive));
    }
    buckets
}

/// `low + i * (high - low) / 10` as `NumPy`'s `linspace` computes it, and without overflow where the
/// width is not representable.
fn equal_width_bounds(low: f64, high: f64) -> Vec<f64> {
    let count = HISTOGRAM_BUCKETS as f64;
    let step = (high - low) / count;
    (0..=HISTOGRAM_BUCKETS)
        .map(|index| {
            let position = index as f64;
            if index == HISTOGRAM_BUCKETS {
                high
            } else if step.is_finite() {
                low + position * step
            } else {
                low * ((count - position) / count) + high * (position / count)
            }
        })
        .collect()
}

/// Ten buckets of equal weight: their bounds are the deciles.
pub(super) fn quantile_buckets(values: &WeightedValues, min: f64, max: f64) -> Vec<Bucket> {
    let share = values.total() as f64 / HISTOGRAM_BUCKETS as f64;
    let bound = |index: usize| {
        if index == 0 {
            min
        } else if index == HISTOGRAM_BUCKETS {
            max
        } else {
            values
                .quantile(index as f64 / HISTOGRAM_BUCKETS as f64)
                .unwrap_or(max)
        }
    };
    (0..HISTOGRAM_BUCKETS)
        .map(|index| Bucket {
            low_value: bound(index),
            high_value: bound(index + 1),
            sample_count: share,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(values: Vec<f64>) -> NumericStatistics {
        NumericAccumulator::of(values).finish(CommonStatistics::default())
    }

    fn counts(statistics: &NumericStatistics, index: usize) -> Vec<f64> {
        statistics.histograms[index]
            .buckets
            .iter()
            .map(|bucket| bucket.sample_count)
            .collect()
    }

    #[test]
    fn moments_and_buckets_of_known_numbers() {
        let statistics = finish((0..=10).map(f64::from).collect());
        assert_eq!(statistics.mean, 5.0);
        assert_eq!(statistics.std_dev, 10.0_f64.sqrt());
        assert_eq!(
            (statistics.min, statistics.median, statistics.max),
            (0.0, 5.0, 10.0)
        );
        assert_eq!(statistics.num_zeros, 1);
        // The upper bound belongs to the last bucket.
        assert_eq!(
            counts(&statistics, 0),
            [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]
        );
        assert_eq!(counts(&statistics, 1), [1.1; 10]);
    }

    #[test]
    fn awkward_numbers_have_a_place() {
        let statistics = finish(vec![
            f64::NAN,
            f64::NEG_INFINITY,
            1.0,
            1.0,
            f64::INFINITY,
            -0.0,
            0.0,
        ]);
        assert_eq!(statistics.num_zeros, 2);
        assert_eq!(statistics.min, f64::NEG_INFINITY);
        assert_eq!(statistics.max, f64::INFINITY);
        assert!(statistics.mean.is_nan());
        let buckets = &statistics.histograms[0].buckets;
        assert_eq!(statistics.histograms[0].num_nan, 1);
        assert_eq!(buckets.len(), 12);
        assert_eq!(
            buckets[0],
            Bucket {
                low_value: f64::NEG_INFINITY,
                high_value: f64::NEG_INFINITY,
                sample_count: 1.0
            }
        );
        assert_eq!(buckets[11].sample_count, 1.0);
        assert_eq!(
            buckets
                .iter()
                .map(|bucket| bucket.sample_count)
                .sum::<f64>(),
            6.0
        );

        let constant = finish(vec![7.5; 4]);
        assert_eq!(constant.std_dev, 0.0);
        assert_eq!(
            constant.histograms[0].buckets,
            [Bucket {
                low_value: 7.5,
                high_value: 7.5,
                sample_count: 4.0
            }]
        );

        let huge = finish(vec![-f64::MAX, f64::MAX]);
        assert!(
            huge.histograms[0]
                .buckets
                .iter()
                .all(|bucket| bucket.low_value.is_finite())
        );
        assert_eq!(counts(&huge, 0).iter().sum::<f64>(), 2.0);

        let only_nan = finish(vec![f64::NAN, f64::NAN]);
        assert_eq!(only_nan.histograms[0].num_nan, 2);
        assert!(finish(vec![]).histograms.is_empty());
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i * i % 97) - 3.5).collect();
        let mut merged = NumericAccumulator::default();
        for part in values.chunks(123) {
            merged.merge(&NumericAccumulator::of(part.to_vec()));
        }
        let merged = merged.finish(CommonStatistics::default());
        let whole = finish(values);
        assert!((merged.mean - whole.mean).abs() < 1e-12);
        assert!((merged.std_dev - whole.std_dev).abs() < 1e-12);
        assert_eq!(merged.histograms, whole.histograms);
        assert_eq!(merged.median, whole.median);
    }
}
