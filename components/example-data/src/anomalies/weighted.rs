//! Anomalies of weighted features: a value and its weight that do not go together.

use super::model::{AnomalyKind, Reason};
use crate::schema::{LifecycleStage, Schema};
use crate::statistics::FeatureNameStatistics;

/// Weighted features that share their name with an ordinary feature.
pub(super) fn collisions(schema: &Schema) -> Vec<(String, Vec<Reason>)> {
    let active = |stage: Option<LifecycleStage>| !stage.is_some_and(LifecycleStage::is_inactive);
    schema
        .weighted_feature
        .iter()
        .filter(|pair| active(pair.lifecycle_stage))
        .filter_map(|pair| pair.name.as_deref())
        .filter(|name| {
            schema
                .find(name)
                .is_some_and(|feature| !feature.is_inactive())
        })
        .map(|name| {
            let reason = Reason::new(
                AnomalyKind::WeightedFeatureNameCollision,
                "Name taken twice",
                "A feature and a weighted feature of the schema have the same name.",
            );
            (name.to_owned(), vec![reason])
        })
        .collect()
}

/// What the custom statistics of a weighted feature say.
pub(super) fn check(statistics: &FeatureNameStatistics) -> Vec<Reason> {
    let stat = |name: &str| {
        statistics
            .custom_stats
            .iter()
            .find(|stat| stat.name == name)
            .map_or(0.0, |stat| stat.num)
    };
    let mut reasons = Vec::new();
    let values = stat("missing_value");
    if values != 0.0 {
        reasons.push(Reason::new(
            AnomalyKind::WeightedFeatureMissingValue,
            "Missing value",
            format!("{values} rows have a weight and no value."),
        ));
    }
    let weights = stat("missing_weight");
    if weights != 0.0 {
        reasons.push(Reason::new(
            AnomalyKind::WeightedFeatureMissingWeight,
            "Missing weight",
            format!("{weights} rows have a value and no weight."),
        ));
    }
    let (least, greatest) = (
        stat("min_weight_length_diff"),
        stat("max_weight_length_diff"),
    );
    if least != 0.0 || greatest != 0.0 {
        reasons.push(Reason::new(
            AnomalyKind::WeightedFeatureLengthMismatch,
            "Other lengths",
            format!("Rows have between {least} and {greatest} more values than weights."),
        ));
    }
    reasons
}
