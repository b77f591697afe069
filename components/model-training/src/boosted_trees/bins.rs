//! Features cut into at most 255 bins and one for missing values.
//!
//! A cut is an f32 and lies between two values that occur, so a row takes the
//! same way through a tree by its bin in training and by its value in scoring.

use rayon::prelude::*;

use super::SAMPLE_CUTS;
use crate::dataset::Dataset;
use crate::random::Random;

/// Bins of values per feature; with the missing bin they fill a byte.
const VALUE_BINS_MAX: usize = 255;

/// Rows that the cuts are chosen from. Quantiles of so many rows move less than
/// a bin's width; scikit-learn takes the same number.
const CUT_ROWS_MAX: usize = 200_000;

/// One feature: where it is cut and the bin of every row.
pub(super) struct BinnedFeature {
    /// Ascending; bin b holds the values in (cuts[b - 1], cuts[b]].
    pub(super) cuts: Vec<f32>,
    /// By row.
    pub(super) bin_of: Vec<u8>,
    /// Whether any training row has no value here.
    pub(super) has_missing: bool,
}

impl BinnedFeature {
    /// The bin of missing values: the last one.
    pub(super) fn missing_bin(&self) -> usize {
        self.cuts.len() + 1
    }

    /// All bins, the missing one included if it is used.
    pub(super) fn bin_count(&self) -> usize {
        self.cuts.len() + 1 + usize::from(self.has_missing)
    }

    fn new(column: &[f32], sampled_rows: Option<&[u32]>) -> BinnedFeature {
        let mut values: Vec<f32> = match sampled_rows {
            None => column.to_vec(),
            Some(rows) => rows.iter().map(|row| column[*row as usize]).collect(),
        };
        values.retain(|value| !value.is_nan());
        values.sort_unstable_by(f32::total_cmp);
        let cuts = cuts(&values);
        let missing = (cuts.len() + 1) as u8;
        let bin = |value: &f32| {
            if value.is_nan() {
                missing
            } else {
                cuts.partition_point(|cut| cut < value) as u8
            }
        };
        let bin_of = column.iter().map(bin).collect();
        BinnedFeature {
            bin_of,
            has_missing: column.iter().any(|value| value.is_nan()),
            cuts,
        }
    }
}

/// The training split in bins.
pub(super) struct BinnedFeatures {
    pub(super) columns: Vec<BinnedFeature>,
    /// Where each feature's bins begin in a histogram; one more than features.
    pub(super) offsets: Vec<usize>,
    rows: usize,
}

impl BinnedFeatures {
    pub(super) fn new(training: &Dataset, seed: u64) -> BinnedFeatures {
        let rows = training.rows();
        let sampled = (rows > CUT_ROWS_MAX)
            .then(|| Random::new(seed, &[SAMPLE_CUTS]).sample(rows, CUT_ROWS_MAX));
        let columns: Vec<BinnedFeature> = (0..training.width())
            .into_par_iter()
            .map(|feature| {
                let column: Vec<f32> = (0..rows)
                    .map(|row| plain_zero(training.row(row)[feature]))
                    .collect();
                BinnedFeature::new(&column, sampled.as_deref())
            })
            .collect();
        let mut offsets = vec![0];
        offsets.extend(columns.iter().scan(0, |end, column| {
            *end += column.bin_count();
            Some(*end)
        }));
        BinnedFeatures {
            columns,
            offsets,
            rows,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn features(&self) -> usize {
        self.columns.len()
    }

    /// The size of a histogram over all features.
    pub(super) fn bin_count(&self) -> usize {
        self.offsets[self.features()]
    }
}

/// -0 and 0 compare equal but sort apart.
fn plain_zero(value: f32) -> f32 {
    value + 0.0
}

/// Cuts between sorted values, so that bins hold about equally many rows. Values
/// that are more than a bin's share get a bin of their own, and what is left is
/// shared out anew.
fn cuts(sorted: &[f32]) -> Vec<f32> {
    let mut cuts = Vec::new();
    let distinct = 1 + sorted.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let every_value = distinct <= VALUE_BINS_MAX;
    let (mut rows_left, mut bins_left, mut in_bin) = (sorted.len(), VALUE_BINS_MAX, 0);
    for pair in sorted.windows(2) {
        in_bin += 1;
        if pair[0] >= pair[1] {
            continue;
        }
        let full = bins_left > 1 && in_bin * bins_left >= rows_left;
        if every_value || full {
            cuts.push(between(pair[0], pair[1]));
            rows_left -= in_bin;
            bins_left -= 1;
            in_bin = 0;
        }
    }
    cuts
}

/// The middle of two values as an f32 that is at least the lower and below the
/// upper one; the lower one where the middle is not such a number.
fn between(lower: f32, upper: f32) -> f32 {
    let middle = f64::midpoint(f64::from(lower), f64::from(upper)) as f32;
    if middle >= lower && middle < upper {
        middle
    } else {
        lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_lies_between_its_neighbours() {
        let next = f32::from_bits(1.0_f32.to_bits() + 1);
        let table = [
            (1.0, 2.0, 1.5),
            (1.0, next, 1.0),
            (f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY),
            (0.0, f32::INFINITY, 0.0),
            (f32::NEG_INFINITY, f32::INFINITY, f32::NEG_INFINITY),
            (f32::MAX / 2.0, f32::MAX, f32::MAX * 0.75),
        ];
        for (lower, upper, expected) in table {
            assert_eq!(
                between(lower, upper).to_bits(),
                f32::to_bits(expected),
                "{lower} {upper}"
            );
        }
    }

    #[test]
    fn few_values_get_a_bin_each_and_missing_ones_the_last() {
        let feature = BinnedFeature::new(&[3.0, 1.0, f32::NAN, 2.0, 1.0], None);
        assert_eq!(feature.cuts, [1.5, 2.5]);
        assert_eq!(feature.bin_of, [2, 0, 3, 1, 0]);
        assert_eq!((feature.missing_bin(), feature.bin_count()), (3, 4));
    }

    #[test]
    fn many_values_share_all_bins_about_equally() {
        let column: Vec<f32> = (0..10_000_u16).map(f32::from).collect();
        let feature = BinnedFeature::new(&column, None);
        assert_eq!(feature.bin_count(), VALUE_BINS_MAX);
        let mut counts = vec![0; VALUE_BINS_MAX];
        feature
            .bin_of
            .iter()
            .for_each(|bin| counts[usize::from(*bin)] += 1);
        assert!(
            counts.iter().all(|count| (39..=40).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_heavy_value_leaves_the_other_bins_to_the_others() {
        let mut column = vec![0.0; 50_000];
        column.extend((1..=10_000_u16).map(f32::from));
        let feature = BinnedFeature::new(&column, None);
        assert_eq!(feature.bin_count(), VALUE_BINS_MAX);
        assert_eq!(feature.cuts[0].to_bits(), 0.5_f32.to_bits());
    }
}
