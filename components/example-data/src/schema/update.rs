//! The least change of a schema with which it admits the data.
//!
//! What a person has to look at before it is taken: it follows the data wherever the data went. It
//! does not touch files.

use super::constraints::FeaturePresence;
use super::infer::{Union, infer};
use super::model::{Feature, FeatureType, LifecycleStage, Schema};
use crate::statistics::{DatasetFeatureStatistics, FeatureNameStatistics, Type};

/// A schema that differs from this one only where the statistics of some split do not obey it.
///
/// New columns are added as inference sees them. A required feature that no split has is marked as
/// deprecated, unless it does not belong to the environment. Presence, numbers of values and ranges are
/// widened, texts added to domains; another type takes the inferred domain with it.
pub fn update(
    schema: &Schema,
    splits: &[DatasetFeatureStatistics],
    environment: Option<&str>,
) -> Schema {
    let inferred = infer(splits);
    let mut updated = schema.clone();
    for feature in &mut updated.feature {
        let Some(name) = feature.name.clone() else {
            continue;
        };
        if feature.is_inactive() {
            continue;
        }
        let found: Vec<(&FeatureNameStatistics, u64)> = splits
            .iter()
            .flat_map(|split| {
                let of_split = split.features.iter().filter(|found| found.name == name);
                of_split.map(|found| (found, split.num_examples))
            })
            .collect();
        if found.is_empty() {
            if schema.requires(feature, environment) {
                feature.lifecycle_stage = Some(LifecycleStage::Deprecated);
            }
            continue;
        }
        let parts: Vec<&FeatureNameStatistics> = found.iter().map(|(part, _)| *part).collect();
        let rows = found.iter().map(|(_, rows)| rows).sum();
        let union = Union::of(&parts, rows);
        if union.num_present == 0 {
            presence(feature, &found);
            continue;
        }
        if retype(feature, union.feature_type, inferred.find(&name)) {
            let domain = feature.domain.as_deref();
            let domain = domain.and_then(|domain| inferred.find_string_domain(domain));
            if let Some(domain) = domain
                && schema.find_string_domain(&name).is_none()
            {
                updated.string_domain.push(domain.clone());
            }
        }
        presence(feature, &found);
        values(feature, &union);
        let named = feature.domain.clone();
        let domain = match (&mut feature.string_domain, named) {
            (Some(domain), _) => Some(domain),
            (None, Some(named)) => updated
                .string_domain
                .iter_mut()
                .find(|domain| domain.name.as_deref() == Some(&named)),
            (None, None) => None,
        };
        let partly = feature.distribution_constraints.is_some();
        if let Some(domain) = domain.filter(|_| !partly) {
            let new = union
                .categories
                .iter()
                .filter(|text| !domain.value.iter().any(|v| v == *text));
            let new: Vec<String> = new.map(|text| (*text).to_owned()).collect();
            domain.value.extend(new);
        }
    }
    add_columns(&mut updated, &inferred);
    updated
}

/// Gives a feature the type of its values, if it has another; its domain goes with the type.
fn retype(feature: &mut Feature, found: Type, inferred: Option<&Feature>) -> bool {
    let fits = match feature.feature_type {
        None | Some(FeatureType::TypeUnknown | FeatureType::Struct) => true,
        Some(FeatureType::Int) => found == Type::Int,
        Some(FeatureType::Float) => found == Type::Float,
        Some(FeatureType::Bytes) => matches!(found, Type::String | Type::Bytes),
    };
    let Some(inferred) = inferred.filter(|_| !fits) else {
        return false;
    };
    feature.feature_type = inferred.feature_type;
    feature.domain.clone_from(&inferred.domain);
    feature.int_domain.clone_from(&inferred.int_domain);
    feature.float_domain.clone_from(&inferred.float_domain);
    feature.string_domain.clone_from(&inferred.string_domain);
    feature.bool_domain.clone_from(&inferred.bool_domain);
    feature.time_domain.clone_from(&inferred.time_domain);
    true
}

/// Lowers what is demanded of presence to the split that has the least.
fn presence(feature: &mut Feature, found: &[(&FeatureNameStatistics, u64)]) {
    let Some(wanted) = &mut feature.presence else {
        return;
    };
    let present = |part: &FeatureNameStatistics| part.common().num_non_missing;
    let filled = found.iter().filter(|(_, rows)| *rows > 0);
    let least = filled.clone().map(|(part, _)| present(part)).min();
    let fraction = filled
        .map(|(part, rows)| present(part) as f64 / *rows as f64)
        .reduce(f64::min);
    let FeaturePresence {
        min_fraction,
        min_count,
    } = wanted;
    if let (Some(wanted), Some(found)) = (min_fraction, fraction)
        && *wanted > found
    {
        // Three digits, rounded down, are what a person would write.
        *wanted = (found * 1000.0).floor() / 1000.0;
    }
    if let (Some(wanted), Some(found)) = (min_count, least)
        && *wanted > found as i64
    {
        *wanted = found as i64;
    }
}

/// Widens numbers of values and ranges.
fn values(feature: &mut Feature, union: &Union<'_>) {
    if let Some(count) = &mut feature.value_count {
        lower(&mut count.min, union.min_num_values as i64);
        raise(&mut count.max, union.max_num_values as i64);
    }
    let Some((min, max)) = union.range else {
        return;
    };
    if let Some(domain) = &mut feature.int_domain {
        lower(&mut domain.min, min as i64);
        raise(&mut domain.max, max as i64);
    }
    if let Some(domain) = &mut feature.float_domain {
        lower(&mut domain.min, min);
        raise(&mut domain.max, max);
    }
}

fn lower<T: PartialOrd + Copy>(bound: &mut Option<T>, found: T) {
    if let Some(bound) = bound.as_mut().filter(|bound| **bound > found) {
        *bound = found;
    }
}

fn raise<T: PartialOrd + Copy>(bound: &mut Option<T>, found: T) {
    if let Some(bound) = bound.as_mut().filter(|bound| **bound < found) {
        *bound = found;
    }
}

/// Appends the features that the schema lacks, with their domains.
fn add_columns(updated: &mut Schema, inferred: &Schema) {
    for feature in &inferred.feature {
        let name = feature.name.as_deref().unwrap_or_default();
        if updated.find(name).is_some() {
            continue;
        }
        let mut feature = feature.clone();
        if let Some(domain) = feature
            .domain
            .take()
            .and_then(|d| inferred.find_string_domain(&d))
        {
            // A domain of this name may be there already and belong to another feature.
            let mut own = domain.clone();
            if updated.find_string_domain(name).is_some() {
                own.name = None;
                feature.string_domain = Some(own);
            } else {
                feature.domain = Some(name.to_owned());
                updated.string_domain.push(own);
            }
        }
        updated.feature.push(feature);
    }
}
