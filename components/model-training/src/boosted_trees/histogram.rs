//! Sums of gradients per bin.
//!
//! A feature's sums are always taken by one thread in the order of the rows, so
//! they do not depend on how many threads there are.

use rayon::prelude::*;

use super::bins::{BinnedFeature, BinnedFeatures};
use super::split::{Gradient, Sums};

/// Additions that are worth the other threads' attention.
const PARALLEL_ADDITIONS_MIN: usize = 1 << 15;

/// The sums of every bin of every feature, laid out by `BinnedFeatures::offsets`.
pub(super) struct Histogram {
    bins: Vec<Sums>,
}

impl Histogram {
    /// Counts `rows`.
    pub(super) fn count(bins: &BinnedFeatures, gradients: &[Gradient], rows: &[u32]) -> Histogram {
        let ordered: Vec<Gradient> = rows.iter().map(|row| gradients[*row as usize]).collect();
        let mut sums = vec![Sums::default(); bins.bin_count()];
        let mut jobs: Vec<(&BinnedFeature, &mut [Sums])> = Vec::with_capacity(bins.features());
        let mut rest = sums.as_mut_slice();
        for column in &bins.columns {
            let (own, others) = rest.split_at_mut(column.bin_count());
            jobs.push((column, own));
            rest = others;
        }
        let whole = rows.len() == bins.rows();
        let add = |(column, sums): &mut (&BinnedFeature, &mut [Sums])| {
            if whole {
                add_all(&column.bin_of, &ordered, sums);
            } else {
                add_rows(&column.bin_of, rows, &ordered, sums);
            }
        };
        if rows.len() * bins.features() >= PARALLEL_ADDITIONS_MIN {
            jobs.par_iter_mut().for_each(add);
        } else {
            jobs.iter_mut().for_each(add);
        }
        Histogram { bins: sums }
    }

    /// What is left of this leaf when the rows of `child` are taken away.
    pub(super) fn without(mut self, child: &Histogram) -> Histogram {
        for (sums, taken) in self.bins.iter_mut().zip(&child.bins) {
            *sums = sums.minus(taken);
        }
        self
    }

    /// The bins of one feature.
    pub(super) fn of(&self, bins: &BinnedFeatures, feature: usize) -> &[Sums] {
        &self.bins[bins.offsets[feature]..bins.offsets[feature + 1]]
    }
}

fn add_all(bin_of: &[u8], gradients: &[Gradient], sums: &mut [Sums]) {
    for (bin, gradient) in bin_of.iter().zip(gradients) {
        sums[usize::from(*bin)].add(*gradient);
    }
}

fn add_rows(bin_of: &[u8], rows: &[u32], gradients: &[Gradient], sums: &mut [Sums]) {
    for (row, gradient) in rows.iter().zip(gradients) {
        sums[usize::from(bin_of[*row as usize])].add(*gradient);
    }
}
