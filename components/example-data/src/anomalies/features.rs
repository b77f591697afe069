//! Validation: every feature of the statistics against the schema, and the schema against itself.

use std::collections::BTreeMap;

use super::comparators::{self, Control};
use super::model::{
    Anomalies, AnomalyInfo, AnomalyKind, DriftSkewInfo, FeaturePath, Reason, Severity,
};
use super::{dataset, domains, presence, self_check, weighted};
use crate::DataError;
use crate::schema::{Feature, FeatureType, Schema};
use crate::statistics::{DatasetFeatureStatistics, FeatureNameStatistics, Type};

/// What validation may look at beside statistics and schema.
#[derive(Debug, Clone, Default)]
pub struct ValidationOptions<'a> {
    /// For which environment; a feature may belong to some only.
    pub environment: Option<&'a str>,
    /// Statistics of the previous span, for drift.
    pub previous: Option<&'a DatasetFeatureStatistics>,
    /// Statistics of serving, for skew.
    pub serving: Option<&'a DatasetFeatureStatistics>,
    /// Severities other than ERROR, by kind.
    pub severities: BTreeMap<AnomalyKind, Severity>,
}

/// Compares statistics with a schema.
///
/// # Errors
///
/// An environment that the schema does not mention, and an L-infinity threshold on a number that
/// is not categorical: both would silently check nothing.
pub fn validate(
    statistics: &DatasetFeatureStatistics,
    schema: &Schema,
    options: &ValidationOptions<'_>,
) -> Result<Anomalies, DataError> {
    check_environment(schema, options.environment)?;
    let mut anomalies = Anomalies::default();
    if statistics.num_examples == 0 {
        anomalies.data_missing = true;
        return Ok(anomalies);
    }
    nameless(schema, options, &mut anomalies);
    for feature in &statistics.features {
        let (reasons, measured) = check_feature(feature, statistics, schema, options)?;
        record(&mut anomalies, &feature.name, reasons, options);
        anomalies.drift_skew_info.extend(measured);
    }
    for feature in &schema.feature {
        let Some(name) = feature.name.as_deref() else {
            continue;
        };
        let found = statistics
            .features
            .iter()
            .any(|statistics| statistics.name == name);
        if !found && schema.requires(feature, options.environment) {
            let reason = Reason::new(
                AnomalyKind::SchemaMissingColumn,
                "Column dropped",
                "The schema demands the column; the data does not have it.",
            );
            record(&mut anomalies, name, vec![reason], options);
        }
    }
    for (name, reasons) in weighted::collisions(schema) {
        record(&mut anomalies, &name, reasons, options);
    }
    let reasons = dataset::check(statistics, schema, options);
    anomalies.dataset_anomaly_info = info(None, reasons, options);
    Ok(anomalies)
}

fn check_environment(schema: &Schema, environment: Option<&str>) -> Result<(), DataError> {
    let Some(environment) = environment else {
        return Ok(());
    };
    let known = schema.environments();
    if known.contains(&environment) {
        return Ok(());
    }
    Err(DataError::Request(if known.is_empty() {
        format!(
            "environment `{environment}`: the schema mentions no environment; add it to \
             `default_environment`"
        )
    } else {
        format!(
            "environment `{environment}`: the schema mentions only {}; add it to \
             `default_environment`",
            known.join(", ")
        )
    }))
}

/// Features of the schema without a name, which no column can be compared with.
fn nameless(schema: &Schema, options: &ValidationOptions<'_>, anomalies: &mut Anomalies) {
    let count = schema
        .feature
        .iter()
        .filter(|feature| feature.name.is_none() && !feature.is_inactive())
        .count();
    if count > 0 {
        let reason = Reason::new(
            AnomalyKind::FeatureMissingName,
            "No name",
            format!("{count} features of the schema have no name."),
        );
        record(anomalies, "", vec![reason], options);
    }
}

type Checked = (Vec<Reason>, Option<DriftSkewInfo>);

