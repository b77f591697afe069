//! Distances of two data sets in one feature, with TFDV's mathematics (its `metrics.cc`).

use std::collections::BTreeMap;

use crate::statistics::{Bucket, FeatureNameStatistics, Histogram, HistogramType};

/// Counts by category.
type Counts<'a> = BTreeMap<&'a str, f64>;

/// The greatest difference of a category's shares, and the category. Of equal differences the last
/// in lexicographic order is named.
pub(super) fn l_infinity(ours: &Counts<'_>, theirs: &Counts<'_>) -> (String, f64) {
    greatest_difference(ours, theirs, total(ours), total(theirs))
}

/// The greatest difference of a category's counts over the values of both, and the category.
pub(super) fn normalized_absolute_difference(
    ours: &Counts<'_>,
    theirs: &Counts<'_>,
) -> (String, f64) {
    let both = total(ours) + total(theirs);
    greatest_difference(ours, theirs, both, both)
}

/// The Jensen-Shannon divergence in bits, of categories if both have them, else of histograms;
/// none if there is nothing to measure on both sides.
pub(super) fn jensen_shannon(
    ours: &FeatureNameStatistics,
    theirs: &FeatureNameStatistics,
    source: HistogramType,
) -> Option<f64> {
    let (our_counts, their_counts) = (ours.category_counts(), theirs.category_counts());
    if !our_counts.is_empty() && !their_counts.is_empty() {
        let (our_total, their_total) = (total(&our_counts), total(&their_counts));
        return Some(divergence(labels(&our_counts, &their_counts).map(
            |label| {
                let share = |counts: &Counts<'_>, total: f64| {
                    counts.get(label).copied().unwrap_or(0.0) / total
                };
                (
                    share(&our_counts, our_total),
                    share(&their_counts, their_total),
                )
            },
        )));
    }
    let pairs = align(ours.histogram(source)?, theirs.histogram(source)?);
    let our_total: f64 = pairs.iter().map(|pair| pair.0).sum();
    let their_total: f64 = pairs.iter().map(|pair| pair.1).sum();
    if our_total == 0.0 || their_total == 0.0 {
        return None;
    }
    Some(divergence(
        pairs
            .into_iter()
            .map(|(p, q)| (p / our_total, q / their_total)),
    ))
}

/// JSD(P, Q) = (D(P, M) + D(Q, M)) / 2 with M = (P + Q) / 2, capped at 1 against rounding.
fn divergence(shares: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut sum = 0.0;
    for (p, q) in shares {
        let middle = f64::midpoint(p, q);
        for share in [p, q] {
            if share > 0.0 {
                sum += share * (share / middle).log2();
            }
        }
    }
    (sum / 2.0).min(1.0)
}

fn total(counts: &Counts<'_>) -> f64 {
    counts.values().sum()
}

fn labels<'a>(ours: &Counts<'a>, theirs: &Counts<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let all: std::collections::BTreeSet<&'a str> =
        ours.keys().chain(theirs.keys()).copied().collect();
    all.into_iter()
}

fn greatest_difference(
    ours: &Counts<'_>,
    theirs: &Counts<'_>,
    our_total: f64,
    their_total: f64,
) -> (String, f64) {
    // A side without values has no shares; all of the other's are differences.
    let share = |counts: &Counts<'_>, total: f64, label: &str| {
        if total == 0.0 {
            0.0
        } else {
            counts.get(label).copied().unwrap_or(0.0) / total
        }
    };
    let mut greatest = (String::new(), 0.0);
    for label in labels(ours, theirs) {
        let difference = (share(ours, our_total, label) - share(theirs, their_total, label)).abs();
        if difference >= greatest.1 {
            greatest = (label.to_owned(), difference);
        }
    }
    greatest
}

/// What a histogram consists of beside its ordinary buckets.
struct Parts {
    ordinary: Vec<Bucket>,
    /// By the bits of the value, which is finite.
    points: Vec<(f64, f64)>,
    infinite: f64,
    num_nan: f64,
}

impl Parts {
    fn of(histogram: &Histogram) -> Self {
        let mut parts = Self {
            ordinary: Vec::new(),
            points: Vec::new(),
            infinite: 0.0,
            num_nan: histogram.num_nan as f64,
        };
        for bucket in &histogram.buckets {
            if !bucket.low_value.is_finite() || !bucket.high_value.is_finite() {
                parts.infinite += bucket.sample_count;
            } else if bucket.low_value == bucket.high_value {
                parts.points.push((bucket.low_value, bucket.sample_count));
            } else {
                parts.ordinary.push(*bucket);
            }
        }
        parts
    }

    fn mass_at(&self, point: f64) -> f64 {
        self.points
            .iter()
            .filter(|(value, _)| *value == point)
            .map(|(_, mass)| mass)
            .sum()
    }
}

