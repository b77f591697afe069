//! The shapes of a schema file, named as in `schema.proto` of TensorFlow Metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use super::constraints::{
    Comparator, DatasetConstraints, DistributionConstraints, FeaturePresence, FixedShape,
    UniqueConstraints, ValueCount, ValueCountList,
};
use super::domains::{BoolDomain, FloatDomain, IntDomain, StringDomain, TimeDomain};
use crate::column_type::ColumnType;

/// Fields of the proto that this version does not use, kept as they are.
pub type OtherFields = BTreeMap<String, Value>;

/// A schema.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// The features, in the columns' order.
    pub feature: Vec<Feature>,
    /// Features that weigh another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weighted_feature: Vec<WeightedFeature>,
    /// Domains that features name in their `domain`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub string_domain: Vec<StringDomain>,
    /// Environments that a feature belongs to unless it says otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_environment: Vec<String>,
    /// What holds for the data set as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_constraints: Option<DatasetConstraints>,
    /// What Ropewalk adds to the proto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ropewalk: Option<RopewalkBlock>,
    /// Fields that this version does not use.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// What Ropewalk adds to the proto: the columns of point-in-time joins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RopewalkBlock {
    /// The column that says whom a row is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The column that says when what the row tells became true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// The column that says when the row was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_time: Option<String>,
    /// The digest of the statistics that the schema was inferred from; a curated schema has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inferred_from: Option<String>,
}

/// The type of a feature's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FeatureType {
    /// The proto's default; the same as no type.
    TypeUnknown,
    /// Texts or bytes.
    Bytes,
    /// Integers.
    Int,
    /// Floats.
    Float,
    /// Nested features.
    Struct,
}

impl FeatureType {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::TypeUnknown => "TYPE_UNKNOWN",
            Self::Bytes => "BYTES",
            Self::Int => "INT",
            Self::Float => "FLOAT",
            Self::Struct => "STRUCT",
        }
    }
}

/// How mature a feature is; validation looks at the mature ones only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the proto's and say it")]
pub enum LifecycleStage {
    UnknownStage,
    Planned,
    Alpha,
    Beta,
    Production,
    Deprecated,
    DebugOnly,
    Disabled,
    ValidationDerived,
}

impl LifecycleStage {
    /// Whether a feature of this stage is not looked at.
    pub fn is_inactive(self) -> bool {
        match self {
            Self::Planned | Self::Alpha | Self::Deprecated | Self::DebugOnly | Self::Disabled => {
                true
            }
            Self::UnknownStage | Self::Beta | Self::Production | Self::ValidationDerived => false,
        }
    }
}

/// What is expected of one column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feature {
    /// The column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The type of its values.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub feature_type: Option<FeatureType>,
    /// Not looked at any more (the older form of `lifecycle_stage: DEPRECATED`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// How mature it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_stage: Option<LifecycleStage>,
    /// How often it must be present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<FeaturePresence>,
    /// How many values a row has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_count: Option<ValueCount>,
    /// How many values a row has at each level of nesting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_counts: Option<ValueCountList>,
    /// The fixed shape of a row's values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<FixedShape>,
    /// The name of one of the schema's string domains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Integers, or texts that are integers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub int_domain: Option<IntDomain>,
    /// Floats, or texts that are floats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float_domain: Option<FloatDomain>,
    /// The texts that may occur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_domain: Option<StringDomain>,
    /// Truth values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bool_domain: Option<BoolDomain>,
    /// Times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_domain: Option<TimeDomain>,
    /// Nested features; not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub struct_domain: Option<Value>,
    /// Natural language; its coverage is checked where statistics have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub natural_language_domain: Option<Value>,
    /// Images; not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_domain: Option<Value>,
    /// Knowledge graph ids; not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid_domain: Option<Value>,
    /// URLs; not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_domain: Option<Value>,
    /// Times of the day; not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_of_day_domain: Option<Value>,
    /// How much of the data a string domain must cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution_constraints: Option<DistributionConstraints>,
    /// How far it may be from the previous span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_comparator: Option<Comparator>,
    /// How far training may be from serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew_comparator: Option<Comparator>,
    /// Environments that it belongs to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_environment: Vec<String>,
    /// Environments that it does not belong to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_in_environment: Vec<String>,
    /// How many distinct values there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_constraints: Option<UniqueConstraints>,
    /// Where a feature that was derived for validation comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_derived_source: Option<Value>,
    /// Fields that this version does not use.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// A feature that is the weight of another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightedFeature {
    /// The pair's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The feature that is weighed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<Path>,
    /// The feature that weighs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_feature: Option<Path>,
    /// How mature it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_stage: Option<LifecycleStage>,
    /// Fields that this version does not use.
    #[serde(flatten)]
    pub other: OtherFields,
}

/// The path to a feature; ours have one step, the column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Path {
    /// The steps from the root.
    pub step: Vec<String>,
}

impl Schema {
    /// The feature of this name.
    pub fn find(&self, name: &str) -> Option<&Feature> {
        self.feature
            .iter()
            .find(|feature| feature.name.as_deref() == Some(name))
    }

    /// The string domain of this name.
    pub fn find_string_domain(&self, name: &str) -> Option<&StringDomain> {
        self.string_domain
            .iter()
            .find(|domain| domain.name.as_deref() == Some(name))
    }

