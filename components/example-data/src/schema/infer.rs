//! Inferring a schema from statistics, by TFDV's rules in TFDV's order.

use std::collections::BTreeMap;

use super::constraints::{FeaturePresence, ValueCount};
use super::domains::{BoolDomain, IntDomain, StringDomain, TimeDomain};
use super::model::{Feature, FeatureType, Schema};
use crate::column_type::parse_int64;
use crate::limits::STRING_DOMAIN_VALUES_MAX;
use crate::statistics::{DatasetFeatureStatistics, FeatureNameStatistics, Type};

/// Texts that may stand for true in an inferred truth domain.
const TRUE_TEXTS: [&str; 6] = ["TRUE", "true", "SET", "set", "1", ""];
/// Texts that may stand for false.
const FALSE_TEXTS: [&str; 5] = ["FALSE", "false", "CLEAR", "clear", "0"];

/// Infers the schema that all the splits obey: presence, number of values and domains hold for
/// their union. Ranges of numbers are not inferred.
///
/// In this order, the first that fits: no domain for texts that are not UTF-8, a truth domain
/// (integers from 0 to 1, or two texts for true and false), an empty integer domain for texts that
/// are integers, a string domain for at most 100 distinct texts.
pub fn infer(splits: &[DatasetFeatureStatistics]) -> Schema {
    let mut order: Vec<&str> = Vec::new();
    let mut by_name: BTreeMap<&str, Vec<&FeatureNameStatistics>> = BTreeMap::new();
    for feature in splits.iter().flat_map(|split| &split.features) {
        let parts = by_name.entry(&feature.name).or_default();
        if parts.is_empty() {
            order.push(&feature.name);
        }
        parts.push(feature);
    }
    let rows: u64 = splits.iter().map(|split| split.num_examples).sum();
    let mut schema = Schema::default();
    for name in order {
        let Some(parts) = by_name.get(name) else {
            continue;
        };
        let (feature, domain) = infer_feature(name, &Union::of(parts, rows));
        schema.feature.push(feature);
        schema.string_domain.extend(domain);
    }
    schema
}

/// What inference looks at, over all splits.
pub(super) struct Union<'a> {
    pub(super) feature_type: Type,
    pub(super) num_present: u64,
    num_missing: u64,
    pub(super) min_num_values: u64,
    pub(super) max_num_values: u64,
    /// Of numbers: the least and the greatest.
    pub(super) range: Option<(f64, f64)>,
    /// Of categories: those of the rank histograms.
    pub(super) categories: Vec<&'a str>,
    /// A rank histogram was full, so that there may be more categories than listed.
    more_categories: bool,
    invalid_utf8: bool,
    time: bool,
}

impl<'a> Union<'a> {
    pub(super) fn of(parts: &[&'a FeatureNameStatistics], rows: u64) -> Self {
        let mut union = Self {
            // All splits come from one ingest, so their types agree.
            feature_type: parts
                .first()
                .map(|part| part.feature_type)
                .unwrap_or_default(),
            num_present: 0,
            num_missing: 0,
            min_num_values: u64::MAX,
            max_num_values: 0,
            range: None,
            categories: Vec::new(),
            more_categories: false,
            invalid_utf8: false,
            time: false,
        };
        for part in parts {
            let common = part.common();
            union.num_present += common.num_non_missing;
            if common.num_non_missing > 0 {
                union.min_num_values = union.min_num_values.min(common.min_num_values);
                union.max_num_values = union.max_num_values.max(common.max_num_values);
            }
            if let Some(numbers) = part
                .num_stats
                .as_ref()
                .filter(|stats| !stats.histograms.is_empty())
            {
                let (min, max) = union.range.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
                union.range = Some((min.min(numbers.min), max.max(numbers.max)));
            }
            if let Some(strings) = &part.string_stats {
                let buckets = &strings.rank_histogram.buckets;
                union
                    .categories
                    .extend(buckets.iter().map(|bucket| bucket.label.as_str()));
                union.more_categories |= strings.unique > buckets.len() as u64;
                union.invalid_utf8 |= strings.invalid_utf8_count > 0;
            }
            union.time |= part
                .custom_stats
                .iter()
                .any(|stat| stat.name == "domain_info" && stat.str.contains("UNIX_MICROSECONDS"));
        }
        union.categories.sort_unstable();
        union.categories.dedup();
        union.num_missing = rows.saturating_sub(union.num_present);
        union
    }

    fn is_bool(&self) -> bool {
        if self.feature_type == Type::Int {
            // A maximum of 0 would be a column without a single true value.
            return self
                .range
                .is_some_and(|(min, max)| min >= 0.0 && max == 1.0);
        }
        let truths = self
            .categories
            .iter()
            .filter(|text| TRUE_TEXTS.contains(text))
            .count();
        let lies = self
            .categories
            .iter()
            .filter(|text| FALSE_TEXTS.contains(text))
            .count();
        self.feature_type == Type::String
            && !self.categories.is_empty()
            && truths <= 1
            && lies <= 1
            && truths + lies == self.categories.len()
            && !self.more_categories
    }

    fn is_int_text(&self) -> bool {
        self.feature_type == Type::String
            && !self.categories.is_empty()
            && self
                .categories
                .iter()
                .all(|text| parse_int64(text).is_some())
    }
}

fn infer_feature(name: &str, union: &Union<'_>) -> (Feature, Option<StringDomain>) {
    let mut feature = Feature {
        name: Some(name.to_owned()),
        feature_type: Some(match union.feature_type {
            Type::Int => FeatureType::Int,
            Type::Float => FeatureType::Float,
            Type::String | Type::Bytes => FeatureType::Bytes,
            Type::Struct => FeatureType::Struct,
        }),
        presence: Some(FeaturePresence {
            min_count: Some(i64::from(union.num_present > 0)),
            min_fraction: (union.num_present > 0 && union.num_missing == 0).then_some(1.0),
        }),
        ..Feature::default()
    };
    if union.num_present > 0 && union.min_num_values > 0 {
        let fixed = union.min_num_values == union.max_num_values;
        feature.value_count = Some(ValueCount {
            min: Some(if fixed {
                union.min_num_values as i64
            } else {
                1
            }),
            max: fixed.then_some(union.max_num_values as i64),
        });
    }
    if union.time {
        feature.time_domain = Some(TimeDomain {
            integer_format: Some("UNIX_MICROSECONDS".to_owned()),
            string_format: None,
        });
        return (feature, None);
    }
    if union.invalid_utf8 || union.feature_type == Type::Bytes {
        return (feature, None);
    }
    if union.is_bool() {
        let find = |texts: &[&str]| {
            union
                .categories
                .iter()
                .find(|text| texts.contains(text))
                .map(|text| (*text).to_owned())
        };
        feature.bool_domain = Some(if union.feature_type == Type::Int {
            BoolDomain::default()
        } else {
            BoolDomain {
                name: None,
                true_value: find(&TRUE_TEXTS),
                false_value: find(&FALSE_TEXTS),
            }
        });
        return (feature, None);
    }
    if union.is_int_text() {
        feature.int_domain = Some(IntDomain::default());
        return (feature, None);
    }
    let few = !union.categories.is_empty()
        && union.categories.len() <= STRING_DOMAIN_VALUES_MAX
        && !union.more_categories;
    if union.feature_type == Type::String && few {
        feature.domain = Some(name.to_owned());
        let value = union
            .categories
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        return (
            feature,
            Some(StringDomain {
                name: Some(name.to_owned()),
                value,
            }),
        );
    }
    (feature, None)
}
