//! Anomalies of domains: which values occur.

use std::collections::BTreeSet;

use super::model::{AnomalyKind, Reason};
use crate::column_type::{parse_float64, parse_int64};
use crate::limits::ANOMALY_VALUES_NAMED;
use crate::schema::{BoolDomain, Feature, FloatDomain, IntDomain, Schema, StringDomain};
use crate::statistics::{FeatureNameStatistics, HistogramType, Type};

pub(super) fn check(
    statistics: &FeatureNameStatistics,
    feature: &Feature,
    schema: &Schema,
    reasons: &mut Vec<Reason>,
) {
    let named = feature
        .domain
        .as_deref()
        .and_then(|name| schema.find_string_domain(name));
    if let Some(domain) = named.or(feature.string_domain.as_ref()) {
        strings(statistics, feature, domain, reasons);
    } else if let Some(domain) = &feature.bool_domain {
        bools(statistics, domain, reasons);
    } else if let Some(domain) = &feature.int_domain {
        ints(statistics, domain, reasons);
    } else if let Some(domain) = &feature.float_domain {
        floats(statistics, domain, reasons);
    } else if feature.domains().is_empty() {
        suggestion(statistics, feature, reasons);
    }
}

fn strings(
    statistics: &FeatureNameStatistics,
    feature: &Feature,
    domain: &StringDomain,
    reasons: &mut Vec<Reason>,
) {
    let invalid = statistics
        .string_stats
        .as_ref()
        .map_or(0, |stats| stats.invalid_utf8_count);
    if invalid > 0 {
        reasons.push(Reason::new(
            AnomalyKind::EnumTypeInvalidUtf8,
            "Not UTF-8",
            format!("{invalid} values are not valid UTF-8."),
        ));
        return;
    }
    let valid: BTreeSet<&str> = domain.value.iter().map(String::as_str).collect();
    let mut unexpected: Vec<(&str, f64)> = statistics
        .category_counts()
        .into_iter()
        .filter(|(value, _)| !valid.contains(value))
        .collect();
    let total = statistics.common().tot_num_values as f64;
    let mass: f64 = unexpected.iter().map(|(_, count)| count).sum();
    let allowed = feature
        .distribution_constraints
        .as_ref()
        .and_then(|constraints| constraints.min_domain_mass)
        .map_or(0.0, |least| 1.0 - least);
    if unexpected.is_empty() || (allowed > 0.0 && mass / total <= allowed) {
        return;
    }
    unexpected.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut named: Vec<String> = unexpected
        .iter()
        .take(ANOMALY_VALUES_NAMED)
        .map(|(value, count)| format!("{value:?} ({})", percentage(*count, total)))
        .collect();
    if unexpected.len() > named.len() {
        named.push(format!("and {} more", unexpected.len() - named.len()));
    }
    reasons.push(Reason::new(
        AnomalyKind::EnumTypeUnexpectedStringValues,
        "Unexpected values",
        format!("Values that are not in the domain: {}.", named.join(", ")),
    ));
}

fn percentage(count: f64, total: f64) -> String {
    let percent = 100.0 * count / total;
    if percent < 1.0 {
        "<1%".to_owned()
    } else {
        format!("~{}%", percent.floor())
    }
}