    /// Whether the integers of this column are names of categories.
    pub fn is_categorical(&self, column: &str) -> bool {
        self.find(column)
            .and_then(|feature| feature.int_domain.as_ref())
            .is_some_and(|domain| domain.is_categorical)
    }

    /// The column type that the schema gives a column, if it gives one.
    pub fn column_type(&self, column: &str) -> Option<ColumnType> {
        self.find(column)?.column_type()
    }

    /// The fields that are kept and not used, with their places: a slip of the pen may be among them.
    pub fn unused_fields(&self) -> Vec<String> {
        let own = self.other.keys().cloned();
        let of_features = self.feature.iter().flat_map(|feature| {
            let name = feature.name.as_deref().unwrap_or_default();
            let floats = feature.float_domain.iter().flat_map(|domain| {
                let fields = domain.other.keys();
                fields.map(|field| format!("float_domain.{field}"))
            });
            let fields = feature.other.keys().cloned().chain(floats);
            fields.map(move |field| format!("feature {name}: {field}"))
        });
        let of_constraints = self.dataset_constraints.iter().flat_map(|constraints| {
            let fields = constraints.other.keys();
            fields.map(|field| format!("dataset_constraints.{field}"))
        });
        own.chain(of_features).chain(of_constraints).collect()
    }

    /// Whether a feature belongs to an environment. Its own lists decide, then the schema's default; a
    /// schema without a default has all the features that do not say otherwise in every environment.
    pub(crate) fn has_in_environment(&self, feature: &Feature, environment: Option<&str>) -> bool {
        let Some(environment) = environment else {
            return true;
        };
        let contains = |names: &[String]| names.iter().any(|name| name == environment);
        if contains(&feature.in_environment) {
            return true;
        }
        if contains(&feature.not_in_environment) {
            return false;
        }
        if self.default_environment.is_empty() {
            feature.in_environment.is_empty()
        } else {
            contains(&self.default_environment)
        }
    }

    /// Whether data of an environment without this feature is not as it should be.
    pub(crate) fn requires(&self, feature: &Feature, environment: Option<&str>) -> bool {
        let demanded = feature.presence.as_ref().is_some_and(|presence| {
            presence.min_count.unwrap_or(0) > 0 || presence.min_fraction.unwrap_or(0.0) > 0.0
        });
        demanded && !feature.is_inactive() && self.has_in_environment(feature, environment)
    }

    /// Every environment that the schema mentions, sorted.
    pub fn environments(&self) -> Vec<&str> {
        let mentioned = self.feature.iter().flat_map(|feature| {
            feature
                .in_environment
                .iter()
                .chain(&feature.not_in_environment)
        });
        let mut names: Vec<&str> = mentioned
            .chain(&self.default_environment)
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Feature {
    /// Whether the feature is not looked at.
    pub fn is_inactive(&self) -> bool {
        self.deprecated
            || self
                .lifecycle_stage
                .is_some_and(LifecycleStage::is_inactive)
    }

    /// The domains that the feature has, by the proto's field names; the proto allows one.
    pub fn domains(&self) -> Vec<&'static str> {
        [
            ("domain", self.domain.is_some()),
            ("int_domain", self.int_domain.is_some()),
            ("float_domain", self.float_domain.is_some()),
            ("string_domain", self.string_domain.is_some()),
            ("bool_domain", self.bool_domain.is_some()),
            ("struct_domain", self.struct_domain.is_some()),
            (
                "natural_language_domain",
                self.natural_language_domain.is_some(),
            ),
            ("image_domain", self.image_domain.is_some()),
            ("mid_domain", self.mid_domain.is_some()),
            ("url_domain", self.url_domain.is_some()),
            ("time_domain", self.time_domain.is_some()),
            ("time_of_day_domain", self.time_of_day_domain.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, present)| present.then_some(name))
        .collect()
    }

    /// The type of column that holds the feature's values.
    ///
    /// Integers with `time_domain: { integer_format: UNIX_MICROSECONDS }` are timestamps, texts whose
    /// `bool_domain` has no other values than `true` and `false` are booleans: these are the
    /// schemas that are inferred from such columns.
    pub fn column_type(&self) -> Option<ColumnType> {
        let of_truth = |value: &Option<String>, expected: &str| {
            value
                .as_deref()
                .is_none_or(|text| text.eq_ignore_ascii_case(expected))
        };
        match self.feature_type? {
            FeatureType::Int => {
                let time = self
                    .time_domain
                    .as_ref()
                    .and_then(|time| time.integer_format.as_deref());
                Some(if time == Some("UNIX_MICROSECONDS") {
                    ColumnType::Timestamp
                } else {
                    ColumnType::Int64
                })
            }
            FeatureType::Float => Some(ColumnType::Float64),
            FeatureType::Bytes => Some(match &self.bool_domain {
                Some(domain)
                    if of_truth(&domain.true_value, "true")
                        && of_truth(&domain.false_value, "false")
                        && (domain.true_value.is_some() || domain.false_value.is_some()) =>
                {
                    ColumnType::Boolean
                }
                _ => ColumnType::String,
            }),
            FeatureType::TypeUnknown | FeatureType::Struct => None,
        }
    }
}