/// Both histograms on the same buckets, as pairs of masses.
///
/// Ordinary buckets are cut at the bounds of both, values being uniform within a bucket; constants
/// are compared with constants of the same value alone; infinite and NaN masses match nothing.
fn align(ours: &Histogram, theirs: &Histogram) -> Vec<(f64, f64)> {
    let (ours, theirs) = (Parts::of(ours), Parts::of(theirs));
    let mut bounds: Vec<f64> = ours
        .ordinary
        .iter()
        .chain(&theirs.ordinary)
        .flat_map(|bucket| [bucket.low_value, bucket.high_value])
        .collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let mut pairs: Vec<(f64, f64)> = bounds
        .windows(2)
        .map(|cut| {
            (
                mass_within(&ours.ordinary, cut[0], cut[1]),
                mass_within(&theirs.ordinary, cut[0], cut[1]),
            )
        })
        .collect();
    let mut points: Vec<f64> = ours
        .points
        .iter()
        .chain(&theirs.points)
        .map(|(value, _)| *value)
        .collect();
    points.sort_by(f64::total_cmp);
    points.dedup();
    pairs.extend(
        points
            .into_iter()
            .map(|point| (ours.mass_at(point), theirs.mass_at(point))),
    );
    for (own, other) in [
        (ours.infinite, theirs.infinite),
        (ours.num_nan, theirs.num_nan),
    ] {
        pairs.extend([(own, 0.0), (0.0, other)]);
    }
    pairs
}

/// The mass between two neighbouring bounds: the share of the bucket that holds both.
fn mass_within(buckets: &[Bucket], low: f64, high: f64) -> f64 {
    buckets
        .iter()
        .filter(|bucket| bucket.low_value <= low && high <= bucket.high_value)
        .map(|bucket| bucket.sample_count * ((high - low) / (bucket.high_value - bucket.low_value)))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) {
        assert!(
            (value - expected).abs() < 1e-12,
            "{value} is not {expected}"
        );
    }

    fn histogram(buckets: &[(f64, f64, f64)], num_nan: u64) -> Histogram {
        let buckets = buckets
            .iter()
            .map(|(low_value, high_value, sample_count)| Bucket {
                low_value: *low_value,
                high_value: *high_value,
                sample_count: *sample_count,
            })
            .collect();
        Histogram {
            num_nan,
            buckets,
            histogram_type: HistogramType::Standard,
        }
    }

    fn measure(ours: &Histogram, theirs: &Histogram) -> f64 {
        let statistics = |histogram: &Histogram| FeatureNameStatistics {
            num_stats: Some(crate::statistics::NumericStatistics {
                histograms: vec![histogram.clone()],
                ..Default::default()
            }),
            ..Default::default()
        };
        jensen_shannon(
            &statistics(ours),
            &statistics(theirs),
            HistogramType::Standard,
        )
        .unwrap()
    }

    #[test]
    fn categories_differ_by_their_greatest_share() {
        let ours = Counts::from([("a", 3.0), ("b", 1.0)]);
        let theirs = Counts::from([("a", 1.0), ("c", 1.0)]);
        assert_eq!(l_infinity(&ours, &theirs), ("c".to_owned(), 0.5));
        let (label, value) = normalized_absolute_difference(&ours, &theirs);
        assert_eq!(label, "a");
        close(value, 2.0 / 6.0);
        assert_eq!(l_infinity(&ours, &ours).1, 0.0);
        assert_eq!(l_infinity(&ours, &Counts::new()), ("a".to_owned(), 0.75));
    }

    #[test]
    fn equal_distributions_do_not_diverge_and_disjoint_ones_do_by_one_bit() {
        let a = histogram(&[(0.0, 1.0, 3.0), (1.0, 2.0, 1.0)], 0);
        close(
            measure(&a, &histogram(&[(0.0, 1.0, 6.0), (1.0, 2.0, 2.0)], 0)),
            0.0,
        );
        close(measure(&a, &histogram(&[(5.0, 6.0, 1.0)], 0)), 1.0);
        // One bucket cut into two equal halves.
        close(
            measure(
                &histogram(&[(0.0, 2.0, 2.0)], 0),
                &histogram(&[(0.0, 1.0, 1.0), (1.0, 2.0, 1.0)], 0),
            ),
            0.0,
        );
    }

    #[test]
    fn half_a_bit_by_hand() {
        // P = (1, 0), Q = (1/2, 1/2): (log2(4/3) + (log2(2/3) + log2 2) / 2) / 2.
        let value = measure(
            &histogram(&[(0.0, 1.0, 7.0)], 0),
            &histogram(&[(0.0, 1.0, 1.0), (1.0, 2.0, 1.0)], 0),
        );
        close(
            value,
            f64::midpoint(
                (4.0_f64 / 3.0).log2(),
                f64::midpoint((2.0_f64 / 3.0).log2(), 1.0),
            ),
        );
    }

    #[test]
    fn constants_infinities_and_nan_match_as_in_tfdv() {
        let constant = histogram(&[(1.0, 1.0, 4.0)], 0);
        close(measure(&constant, &constant), 0.0);
        close(measure(&constant, &histogram(&[(2.0, 2.0, 4.0)], 0)), 1.0);
        let with_nan = histogram(&[(0.0, 1.0, 1.0)], 1);
        close(measure(&with_nan, &with_nan), 0.5);
        let infinite = histogram(
            &[(f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0), (0.0, 1.0, 1.0)],
            0,
        );
        close(measure(&infinite, &infinite), 0.5);
    }
}