fn check_feature(
    statistics: &FeatureNameStatistics,
    dataset: &DatasetFeatureStatistics,
    schema: &Schema,
    options: &ValidationOptions<'_>,
) -> Result<Checked, DataError> {
    let Some(feature) = schema.find(&statistics.name) else {
        let is_weighted = schema
            .weighted_feature
            .iter()
            .any(|pair| pair.name.as_deref() == Some(&statistics.name));
        if is_weighted {
            return Ok((weighted::check(statistics), None));
        }
        let reason = Reason::new(
            AnomalyKind::SchemaNewColumn,
            "New column",
            "The data has a column that the schema does not know.",
        );
        return Ok((vec![reason], None));
    };
    if feature.is_inactive() {
        return Ok((Vec::new(), None));
    }
    let own = self_check::check(feature, schema);
    let mut reasons = own.reasons;
    if !own.usable {
        return Ok((reasons, None));
    }
    if statistics.common().num_non_missing == 0 {
        if schema.requires(feature, options.environment) {
            reasons.push(Reason::new(
                AnomalyKind::FeatureTypeNotPresent,
                "Column dropped",
                "The column has no value in any row.",
            ));
        }
        return Ok((reasons, None));
    }
    if let Some(environment) = options.environment
        && !schema.has_in_environment(feature, options.environment)
    {
        reasons.push(Reason::new(
            AnomalyKind::SchemaNewColumn,
            "Column of another environment",
            format!(
                "The data has the column; the schema does not have it in environment {environment}."
            ),
        ));
    }
    reasons.extend(presence::check(statistics, feature, dataset.num_examples));
    let expected = feature
        .feature_type
        .filter(|known| *known != FeatureType::TypeUnknown);
    let found = feature_type(statistics.feature_type);
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        reasons.push(Reason::new(
            AnomalyKind::UnexpectedDataType,
            "Unexpected type",
            format!(
                "The schema says {}, the data is {}.",
                expected.name(),
                statistics.feature_type.name()
            ),
        ));
        // Its values say nothing about a feature of another type.
        return Ok((reasons, None));
    }
    if statistics.feature_type == Type::Bytes && !is_opaque(feature) {
        reasons.push(Reason::new(
            AnomalyKind::DomainInvalidForType,
            "Domain of another type",
            format!(
                "The values are bytes, which `{}` cannot describe.",
                feature.domains().join(", ")
            ),
        ));
    } else if own.domain_usable {
        domains::check(statistics, feature, schema, &mut reasons);
    }
    if let Some(wanted) = &feature.unique_constraints {
        presence::unique(statistics, wanted, &mut reasons);
    }
    let measured = compare(statistics, feature, options, &mut reasons)?;
    derived(statistics, feature, &mut reasons);
    Ok((reasons, measured))
}

/// Whether the feature says nothing of its values, or something that bytes can be.
fn is_opaque(feature: &Feature) -> bool {
    feature.domains().iter().all(|name| {
        matches!(
            *name,
            "natural_language_domain" | "image_domain" | "url_domain"
        )
    })
}

fn compare(
    statistics: &FeatureNameStatistics,
    feature: &Feature,
    options: &ValidationOptions<'_>,
    reasons: &mut Vec<Reason>,
) -> Result<Option<DriftSkewInfo>, DataError> {
    let mut info = DriftSkewInfo {
        path: FeaturePath {
            step: vec![statistics.name.clone()],
        },
        ..DriftSkewInfo::default()
    };
    if let Some(comparator) = &feature.drift_comparator {
        let control = Control::PREVIOUS.with(options.previous);
        info.drift_measurements = comparators::compare(statistics, comparator, &control, reasons)?;
    }
    if let Some(comparator) = &feature.skew_comparator {
        let control = Control::SERVING.with(options.serving);
        info.skew_measurements = comparators::compare(statistics, comparator, &control, reasons)?;
    }
    let measured = !info.drift_measurements.is_empty() || !info.skew_measurements.is_empty();
    Ok(measured.then_some(info))
}

fn derived(statistics: &FeatureNameStatistics, feature: &Feature, reasons: &mut Vec<Reason>) {
    use crate::schema::LifecycleStage;
    if statistics.validation_derived_source.is_some() && feature.validation_derived_source.is_none()
    {
        reasons.push(Reason::new(
            AnomalyKind::DerivedFeatureInvalidSource,
            "Source missing",
            "The feature was derived for validation; the schema does not say from what.",
        ));
    }
    if statistics.validation_derived_source.is_some()
        && feature.lifecycle_stage != Some(LifecycleStage::ValidationDerived)
    {
        reasons.push(Reason::new(
            AnomalyKind::DerivedFeatureBadLifecycle,
            "Wrong stage",
            "The feature was derived for validation; its stage in the schema is not VALIDATION_DERIVED.",
        ));
    }
}

fn feature_type(found: Type) -> FeatureType {
    match found {
        Type::Int => FeatureType::Int,
        Type::Float => FeatureType::Float,
        Type::String | Type::Bytes => FeatureType::Bytes,
        Type::Struct => FeatureType::Struct,
    }
}

fn record(
    anomalies: &mut Anomalies,
    name: &str,
    reasons: Vec<Reason>,
    options: &ValidationOptions<'_>,
) {
    // What was found of a feature earlier stays in front.
    let mut all = anomalies
        .anomaly_info
        .remove(name)
        .map(|info| info.reason)
        .unwrap_or_default();
    all.extend(reasons);
    if let Some(info) = info(Some(name), all, options) {
        anomalies.anomaly_info.insert(name.to_owned(), info);
    }
}

fn info(
    name: Option<&str>,
    reasons: Vec<Reason>,
    options: &ValidationOptions<'_>,
) -> Option<AnomalyInfo> {
    let severity = reasons
        .iter()
        .map(|reason| {
            options
                .severities
                .get(&reason.kind)
                .copied()
                .unwrap_or(Severity::Error)
        })
        .max()?;
    let texts: Vec<&str> = reasons
        .iter()
        .map(|reason| reason.description.as_str())
        .collect();
    Some(AnomalyInfo {
        path: name.map(|name| FeaturePath {
            step: vec![name.to_owned()],
        }),
        severity,
        short_description: match reasons.as_slice() {
            [one] => one.short_description.clone(),
            _ => "Multiple errors".to_owned(),
        },
        description: texts.join(" "),
        reason: reasons,
    })
}
