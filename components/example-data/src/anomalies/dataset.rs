//! Anomalies of the data set as a whole: how many rows it has.

use super::features::ValidationOptions;
use super::model::{AnomalyKind, Reason};
use crate::schema::{NumericValueComparator, Schema};
use crate::statistics::DatasetFeatureStatistics;

pub(super) fn check(
    statistics: &DatasetFeatureStatistics,
    schema: &Schema,
    options: &ValidationOptions<'_>,
) -> Vec<Reason> {
    let Some(constraints) = &schema.dataset_constraints else {
        return Vec::new();
    };
    let rows = statistics.num_examples;
    let mut reasons = Vec::new();
    if let (Some(comparator), Some(previous)) =
        (&constraints.num_examples_drift_comparator, options.previous)
    {
        compare(rows, previous.num_examples, comparator, &mut reasons);
    }
    if let Some(least) = constraints
        .min_examples_count
        .filter(|least| (rows as i64) < *least)
    {
        reasons.push(Reason::new(
            AnomalyKind::DatasetLowNumExamples,
            "Too few rows",
            format!(
                "The data set has {rows} rows, fewer than the {least} that the schema demands."
            ),
        ));
    }
    if let Some(most) = constraints
        .max_examples_count
        .filter(|most| (rows as i64) > *most)
    {
        reasons.push(Reason::new(
            AnomalyKind::DatasetHighNumExamples,
            "Too many rows",
            format!("The data set has {rows} rows, more than the {most} that the schema allows."),
        ));
    }
    reasons
}

fn compare(
    rows: u64,
    previous: u64,
    comparator: &NumericValueComparator,
    reasons: &mut Vec<Reason>,
) {
    let ratio = rows as f64 / previous as f64;
    if let Some(most) = comparator.max_fraction_threshold
        && (previous == 0 || ratio > most)
    {
        reasons.push(Reason::new(
            AnomalyKind::ComparatorHighNumExamples,
            "More rows than before",
            if previous == 0 {
                format!("The data set has {rows} rows, the previous span had none.")
            } else {
                format!(
                    "The data set has {rows} rows, {ratio:.4} times the previous span's {previous}; \
                     at most {most} times is allowed."
                )
            },
        ));
    }
    if let Some(least) = comparator.min_fraction_threshold
        && previous > 0
        && ratio < least
    {
        reasons.push(Reason::new(
            AnomalyKind::ComparatorLowNumExamples,
            "Fewer rows than before",
            format!(
                "The data set has {rows} rows, {ratio:.4} times the previous span's {previous}; \
                 at least {least} times is demanded."
            ),
        ));
    }
}
