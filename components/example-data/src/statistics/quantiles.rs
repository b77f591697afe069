//! A deterministic sketch of a distribution: exact while it is small, then within a proven bound.
//!
//! The method is that of Manku, Rajagopalan and Lindsay ("Approximate medians and other quantiles
//! in one pass and with limited memory", SIGMOD 1998) in the shape of KLL, without its random
//! choice: level `h` holds values that each stand for 2^h values. A level that is full is sorted,
//! every second value moves up a level, and the choice between odd and even alternates.
//!
//! # Bound
//!
//! One compaction of level `h` changes any rank by at most 2^h. The first overflow of level 0
//! compacts `E` = 65,536 values four times down to 4,096, an error of at most 1+2+4+8 for every
//! `E` values. From level 4 on a compaction happens at most once for every 4,096 values of the
//! level, each of weight 2^h: at most n / 4,096 in rank for each level, and there are log2(n / E) + 1
//! of them. For a billion values that is 15 / 4,096 = 0.37 % at the very worst; alternation
//! makes errors of neighbouring compactions cancel, so that half of it is not exceeded in practice.

use serde::{Deserialize, Serialize};

use crate::limits::{QUANTILES_EXACT_VALUES, QUANTILES_LEVEL_VALUES};

/// A mergeable sketch of numbers without NaN.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuantileSketch {
    levels: Vec<Level>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Level {
    values: Vec<f64>,
    /// Whether the next compaction keeps the values at odd positions.
    odd: bool,
}

impl QuantileSketch {
    /// Takes values in; sorted runs are taken in faster.
    pub fn insert(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        for part in values.chunks(QUANTILES_EXACT_VALUES) {
            self.levels[0].values.extend_from_slice(part);
            self.compact();
        }
    }

    /// Takes another sketch in. The order of merging matters to the last bits, not to the bound.
    pub fn merge(&mut self, other: &Self) {
        for (height, level) in other.levels.iter().enumerate() {
            if self.levels.len() <= height {
                self.levels.push(Level::default());
            }
            self.levels[height].values.extend_from_slice(&level.values);
        }
        self.compact();
    }

    /// Whether every value is still there as it was.
    pub fn is_exact(&self) -> bool {
        self.levels.len() <= 1
    }

    /// The values in ascending order, each with the number of values it stands for.
    pub fn weighted_values(&self) -> WeightedValues {
        let mut values: Vec<(f64, u64)> = Vec::new();
        for (height, level) in self.levels.iter().enumerate() {
            values.extend(level.values.iter().map(|value| (*value, 1_u64 << height)));
        }
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut total = 0;
        let cumulative = values
            .iter()
            .map(|(value, weight)| {
                total += weight;
                (*value, total)
            })
            .collect();
        WeightedValues { cumulative, total }
    }

    fn compact(&mut self) {
        let mut height = 0;
        while height < self.levels.len() {
            let capacity = if height == 0 {
                QUANTILES_EXACT_VALUES
            } else {
                QUANTILES_LEVEL_VALUES
            };
            if self.levels[height].values.len() > capacity {
                if self.levels.len() == height + 1 {
                    self.levels.push(Level::default());
                }
                let moved = self.levels[height].halve();
                self.levels[height + 1].values.extend(moved);
            }
            height += 1;
        }
    }
}

impl Level {
    /// Removes pairs of neighbours and gives one of each pair; an unpaired last value stays.
    fn halve(&mut self) -> Vec<f64> {
        // Stable, because it detects the runs of which the level consists and merges them.
        self.values.sort_by(f64::total_cmp);
        let unpaired = (self.values.len() % 2 == 1)
            .then(|| self.values.pop())
            .flatten();
        let moved = self
            .values
            .iter()
            .skip(usize::from(self.odd))
            .step_by(2)
            .copied()
            .collect();
        self.odd = !self.odd;
        self.values.clear();
        self.values.extend(unpaired);
        moved
    }
}

/// Values in ascending order with cumulative weights: what quantiles and histograms are read from.
#[derive(Debug, Clone)]
pub struct WeightedValues {
    cumulative: Vec<(f64, u64)>,
    total: u64,
}

