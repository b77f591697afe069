//! The accumulator of categories: counts by value, exact up to a bound.
//!
//! Beyond the bound the most frequent values are kept with counts that are lower bounds (the
//! merge of Misra-Gries summaries: Agarwal et al., "Mergeable summaries", PODS 2012; an error of
//! at most n / (bound + 1)), and a `HyperLogLog` estimates how many distinct values there are.

use std::collections::HashMap;

use datasketches::hll::{HllSketch, HllType, HllUnion};
use serde::{Deserialize, Serialize};

use super::model::{CommonStatistics, RankBucket, RankHistogram, StringStatistics, TopValue};
use crate::limits::{
    CATEGORIES_EXACT, CATEGORY_LABEL_BYTES_MAX, DISTINCT_LG_K, RANK_HISTOGRAM_RANKS, TOP_VALUES,
};

/// The label under which values that are not UTF-8 are counted (TFDV's).
const INVALID_LABEL: &str = "__BYTES_VALUE__";
/// The label under which overlong values are counted (TFDV's).
const LARGE_LABEL: &str = "__LARGE_BYTES__";

/// What one pass over categories leaves behind.
#[derive(Debug, Clone, Default)]
pub(super) struct CategoryAccumulator {
    counts: HashMap<Box<str>, u64>,
    values: u64,
    bytes: u64,
    invalid_utf8: u64,
    /// There once there were too many distinct values.
    distinct: Option<HllSketch>,
}

impl CategoryAccumulator {
    /// Counts one value.
    pub(super) fn observe(&mut self, value: &str) {
        self.observe_many(value, 1);
    }

    /// Counts one value that occurred several times.
    pub(super) fn observe_many(&mut self, value: &str, times: u64) {
        self.values += times;
        self.bytes += value.len() as u64 * times;
        let label = if value.len() > CATEGORY_LABEL_BYTES_MAX {
            LARGE_LABEL
        } else {
            value
        };
        self.add(label, times);
    }

    /// Counts one value that may not be a text.
    pub(super) fn observe_bytes(&mut self, value: &[u8]) {
        if let Ok(text) = std::str::from_utf8(value) {
            return self.observe(text);
        }
        self.values += 1;
        self.bytes += value.len() as u64;
        self.invalid_utf8 += 1;
        self.add(INVALID_LABEL, 1);
    }

    fn add(&mut self, label: &str, times: u64) {
        if let Some(count) = self.counts.get_mut(label) {
            *count += times;
        } else {
            self.counts.insert(label.into(), times);
        }
    }

    /// Takes another part of the data in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.values += other.values;
        self.bytes += other.bytes;
        self.invalid_utf8 += other.invalid_utf8;
        // What is known of distinct values must be joined before any label is dropped.
        if self.distinct.is_some() || other.distinct.is_some() {
            self.distinct = union(&[self, other]);
        }
        for (label, count) in other.ranked() {
            self.add(label, count);
        }
        self.bound();
    }

    /// Keeps the counts within their bound.
    pub(super) fn bound(&mut self) {
        if self.counts.len() <= CATEGORIES_EXACT {
            return;
        }
        if self.distinct.is_none() {
            self.distinct = union(&[self]);
        }
        let first_dropped = self.ranked()[CATEGORIES_EXACT].1;
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(first_dropped);
            *count > 0
        });
    }

    /// The labels with their counts: the most frequent first, ties in reverse lexicographic order.
    fn ranked(&self) -> Vec<(&str, u64)> {
        let mut ranked: Vec<(&str, u64)> = self
            .counts
            .iter()
            .map(|(label, count)| (label.as_ref(), *count))
            .collect();
        ranked.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.cmp(a.0)));
        ranked
    }

    pub(super) fn finish(&self, common_stats: CommonStatistics) -> StringStatistics {
        let ranked = self.ranked();
        let unique = self
            .distinct
            .as_ref()
            .map_or(ranked.len() as u64, |sketch| {
                (sketch.estimate().round() as u64).max(ranked.len() as u64)
            });
        let top_values = ranked
            .iter()
            .take(TOP_VALUES)
            .map(|(label, count)| TopValue {
                value: (*label).to_owned(),
                frequency: *count as f64,
            })
            .collect();
        let buckets = (0..)
            .zip(ranked.iter().take(RANK_HISTOGRAM_RANKS))
            .map(|(rank, (label, count))| RankBucket {
                low_rank: rank,
                high_rank: rank,
                label: (*label).to_owned(),
                sample_count: *count as f64,
            })
            .collect();
        StringStatistics {
            common_stats,
            unique,
            top_values,
            avg_length: if self.values == 0 {
                0.0
            } else {
                self.bytes as f64 / self.values as f64
            },
            rank_histogram: RankHistogram { buckets },
            invalid_utf8_count: self.invalid_utf8,
            approximate: self.distinct.is_some(),
        }
    }
}