fn bools(statistics: &FeatureNameStatistics, domain: &BoolDomain, reasons: &mut Vec<Reason>) {
    const SHORT: &str = "Not a truth value";
    match statistics.feature_type {
        Type::Int => {
            let Some((min, max)) = int_range(statistics) else {
                return;
            };
            if min < 0.0 {
                reasons.push(Reason::new(
                    AnomalyKind::BoolTypeSmallInt,
                    SHORT,
                    format!("Truth values are 0 and 1; the least value is {min}."),
                ));
            }
            if max > 1.0 {
                reasons.push(Reason::new(
                    AnomalyKind::BoolTypeBigInt,
                    SHORT,
                    format!("Truth values are 0 and 1; the greatest value is {max}."),
                ));
            }
        }
        Type::Float => {
            if let Some(example) = not_bool_float(statistics) {
                reasons.push(Reason::new(
                    AnomalyKind::BoolTypeUnexpectedFloat,
                    SHORT,
                    format!("Truth values are 0 and 1; there is {example}."),
                ));
            }
        }
        Type::String | Type::Bytes => {
            let valid: Vec<&str> = [&domain.true_value, &domain.false_value]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            let unexpected: Vec<String> = statistics
                .category_counts()
                .into_keys()
                .filter(|value| !valid.contains(value))
                .take(ANOMALY_VALUES_NAMED)
                .map(|value| format!("{value:?}"))
                .collect();
            if !unexpected.is_empty() && !valid.is_empty() {
                reasons.push(Reason::new(
                    AnomalyKind::BoolTypeUnexpectedString,
                    SHORT,
                    format!("Values other than {valid:?}: {}.", unexpected.join(", ")),
                ));
            }
        }
        Type::Struct => {}
    }
}

/// A float that is neither 0 nor 1, as far as the statistics show one.
fn not_bool_float(statistics: &FeatureNameStatistics) -> Option<String> {
    let numbers = statistics.num_stats.as_ref()?;
    if numbers
        .histograms
        .iter()
        .any(|histogram| histogram.num_nan > 0)
    {
        return Some("NaN".to_owned());
    }
    for value in [numbers.min, numbers.max] {
        if value != 0.0 && value != 1.0 {
            return Some(value.to_string());
        }
    }
    // A bound of a quantile bucket is a value that occurs.
    let quantiles = statistics.histogram(HistogramType::Quantiles).into_iter();
    let inner = quantiles
        .flat_map(|histogram| &histogram.buckets)
        .find_map(|bucket| {
            [bucket.low_value, bucket.high_value]
                .into_iter()
                .find(|value| *value != 0.0 && *value != 1.0)
        });
    let standard = statistics.histogram(HistogramType::Standard).into_iter();
    inner.map(|value| value.to_string()).or_else(|| {
        standard
            .flat_map(|histogram| &histogram.buckets)
            .find(|bucket| {
                bucket.sample_count > 0.0 && bucket.low_value > 0.0 && bucket.high_value < 1.0
            })
            .map(|bucket| {
                format!(
                    "a value between {} and {}",
                    bucket.low_value, bucket.high_value
                )
            })
    })
}

/// The range of integers, whether they were counted as numbers or as categories.
fn int_range(statistics: &FeatureNameStatistics) -> Option<(f64, f64)> {
    if let Some(numbers) = &statistics.num_stats {
        return (!numbers.histograms.is_empty()).then_some((numbers.min, numbers.max));
    }
    let categories = statistics.category_counts();
    let values = categories
        .keys()
        .filter_map(|text| parse_int64(text))
        .map(|value| value as f64);
    values.fold(None, |range: Option<(f64, f64)>, value| {
        Some(range.map_or((value, value), |(min, max)| {
            (min.min(value), max.max(value))
        }))
    })
}

fn ints(statistics: &FeatureNameStatistics, domain: &IntDomain, reasons: &mut Vec<Reason>) {
    match statistics.feature_type {
        Type::Int => {}
        Type::String | Type::Bytes => {
            if let Some(text) = statistics
                .category_counts()
                .into_keys()
                .find(|text| parse_int64(text).is_none())
            {
                reasons.push(Reason::new(
                    AnomalyKind::IntTypeNotIntString,
                    "Not integers",
                    format!("Texts that are not integers occur, such as {text:?}."),
                ));
                return;
            }
        }
        Type::Float | Type::Struct => return,
    }
    let Some((min, max)) = int_range(statistics) else {
        return;
    };
    if let Some(least) = domain.min.filter(|least| min < *least as f64) {
        reasons.push(Reason::new(
            AnomalyKind::IntTypeSmallInt,
            "Out of range",
            format!("The least value is {min}, below {least}."),
        ));
    }
    if let Some(most) = domain.max.filter(|most| max > *most as f64) {
        reasons.push(Reason::new(
            AnomalyKind::IntTypeBigInt,
            "Out of range",
            format!("The greatest value is {max}, above {most}."),
        ));
    }
}