impl WeightedValues {
    /// All weights.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The least value of which at least the fraction `q` of all values is not greater (the
    /// inverted distribution function); none if there are no values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q * self.total as f64).ceil().max(1.0) as u64;
        self.at_rank(rank.min(self.total))
    }

    /// The middle value, or the mean of the two middle values.
    pub fn median(&self) -> Option<f64> {
        let low = self.at_rank(self.total.div_ceil(2).max(1))?;
        let high = self.at_rank(self.total / 2 + 1)?;
        // Halved first, because the sum of two large numbers may overflow.
        Some(if low == high {
            low
        } else {
            low / 2.0 + high / 2.0
        })
    }

    /// How many values are less than `bound`.
    pub fn count_below(&self, bound: f64) -> u64 {
        let index = self.cumulative.partition_point(|(value, _)| *value < bound);
        index
            .checked_sub(1)
            .map_or(0, |last| self.cumulative[last].1)
    }

    /// How many values are at most `bound`.
    pub fn count_up_to(&self, bound: f64) -> u64 {
        let index = self
            .cumulative
            .partition_point(|(value, _)| *value <= bound);
        index
            .checked_sub(1)
            .map_or(0, |last| self.cumulative[last].1)
    }

    fn at_rank(&self, rank: u64) -> Option<f64> {
        let index = self
            .cumulative
            .partition_point(|(_, cumulative)| *cumulative < rank);
        self.cumulative.get(index).map(|(value, _)| *value)
    }
}

/// On disk a level is its sorted values with their repetitions counted.
#[derive(Serialize, Deserialize)]
struct StoredLevel {
    runs: Vec<(f64, u64)>,
    odd: bool,
}

impl Serialize for QuantileSketch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels: Vec<StoredLevel> = self
            .levels
            .iter()
            .map(|level| {
                let mut values = level.values.clone();
                values.sort_by(f64::total_cmp);
                let runs = values
                    .chunk_by(|a, b| a.to_bits() == b.to_bits())
                    .map(|run| (run[0], run.len() as u64))
                    .collect();
                StoredLevel {
                    runs,
                    odd: level.odd,
                }
            })
            .collect();
        levels.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for QuantileSketch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored: Vec<StoredLevel> = Vec::deserialize(deserializer)?;
        let mut levels = Vec::with_capacity(stored.len());
        for level in stored {
            let count: u64 = level
                .runs
                .iter()
                .fold(0, |sum, run| sum.saturating_add(run.1));
            if count > QUANTILES_EXACT_VALUES as u64 {
                return Err(serde::de::Error::custom(
                    "a level of the sketch holds too many values",
                ));
            }
            let values = level
                .runs
                .iter()
                .flat_map(|(value, count)| std::iter::repeat_n(*value, *count as usize))
                .collect();
            levels.push(Level {
                values,
                odd: level.odd,
            });
        }
        Ok(Self { levels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(values: &[f64]) -> QuantileSketch {
        let mut sketch = QuantileSketch::default();
        sketch.insert(values);
        sketch
    }

    /// Pseudo-random numbers of a fixed sequence (Knuth's MMIX generator).
    fn scattered(count: usize) -> Vec<f64> {
        let mut state = 1_u64;
        (0..count)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f64
            })
            .collect()
    }

    #[test]
    fn small_data_is_exact() {
        let values = sketch(&[3.0, 1.0, 2.0, 10.0]).weighted_values();
        assert_eq!(values.median(), Some(2.5));
        assert_eq!(values.quantile(0.0), Some(1.0));
        assert_eq!(values.quantile(0.25), Some(1.0));
        assert_eq!(values.quantile(0.26), Some(2.0));
        assert_eq!(values.quantile(1.0), Some(10.0));
        assert_eq!(sketch(&[5.0]).weighted_values().median(), Some(5.0));
        assert_eq!(sketch(&[]).weighted_values().median(), None);
        assert_eq!(
            sketch(&[f64::MAX, f64::MAX / 2.0])
                .weighted_values()
                .median(),
            Some(f64::MAX * 0.75)
        );
    }

    #[test]
    fn large_data_stays_within_half_a_percent_of_rank() {
        let values = scattered(1_000_000);
        let mut whole = QuantileSketch::default();
        for part in values.chunks(10_000) {
            whole.insert(part);
        }
        let mut shards = QuantileSketch::default();
        for part in values.chunks(300_000) {
            shards.merge(&sketch(part));
        }
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        for sketch in [whole, shards] {
            assert!(!sketch.is_exact());
            let read = sketch.weighted_values();
            assert_eq!(read.total(), 1_000_000);
            for percent in 1..100_u32 {
                let q = f64::from(percent) / 100.0;
                let value = read.quantile(q).unwrap();
                let rank = sorted.partition_point(|v| *v < value) as f64 / 1e6;
                assert!((rank - q).abs() < 0.005, "{q}: {rank}");
            }
        }
    }

    #[test]
    fn a_stored_sketch_goes_on_as_the_one_in_memory() {
        let values = scattered(200_000);
        let mut kept = sketch(&values[..150_000]);
        let stored = serde_json::to_string(&kept).unwrap();
        let mut read: QuantileSketch = serde_json::from_str(&stored).unwrap();
        kept.insert(&values[150_000..]);
        read.insert(&values[150_000..]);
        assert_eq!(
            kept.weighted_values().cumulative,
            read.weighted_values().cumulative
        );
    }
}
