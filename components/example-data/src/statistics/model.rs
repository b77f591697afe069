//! The shapes of a statistics file, named as in `statistics.proto` of TensorFlow Metadata.
//!
//! Absent means zero; enums are names; integers are numbers. `approximate` is ours: it says that
//! a sketch stood in for the exact values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::number;
use super::number::{is_none, is_zero};

/// The statistics of one split.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetFeatureStatistics {
    /// The split's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Rows.
    pub num_examples: u64,
    /// One entry for each column, in the columns' order.
    pub features: Vec<FeatureNameStatistics>,
}

/// What kind of values a feature has, as statistics see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Type {
    /// Integers, and timestamps in microseconds.
    #[default]
    Int,
    /// Floats.
    Float,
    /// Texts, and booleans as `true` and `false`.
    String,
    /// Bytes that are not to be looked into.
    Bytes,
    /// Nested features.
    Struct,
}

impl Type {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Float => "FLOAT",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Struct => "STRUCT",
        }
    }
}

/// The statistics of one feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeatureNameStatistics {
    /// The column's name.
    pub name: String,
    /// The kind of its values.
    #[serde(rename = "type")]
    pub feature_type: Type,
    /// Of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_stats: Option<NumericStatistics>,
    /// Of categories: texts, booleans, and integers that the schema calls categorical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_stats: Option<StringStatistics>,
    /// What the shapes above have no field for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_stats: Vec<CustomStatistic>,
    /// Set where the feature was derived for validation; ours never are, other tools' may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_derived_source: Option<serde_json::Value>,
}

impl FeatureNameStatistics {
    /// Presence and number of values, whatever the kind of values.
    pub fn common(&self) -> Cow<'_, CommonStatistics> {
        if let Some(numeric) = &self.num_stats {
            Cow::Borrowed(&numeric.common_stats)
        } else if let Some(string) = &self.string_stats {
            Cow::Borrowed(&string.common_stats)
        } else {
            Cow::Owned(CommonStatistics::default())
        }
    }

    /// The categories with their counts, as far as the rank histogram goes.
    pub fn category_counts(&self) -> BTreeMap<&str, f64> {
        self.string_stats
            .iter()
            .flat_map(|stats| &stats.rank_histogram.buckets)
            .fold(BTreeMap::new(), |mut counts, bucket| {
                *counts.entry(bucket.label.as_str()).or_default() += bucket.sample_count;
                counts
            })
    }

    /// The histogram of this type, for numbers.
    pub fn histogram(&self, wanted: HistogramType) -> Option<&Histogram> {
        self.num_stats
            .as_ref()?
            .histograms
            .iter()
            .find(|histogram| histogram.histogram_type == wanted)
    }
}

/// Presence and number of values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommonStatistics {
    /// Rows in which the feature has a value (an empty list is one).
    #[serde(skip_serializing_if = "is_none")]
    pub num_non_missing: u64,
    /// Rows in which it is null.
    #[serde(skip_serializing_if = "is_none")]
    pub num_missing: u64,
    /// The least number of values in a row that has the feature.
    #[serde(skip_serializing_if = "is_none")]
    pub min_num_values: u64,
    /// The greatest number of values in a row that has the feature.
    #[serde(skip_serializing_if = "is_none")]
    pub max_num_values: u64,
    /// Values for each row that has the feature, on average.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub avg_num_values: f64,
    /// All values.
    #[serde(skip_serializing_if = "is_none")]
    pub tot_num_values: u64,
    /// Deciles of the number of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_values_histogram: Option<Histogram>,
    /// Presence by level of nesting; ours have one level and leave it out, other tools' may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub presence_and_valency_stats: Vec<PresenceAndValency>,
}

/// Presence and number of values at one level of nesting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PresenceAndValency {
    /// Lists that are present.
    #[serde(skip_serializing_if = "is_none")]
    pub num_non_missing: u64,
    /// Lists that are null.
    #[serde(skip_serializing_if = "is_none")]
    pub num_missing: u64,
    /// The shortest list.
    #[serde(skip_serializing_if = "is_none")]
    pub min_num_values: u64,
    /// The longest list.
    #[serde(skip_serializing_if = "is_none")]
    pub max_num_values: u64,
    /// All values.
    #[serde(skip_serializing_if = "is_none")]
    pub tot_num_values: u64,
}

/// Statistics of numbers. NaN counts in the histograms' `num_nan` alone; infinities take part in
/// everything else, so that a mean may be infinite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumericStatistics {
    /// Presence and number of values.
    pub common_stats: CommonStatistics,
    /// Arithmetic mean.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub mean: f64,
    /// Standard deviation of the population.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub std_dev: f64,
    /// Values equal to zero.
    #[serde(skip_serializing_if = "is_none")]
    pub num_zeros: u64,
    /// Least value.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub min: f64,
    /// The middle value, or the mean of the two middle values.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub median: f64,
    /// Greatest value.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub max: f64,
    /// One of ten buckets of equal width, one of ten buckets of equal weight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub histograms: Vec<Histogram>,
    /// Whether median and histograms come from a sketch (rank error under 1 %).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
}

/// Statistics of categories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StringStatistics {
    /// Presence and number of values.
    pub common_stats: CommonStatistics,
    /// Distinct values.
    #[serde(skip_serializing_if = "is_none")]
    pub unique: u64,
    /// The most frequent values; ties in reverse lexicographic order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_values: Vec<TopValue>,
    /// Average length in bytes.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub avg_length: f64,
    /// The most frequent values by rank, more of them.
    pub rank_histogram: RankHistogram,
    /// Values that are not valid UTF-8.
    #[serde(skip_serializing_if = "is_none")]
    pub invalid_utf8_count: u64,
    /// Whether there were too many distinct values to count: counts are then lower bounds and
    /// `unique` an estimate (2 %).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
}

/// A frequent value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopValue {
    /// The value.
    pub value: String,
    /// How often it occurs.
    #[serde(with = "number")]
    pub frequency: f64,
}

/// Values by rank of their frequency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RankHistogram {
    /// From the most frequent on.
    pub buckets: Vec<RankBucket>,
}

/// The values of some ranks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RankBucket {
    /// First rank, from 0.
    #[serde(skip_serializing_if = "is_none")]
    pub low_rank: u64,
    /// Last rank.
    #[serde(skip_serializing_if = "is_none")]
    pub high_rank: u64,
    /// The value.
    pub label: String,
    /// How often it occurs.
    #[serde(with = "number")]
    pub sample_count: f64,
}

/// How the buckets of a histogram were chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HistogramType {
    /// Of equal width.
    #[default]
    Standard,
    /// Of equal weight.
    Quantiles,
}

/// A histogram of numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// Values that are not a number.
    #[serde(skip_serializing_if = "is_none")]
    pub num_nan: u64,
    /// In ascending order. The upper bound belongs to the last bucket alone.
    pub buckets: Vec<Bucket>,
    /// How the buckets were chosen.
    #[serde(rename = "type")]
    pub histogram_type: HistogramType,
}

/// A bucket of a histogram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// Lower bound, inclusive.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub low_value: f64,
    /// Upper bound.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub high_value: f64,
    /// How many values.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub sample_count: f64,
}

/// A statistic that the shapes above have no field for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomStatistic {
    /// What it is; `domain_info` suggests a domain to the schema, as text proto in `str`.
    pub name: String,
    /// As a number.
    #[serde(skip_serializing_if = "is_zero", with = "number")]
    pub num: f64,
    /// As a text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub str: String,
    /// By category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank_histogram: Option<RankHistogram>,
}
