//! The shapes of an anomalies file, named as in `anomalies.proto` of TensorFlow Metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::statistics::number::{self, is_zero};

/// What validation found in one split.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Anomalies {
    /// By feature.
    pub anomaly_info: BTreeMap<String, AnomalyInfo>,
    /// Of the data set as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_anomaly_info: Option<AnomalyInfo>,
    /// What drift and skew were measured to be, exceeded or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift_skew_info: Vec<DriftSkewInfo>,
    /// There were no rows at all, so that nothing could be checked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub data_missing: bool,
    /// Ours: the schema was inferred from these very statistics, so that agreement proves nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vacuous: bool,
}

impl Anomalies {
    /// The gravest severity found; none if there is no anomaly. Data that is missing as a whole is
    /// an error.
    pub fn severity(&self) -> Option<Severity> {
        self.infos()
            .map(|(_, info)| info.severity)
            .max()
            .max(self.data_missing.then_some(Severity::Error))
    }

    /// How many reasons of at least this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        let reasons: usize = self
            .infos()
            .filter(|(_, info)| info.severity >= severity)
            .map(|(_, info)| info.reason.len())
            .sum();
        reasons + usize::from(self.data_missing)
    }

    /// All findings, with the feature's name, or none for the data set.
    pub fn infos(&self) -> impl Iterator<Item = (Option<&str>, &AnomalyInfo)> {
        let dataset = self.dataset_anomaly_info.iter().map(|info| (None, info));
        dataset.chain(
            self.anomaly_info
                .iter()
                .map(|(name, info)| (Some(name.as_str()), info)),
        )
    }
}

/// How grave an anomaly is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Not said.
    #[default]
    Unknown,
    /// Worth a look.
    Warning,
    /// The data is not what the schema says.
    Error,
}

/// What was found about a feature, or about the data set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnomalyInfo {
    /// The feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<FeaturePath>,
    /// The gravest of its reasons.
    pub severity: Severity,
    /// In one or two words.
    pub short_description: String,
    /// In sentences.
    pub description: String,
    /// Everything that was found, in the order of checking.
    pub reason: Vec<Reason>,
}

/// The path to a feature; ours have one step, the column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeaturePath {
    /// The steps from the root.
    pub step: Vec<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: AnomalyKind,
    /// In one or two words.
    pub short_description: String,
    /// In a sentence.
    pub description: String,
}

/// What drift and skew of a feature were measured to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftSkewInfo {
    /// The feature.
    pub path: FeaturePath,
    /// Against the previous span.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift_measurements: Vec<Measurement>,
    /// Training against serving.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skew_measurements: Vec<Measurement>,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// How it was measured.
    #[serde(rename = "type")]
    pub measurement_type: MeasurementType,
    /// What was measured.
    #[serde(default, skip_serializing_if = "is_zero", with = "number")]
    pub value: f64,
    /// The greatest value that is no anomaly.
    #[serde(default, skip_serializing_if = "is_zero", with = "number")]
    pub threshold: f64,
}

/// How the distance of two data sets is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MeasurementType {
    /// The greatest difference of two values' shares.
    LInfty,
    /// The divergence of the distributions, in bits.
    JensenShannonDivergence,
    /// The greatest difference of two values' counts, over all values.
    NormalizedAbsoluteDifference,
}

/// The kinds of anomalies, by their names in `anomalies.proto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(
    missing_docs,
    reason = "the names are the proto's; TFDV's guide says each one's condition"
)]
pub enum AnomalyKind {
    BoolTypeBigInt,
    BoolTypeSmallInt,
    BoolTypeUnexpectedString,
    BoolTypeUnexpectedFloat,
    BoolTypeInvalidConfig,
    #[serde(rename = "ENUM_TYPE_INVALID_UTF8")]
    EnumTypeInvalidUtf8,
    EnumTypeUnexpectedStringValues,
    FeatureTypeHighNumberValues,
    FeatureTypeLowFractionPresent,
    FeatureTypeLowNumberPresent,
    FeatureTypeLowNumberValues,
    FeatureTypeNotPresent,
    FeatureTypeHighUnique,
    FeatureTypeLowUnique,
    FeatureTypeNoUnique,
    FloatTypeBigFloat,
    FloatTypeSmallFloat,
    FloatTypeStringNotFloat,
    FloatTypeHasNan,
    FloatTypeHasInf,
    IntTypeBigInt,
    IntTypeNotIntString,
    IntTypeSmallInt,
    SchemaMissingColumn,
    SchemaNewColumn,
    ComparatorControlDataMissing,
    ComparatorLInftyHigh,
    ComparatorNormalizedAbsoluteDifferenceHigh,
    ComparatorJensenShannonDivergenceHigh,
    ComparatorLowNumExamples,
    ComparatorHighNumExamples,
    DatasetLowNumExamples,
    DatasetHighNumExamples,
    SemanticDomainUpdate,
    WeightedFeatureNameCollision,
    WeightedFeatureMissingValue,
    WeightedFeatureMissingWeight,
    WeightedFeatureLengthMismatch,
    ValueNestednessMismatch,
    DomainInvalidForType,
    FeatureMissingName,
    FeatureMissingType,
    InvalidSchemaSpecification,
    InvalidDomainSpecification,
    UnexpectedDataType,
    InvalidFeatureShape,
    DerivedFeatureBadLifecycle,
    DerivedFeatureInvalidSource,
}

impl AnomalyKind {
    /// The name in files and messages.
    pub fn name(self) -> String {
        // Unit variants are written as texts, so this cannot be anything else.
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        }
    }
}

impl Reason {
    pub(super) fn new(
        kind: AnomalyKind,
        short_description: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            short_description: short_description.into(),
            description: description.into(),
        }
    }
}
