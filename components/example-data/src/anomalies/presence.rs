//! Anomalies of presence: how often a feature is there, with how many values, in which shape.

use super::model::{AnomalyKind, Reason};
use crate::schema::{Feature, FeaturePresence, FixedShape, UniqueConstraints, ValueCount};
use crate::statistics::{CommonStatistics, FeatureNameStatistics};

pub(super) fn check(
    statistics: &FeatureNameStatistics,
    feature: &Feature,
    rows: u64,
) -> Vec<Reason> {
    let common = statistics.common();
    let mut reasons = Vec::new();
    value_counts(&common, feature, &mut reasons);
    if let Some(wanted) = &feature.shape {
        shape(&common, wanted, &mut reasons);
    }
    if let Some(wanted) = &feature.presence {
        presence(&common, wanted, rows, &mut reasons);
    }
    reasons
}

/// The least and the greatest number of values at each level of nesting.
fn levels(common: &CommonStatistics) -> Vec<(i64, i64, u64)> {
    if common.presence_and_valency_stats.is_empty() {
        return vec![(
            common.min_num_values as i64,
            common.max_num_values as i64,
            common.num_missing,
        )];
    }
    common
        .presence_and_valency_stats
        .iter()
        .map(|level| {
            (
                level.min_num_values as i64,
                level.max_num_values as i64,
                level.num_missing,
            )
        })
        .collect()
}

fn value_counts(common: &CommonStatistics, feature: &Feature, reasons: &mut Vec<Reason>) {
    let levels = levels(common);
    let wanted: Vec<&ValueCount> = if let Some(one) = &feature.value_count {
        if levels.len() > 1 {
            reasons.push(Reason::new(
                AnomalyKind::ValueNestednessMismatch,
                "Other nesting",
                format!(
                    "The values are nested {} levels deep; `value_count` describes one level, \
                     `value_counts` describes several.",
                    levels.len()
                ),
            ));
            return;
        }
        vec![one]
    } else if let Some(several) = &feature.value_counts {
        if levels.len() != several.value_count.len() {
            reasons.push(Reason::new(
                AnomalyKind::ValueNestednessMismatch,
                "Other nesting",
                format!(
                    "The values are nested {} levels deep, `value_counts` describes {}.",
                    levels.len(),
                    several.value_count.len()
                ),
            ));
            return;
        }
        several.value_count.iter().collect()
    } else {
        return;
    };
    for (bounds, (min, max, _)) in wanted.into_iter().zip(&levels) {
        if let Some(least) = bounds.min.filter(|least| min < least) {
            reasons.push(Reason::new(
                AnomalyKind::FeatureTypeLowNumberValues,
                "Missing values",
                format!("Some rows have {min} values, fewer than {least}."),
            ));
        }
        if let Some(most) = bounds.max.filter(|most| max > most) {
            reasons.push(Reason::new(
                AnomalyKind::FeatureTypeHighNumberValues,
                "Superfluous values",
                format!("Some rows have {max} values, more than {most}."),
            ));
        }
    }
}

fn shape(common: &CommonStatistics, wanted: &FixedShape, reasons: &mut Vec<Reason>) {
    let levels = levels(common);
    let missing: u64 = levels.iter().map(|(_, _, missing)| missing).sum();
    let fixed = levels.iter().all(|(min, max, _)| min == max && *min > 0);
    let found: i64 = levels.iter().map(|(min, _, _)| min).product();
    let expected: i64 = wanted.dim.iter().map(|dimension| dimension.size).product();
    let problem = if missing > 0 {
        format!("it is missing in {missing} rows")
    } else if !fixed {
        "its number of values varies".to_owned()
    } else if found != expected {
        format!("a row has {found} values, the shape {expected}")
    } else {
        return;
    };
    reasons.push(Reason::new(
        AnomalyKind::InvalidFeatureShape,
        "Not of its shape",
        format!("The feature has a fixed shape in the schema, but {problem}."),
    ));
}

fn presence(
    common: &CommonStatistics,
    wanted: &FeaturePresence,
    rows: u64,
    reasons: &mut Vec<Reason>,
) {
    let present = common.num_non_missing;
    if let Some(least) = wanted.min_count.filter(|least| (present as i64) < *least) {
        reasons.push(Reason::new(
            AnomalyKind::FeatureTypeLowNumberPresent,
            "Column dropped",
            format!("The feature is present in {present} rows, fewer than {least}."),
        ));
    }
    if let Some(least) = wanted.min_fraction {
        let fraction = if common.num_missing == 0 {
            1.0
        } else {
            present as f64 / rows as f64
        };
        // Demanded everywhere means everywhere, even where the fraction rounds to 1.
        if fraction < least || (least == 1.0 && common.num_missing > 0) {
            reasons.push(Reason::new(
                AnomalyKind::FeatureTypeLowFractionPresent,
                "Missing values",
                format!(
                    "The feature is missing in {} of {rows} rows; it is present in a fraction of \
                     {fraction:.6}, less than {least}.",
                    common.num_missing
                ),
            ));
        }
    }
}

/// Bounds for the number of distinct values.
pub(super) fn unique(
    statistics: &FeatureNameStatistics,
    wanted: &UniqueConstraints,
    reasons: &mut Vec<Reason>,
) {
    let Some(strings) = &statistics.string_stats else {
        reasons.push(Reason::new(
            AnomalyKind::FeatureTypeNoUnique,
            "Distinct values not counted",
            "The schema bounds the number of distinct values, which is counted for texts and for \
             integers that the schema calls categorical only.",
        ));
        return;
    };
    let unique = strings.unique as i64;
    if let Some(least) = wanted.min.filter(|least| unique < *least) {
        reasons.push(Reason::new(
            AnomalyKind::FeatureTypeLowUnique,
            "Few distinct values",
            format!("There are {unique} distinct values, fewer than {least}."),
        ));
    }
    if let Some(most) = wanted.max.filter(|most| unique > *most) {
        reasons.push(Reason::new(
            AnomalyKind::FeatureTypeHighUnique,
            "Many distinct values",
            format!("There are {unique} distinct values, more than {most}."),
        ));
    }
}
