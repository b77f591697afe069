//! Anomalies of drift and skew: a feature against the same feature of other data.

use super::divergence::{jensen_shannon, l_infinity, normalized_absolute_difference};
use super::model::{AnomalyKind, Measurement, MeasurementType, Reason};
use crate::DataError;
use crate::schema::{Comparator, Threshold};
use crate::statistics::{DatasetFeatureStatistics, FeatureNameStatistics};

/// The data that is compared with.
pub(super) struct Control<'a> {
    /// What the other data is called.
    name: &'static str,
    /// What this data is called beside it.
    own_name: &'static str,
    /// What the comparison is called.
    purpose: &'static str,
    statistics: Option<&'a DatasetFeatureStatistics>,
}

impl<'a> Control<'a> {
    pub(super) const PREVIOUS: Control<'static> = Control {
        name: "previous",
        own_name: "current",
        purpose: "drift",
        statistics: None,
    };
    pub(super) const SERVING: Control<'static> = Control {
        name: "serving",
        own_name: "training",
        purpose: "skew",
        statistics: None,
    };

    pub(super) fn with(self, statistics: Option<&'a DatasetFeatureStatistics>) -> Self {
        Self { statistics, ..self }
    }
}

/// Measures what the comparator has thresholds for, whether or not they are exceeded.
pub(super) fn compare(
    ours: &FeatureNameStatistics,
    comparator: &Comparator,
    control: &Control<'_>,
    reasons: &mut Vec<Reason>,
) -> Result<Vec<Measurement>, DataError> {
    let threshold = |of: &Option<Threshold>| of.as_ref().and_then(|threshold| threshold.threshold);
    let infinity = threshold(&comparator.infinity_norm);
    let absolute = threshold(&comparator.normalized_abs_difference);
    let jensen = comparator.jensen_shannon_divergence.as_ref();
    let divergence = jensen.and_then(|jensen| jensen.threshold);
    if infinity.is_none() && absolute.is_none() && divergence.is_none() {
        return Ok(Vec::new());
    }
    if (infinity.is_some() || absolute.is_some()) && ours.num_stats.is_some() {
        return Err(numeric_threshold(ours, control));
    }
    let Some(other) = control.statistics else {
        return Ok(Vec::new());
    };
    let Some(theirs) = other
        .features
        .iter()
        .find(|feature| feature.name == ours.name)
    else {
        reasons.push(Reason::new(
            AnomalyKind::ComparatorControlDataMissing,
            format!("No {} data", control.name),
            format!("The {} data does not have the feature.", control.name),
        ));
        return Ok(Vec::new());
    };
    let mut measurements = Vec::new();
    let (own_counts, their_counts) = (ours.category_counts(), theirs.category_counts());
    if let Some(threshold) = infinity {
        let (label, value) = l_infinity(&own_counts, &their_counts);
        measurements.push(measurement(MeasurementType::LInfty, value, threshold));
        if value > threshold {
            let text = sentence("L-infinity distance", value, threshold, control);
            reasons.push(Reason::new(
                AnomalyKind::ComparatorLInftyHigh,
                format!("High {}", control.purpose),
                format!("{text} The value that differs most is {label:?}."),
            ));
        }
    }
    if let Some(threshold) = absolute {
        let (label, value) = normalized_absolute_difference(&own_counts, &their_counts);
        measurements.push(measurement(
            MeasurementType::NormalizedAbsoluteDifference,
            value,
            threshold,
        ));
        if value > threshold {
            let text = sentence("normalized absolute difference", value, threshold, control);
            reasons.push(Reason::new(
                AnomalyKind::ComparatorNormalizedAbsoluteDifferenceHigh,
                format!("High {}", control.purpose),
                format!("{text} The value that differs most is {label:?}."),
            ));
        }
    }
    if let Some(threshold) = divergence {
        let source = jensen.and_then(|jensen| jensen.source).unwrap_or_default();
        // Nothing to measure: the feature has no values here or there, which presence reports.
        if let Some(value) = jensen_shannon(ours, theirs, source) {
            measurements.push(measurement(
                MeasurementType::JensenShannonDivergence,
                value,
                threshold,
            ));
            if value > threshold {
                reasons.push(Reason::new(
                    AnomalyKind::ComparatorJensenShannonDivergenceHigh,
                    format!("High {}", control.purpose),
                    sentence("Jensen-Shannon divergence", value, threshold, control),
                ));
            }
        }
    }
    Ok(measurements)
}

fn measurement(measurement_type: MeasurementType, value: f64, threshold: f64) -> Measurement {
    Measurement {
        measurement_type,
        value,
        threshold,
    }
}

fn sentence(what: &str, value: f64, threshold: f64, control: &Control<'_>) -> String {
    format!(
        "The {what} between {} and {} data is {value:.6}, above {threshold}.",
        control.own_name, control.name
    )
}

fn numeric_threshold(ours: &FeatureNameStatistics, control: &Control<'_>) -> DataError {
    DataError::Request(format!(
        "feature `{}`: its {} comparator bounds a difference of categories (`infinity_norm` or \
         `normalized_abs_difference`), but the feature is a number; use \
         `jensen_shannon_divergence`, or mark it `int_domain: {{ is_categorical: true }}` and compute \
         its statistics with that schema",
        ours.name, control.purpose
    ))
}
