//! The shapes of domains: which values a feature may have.

use serde::{Deserialize, Serialize};

use super::model::OtherFields;

/// The domain of integers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntDomain {
    /// The domain's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Least value, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// Greatest value, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Whether the integers are names of categories.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_categorical: bool,
}

/// The domain of floats.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FloatDomain {
    /// The domain's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Least value, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest value, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Whether NaN is an anomaly.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disallow_nan: bool,
    /// Whether infinities are an anomaly.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disallow_inf: bool,
    /// Fields that this version does not use.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The domain of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StringDomain {
    /// The domain's name, by which features refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The texts that may occur.
    pub value: Vec<String>,
}

/// The domain of truth values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoolDomain {
    /// The domain's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The text that means true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub true_value: Option<String>,
    /// The text that means false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_value: Option<String>,
}

/// The domain of times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeDomain {
    /// How texts are written, as for `strptime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_format: Option<String>,
    /// What integers count: `UNIX_SECONDS`, `UNIX_MICROSECONDS` ...; the latter are read from and
    /// kept as timestamps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer_format: Option<String>,
}