/// What is known of floats, whether they were counted as numbers or as texts.
struct Floats {
    nan: bool,
    range: Option<(f64, f64)>,
    not_a_float: Option<String>,
}

impl Floats {
    fn of(statistics: &FeatureNameStatistics) -> Option<Self> {
        match statistics.feature_type {
            Type::Float => {
                let numbers = statistics.num_stats.as_ref()?;
                Some(Self {
                    nan: numbers
                        .histograms
                        .iter()
                        .any(|histogram| histogram.num_nan > 0),
                    range: numbers
                        .histograms
                        .iter()
                        .any(|histogram| !histogram.buckets.is_empty())
                        .then_some((numbers.min, numbers.max)),
                    not_a_float: None,
                })
            }
            Type::String | Type::Bytes => {
                let mut floats = Self {
                    nan: false,
                    range: None,
                    not_a_float: None,
                };
                for text in statistics.category_counts().into_keys() {
                    match parse_float64(text) {
                        Some(value) if value.is_nan() => floats.nan = true,
                        Some(value) => {
                            let (min, max) = floats.range.unwrap_or((value, value));
                            floats.range = Some((min.min(value), max.max(value)));
                        }
                        None => {
                            floats.not_a_float.get_or_insert_with(|| text.to_owned());
                        }
                    }
                }
                Some(floats)
            }
            Type::Int | Type::Struct => None,
        }
    }
}

fn floats(statistics: &FeatureNameStatistics, domain: &FloatDomain, reasons: &mut Vec<Reason>) {
    let Some(floats) = Floats::of(statistics) else {
        return;
    };
    if domain.disallow_nan && floats.nan {
        reasons.push(Reason::new(
            AnomalyKind::FloatTypeHasNan,
            "NaN",
            "There are values that are NaN.",
        ));
    }
    if let Some(text) = floats.not_a_float {
        reasons.push(Reason::new(
            AnomalyKind::FloatTypeStringNotFloat,
            "Not floats",
            format!("Texts that are not floats occur, such as {text:?}."),
        ));
        return;
    }
    let Some((min, max)) = floats.range else {
        return;
    };
    if let Some(least) = domain.min.filter(|least| min < *least) {
        reasons.push(Reason::new(
            AnomalyKind::FloatTypeSmallFloat,
            "Out of range",
            format!("The least value is {min}, below {least}."),
        ));
    }
    if let Some(most) = domain.max.filter(|most| max > *most) {
        reasons.push(Reason::new(
            AnomalyKind::FloatTypeBigFloat,
            "Out of range",
            format!("The greatest value is {max}, above {most}."),
        ));
    }
    if domain.disallow_inf && (min.is_infinite() || max.is_infinite()) {
        reasons.push(Reason::new(
            AnomalyKind::FloatTypeHasInf,
            "Infinite",
            "There are values that are infinite.",
        ));
    }
}

/// A domain that the statistics suggest and the schema does not have.
fn suggestion(statistics: &FeatureNameStatistics, feature: &Feature, reasons: &mut Vec<Reason>) {
    let mut suggested = statistics
        .custom_stats
        .iter()
        .filter(|stat| stat.name == "domain_info" && !stat.str.is_empty());
    if let (Some(one), None) = (suggested.next(), suggested.next()) {
        reasons.push(Reason::new(
            AnomalyKind::SemanticDomainUpdate,
            "Domain suggested",
            format!(
                "The values of `{}` look like `{}`, which the schema does not say.",
                feature.name.as_deref().unwrap_or_default(),
                one.str
            ),
        ));
    }
}
