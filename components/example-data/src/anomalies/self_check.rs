//! Anomalies of the schema itself, found without looking at any data.

use std::collections::BTreeSet;

use super::model::{AnomalyKind, Reason};
use crate::schema::{Feature, FeatureType, Schema};

/// What a look at a feature of the schema gives.
pub(super) struct SelfCheck {
    pub(super) reasons: Vec<Reason>,
    /// Whether the feature can be compared with data at all.
    pub(super) usable: bool,
    /// Whether its domain can be.
    pub(super) domain_usable: bool,
}

pub(super) fn check(feature: &Feature, schema: &Schema) -> SelfCheck {
    let mut result = SelfCheck {
        reasons: Vec::new(),
        usable: true,
        domain_usable: true,
    };
    let Some(feature_type) = resolved_type(feature, &mut result) else {
        return result;
    };
    numbers(feature, &mut result.reasons);
    result.domain_usable = domain(feature, feature_type, schema, &mut result.reasons);
    constraints(feature, &mut result.reasons);
    bool_domain(feature, feature_type, &mut result.reasons);
    result
}

/// The type, or the one that a domain of texts implies.
fn resolved_type(feature: &Feature, result: &mut SelfCheck) -> Option<FeatureType> {
    match feature.feature_type {
        Some(known) if known != FeatureType::TypeUnknown => Some(known),
        _ => {
            let of_texts = feature.domain.is_some() || feature.string_domain.is_some();
            result.reasons.push(Reason::new(
                AnomalyKind::FeatureMissingType,
                "No type",
                if of_texts {
                    "The feature has no type in the schema; its domain implies BYTES."
                } else {
                    "The feature has no type in the schema, so nothing of it can be checked."
                },
            ));
            result.usable = of_texts;
            of_texts.then_some(FeatureType::Bytes)
        }
    }
}

fn numbers(feature: &Feature, reasons: &mut Vec<Reason>) {
    let mut invalid = |what: String| {
        reasons.push(Reason::new(
            AnomalyKind::InvalidSchemaSpecification,
            "Invalid schema",
            what,
        ));
    };
    if let Some(fraction) = feature
        .presence
        .as_ref()
        .and_then(|presence| presence.min_fraction)
        && !(0.0..=1.0).contains(&fraction)
    {
        invalid(format!(
            "`presence.min_fraction` is {fraction}; it lies between 0 and 1."
        ));
    }
    let single = feature.value_count.iter();
    for count in single.chain(
        feature
            .value_counts
            .iter()
            .flat_map(|list| &list.value_count),
    ) {
        if let Some(min) = count.min.filter(|min| *min < 0) {
            invalid(format!(
                "`value_count.min` is {min}; it cannot be negative."
            ));
        }
        if let Some(max) = count.max.filter(|max| *max < count.min.unwrap_or(0)) {
            invalid(format!("`value_count.max` is {max}, less than `min`."));
        }
    }
    for dimension in feature.shape.iter().flat_map(|shape| &shape.dim) {
        if dimension.size <= 0 {
            invalid(format!(
                "`shape.dim.size` is {}; it must be positive.",
                dimension.size
            ));
        }
    }
}

/// Checks that the domain belongs to the type and exists; says whether data can be held against it.
fn domain(
    feature: &Feature,
    feature_type: FeatureType,
    schema: &Schema,
    reasons: &mut Vec<Reason>,
) -> bool {
    use FeatureType::{Bytes, Float, Int, Struct};
    let Some(name) = feature.domains().into_iter().next() else {
        return true;
    };
    let allowed: &[FeatureType] = match name {
        "int_domain" | "natural_language_domain" | "time_domain" | "time_of_day_domain" => {
            &[Int, Bytes]
        }
        "float_domain" => &[Float, Bytes],
        "bool_domain" => &[Int, Bytes, Float],
        "struct_domain" => &[Struct],
        _ => &[Bytes],
    };
    if !allowed.contains(&feature_type) {
        reasons.push(Reason::new(
            AnomalyKind::DomainInvalidForType,
            "Domain of another type",
            format!("`{name}` does not go with type {}.", feature_type.name()),
        ));
        return false;
    }
    let strings = if let Some(domain) = &feature.domain {
        let Some(found) = schema.find_string_domain(domain) else {
            reasons.push(Reason::new(
                AnomalyKind::InvalidDomainSpecification,
                "Domain missing",
                format!("The schema has no `string_domain` named `{domain}`."),
            ));
            return false;
        };
        Some(found)
    } else {
        feature.string_domain.as_ref()
    };
    let mut seen = BTreeSet::new();
    let repeated: Vec<&str> = strings
        .iter()
        .flat_map(|domain| &domain.value)
        .filter(|value| !seen.insert(value.as_str()))
        .map(String::as_str)
        .collect();
    if !repeated.is_empty() {
        reasons.push(Reason::new(
            AnomalyKind::InvalidDomainSpecification,
            "Repeated values",
            format!(
                "Values stand in the domain more than once: {}.",
                repeated.join(", ")
            ),
        ));
    }
    true
}

fn constraints(feature: &Feature, reasons: &mut Vec<Reason>) {
    if feature.distribution_constraints.is_none()
        || feature.domain.is_some()
        || feature.string_domain.is_some()
    {
        return;
    }
    reasons.push(Reason::new(
        AnomalyKind::InvalidSchemaSpecification,
        "Invalid schema",
        "`distribution_constraints` need a `domain` or `string_domain`.",
    ));
}

fn bool_domain(feature: &Feature, feature_type: FeatureType, reasons: &mut Vec<Reason>) {
    let Some(domain) = &feature.bool_domain else {
        return;
    };
    let texts = domain.true_value.is_some() || domain.false_value.is_some();
    match feature_type {
        FeatureType::Int | FeatureType::Float if texts => reasons.push(Reason::new(
            AnomalyKind::BoolTypeInvalidConfig,
            "Invalid truth domain",
            "`true_value` and `false_value` are for texts; of numbers 1 is true and 0 is false.",
        )),
        FeatureType::Bytes if !texts => reasons.push(Reason::new(
            AnomalyKind::BoolTypeInvalidConfig,
            "Invalid truth domain",
            "A truth domain of texts needs `true_value` or `false_value`.",
        )),
        _ => {}
    }
    if texts && domain.true_value == domain.false_value {
        reasons.push(Reason::new(
            AnomalyKind::InvalidDomainSpecification,
            "Invalid truth domain",
            "`true_value` and `false_value` are the same.",
        ));
    }
}