/// The sketch of the distinct values of all parts: of their sketches where they have one, of
/// their labels where these are complete.
fn union(parts: &[&CategoryAccumulator]) -> Option<HllSketch> {
    // The register counts are constants within the library's range, so neither call fails.
    let mut union = HllUnion::new(DISTINCT_LG_K).ok()?;
    for part in parts {
        if let Some(sketch) = &part.distinct {
            union.update(sketch);
        } else {
            let mut sketch = HllSketch::new(DISTINCT_LG_K, HllType::Hll8).ok()?;
            for (label, _) in part.ranked() {
                sketch.update(label);
            }
            union.update(&sketch);
        }
    }
    Some(union.to_sketch(HllType::Hll8))
}

/// On disk: counts in rank order, the sketch in its library's format.
#[derive(Serialize, Deserialize)]
struct Stored {
    counts: Vec<(String, u64)>,
    values: u64,
    bytes: u64,
    invalid_utf8: u64,
    distinct: Option<Vec<u8>>,
}

impl Serialize for CategoryAccumulator {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            counts: self
                .ranked()
                .into_iter()
                .map(|(label, count)| (label.to_owned(), count))
                .collect(),
            values: self.values,
            bytes: self.bytes,
            invalid_utf8: self.invalid_utf8,
            distinct: self.distinct.as_ref().map(HllSketch::serialize),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CategoryAccumulator {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let distinct = stored
            .distinct
            .map(|bytes| HllSketch::deserialize(&bytes))
            .transpose()
            .map_err(serde::de::Error::custom)?;
        Ok(Self {
            counts: stored
                .counts
                .into_iter()
                .map(|(label, count)| (label.into(), count))
                .collect(),
            values: stored.values,
            bytes: stored.bytes,
            invalid_utf8: stored.invalid_utf8,
            distinct,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accumulate(values: impl Iterator<Item = String>) -> CategoryAccumulator {
        let mut accumulator = CategoryAccumulator::default();
        for value in values {
            accumulator.observe(&value);
        }
        accumulator
    }

    #[test]
    fn ties_rank_in_reverse_lexicographic_order() {
        let words = ["b", "a", "c", "a", "é", ""].map(String::from);
        let statistics = accumulate(words.into_iter()).finish(CommonStatistics::default());
        let labels: Vec<&str> = statistics
            .top_values
            .iter()
            .map(|top| top.value.as_str())
            .collect();
        assert_eq!(labels, ["a", "é", "c", "b", ""]);
        assert_eq!(statistics.unique, 5);
        assert_eq!(statistics.avg_length, 6.0 / 6.0);
        assert_eq!(statistics.rank_histogram.buckets[4].low_rank, 4);
    }

    #[test]
    fn bytes_that_are_no_text_and_overlong_texts_are_counted_together() {
        let mut accumulator = CategoryAccumulator::default();
        accumulator.observe_bytes(b"\xff\xfe");
        accumulator.observe_bytes(b"fine");
        accumulator.observe(&"x".repeat(2000));
        accumulator.observe(&"y".repeat(2000));
        let statistics = accumulator.finish(CommonStatistics::default());
        assert_eq!(statistics.invalid_utf8_count, 1);
        assert_eq!(statistics.top_values[0].value, LARGE_LABEL);
        assert_eq!(statistics.top_values[0].frequency, 2.0);
    }

    #[test]
    fn many_values_stay_bounded_and_estimated_alike_however_they_are_split() {
        let values = |from: u64, to: u64| (from..to).map(|i| format!("user-{}", i % 300_000));
        let mut merged = accumulate(values(0, 100_000));
        for start in [100_000, 200_000, 300_000] {
            merged.merge(&accumulate(values(start, start + 100_000)));
        }
        for _ in 0..1000 {
            merged.observe("frequent");
        }
        let stored = rmp_serde::to_vec(&merged).unwrap();
        let read: CategoryAccumulator = rmp_serde::from_slice(&stored).unwrap();
        let statistics = read.finish(CommonStatistics::default());
        assert!(statistics.approximate);
        assert!(
            (statistics.unique as f64 / 300_000.0 - 1.0).abs() < 0.02,
            "{}",
            statistics.unique
        );
        assert!(merged.counts.len() <= CATEGORIES_EXACT + 1);
        assert_eq!(statistics.top_values[0].value, "frequent");
        assert_eq!(rmp_serde::to_vec(&read).unwrap(), stored);
    }
}
