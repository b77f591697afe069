//! The shapes of what a schema demands of a feature, or of the data set as a whole.
//!
//! A message without fields of its own to keep knows all its names: another one is a slip of the pen
//! and refused, since what is silently not demanded would silently not be checked.

use serde::{Deserialize, Serialize};

use super::model::OtherFields;

/// How often a feature must be present.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeaturePresence {
    /// In at least this fraction of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_fraction: Option<f64>,
    /// In at least this many rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<i64>,
}

/// Bounds for the number of values in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValueCount {
    /// At least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// At most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

/// Bounds for the number of values at each level of nesting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValueCountList {
    /// From the outermost level on.
    pub value_count: Vec<ValueCount>,
}

/// A fixed shape.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FixedShape {
    /// The dimensions; none is a single value.
    pub dim: Vec<Dimension>,
}

/// A dimension of a shape.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dimension {
    /// How many values.
    pub size: i64,
    /// What the dimension is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How much of the data a string domain must cover.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistributionConstraints {
    /// At least this fraction of the values (the proto's default is 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_domain_mass: Option<f64>,
}

/// How far two data sets may differ in a feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Comparator {
    /// For categories: the greatest difference of two values' shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infinity_norm: Option<Threshold>,
    /// For numbers and categories: the divergence of the distributions, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jensen_shannon_divergence: Option<JensenShannonThreshold>,
    /// For categories: the greatest difference of two values' counts, over all values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalized_abs_difference: Option<Threshold>,
}

/// The greatest measurement that is no anomaly.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    /// Inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// The greatest divergence that is no anomaly, and the histogram it is measured on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JensenShannonThreshold {
    /// Inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// `STANDARD` (the default) or `QUANTILES`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<crate::statistics::HistogramType>,
}

/// Bounds for the number of distinct values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UniqueConstraints {
    /// At least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// At most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

/// What holds for the data set as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetConstraints {
    /// Against the previous span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_examples_drift_comparator: Option<NumericValueComparator>,
    /// Against the previous version of the same span; kept, and measured where one is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_examples_version_comparator: Option<NumericValueComparator>,
    /// At least this many rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_examples_count: Option<i64>,
    /// At most this many rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_examples_count: Option<i64>,
    /// Fields that this version does not use.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// Bounds for the ratio of two numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumericValueComparator {
    /// Least ratio, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_fraction_threshold: Option<f64>,
    /// Greatest ratio, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fraction_threshold: Option<f64>,
}
