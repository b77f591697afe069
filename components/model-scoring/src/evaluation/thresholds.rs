//! Whether a model is good enough: each threshold and what came of it.
//!
//! The rules are those of TensorFlow Model Analysis: bounds on a value are inclusive; a change is the
//! candidate's value minus the baseline's, its ratio that by the baseline's; where more is better both
//! must be at least their bounds, where less is better at most. A baseline of 0 has no ratio, and what
//! is no number fails, as does a metric or slice that is missing.

use serde::Serialize;

use super::measure::{Measurement, SliceMetrics};
use super::slices::Slice;
use crate::metrics::Metric;

/// What is asked of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Of which metric.
    pub metric: Metric,
    /// In which rows.
    pub slice: Slice,
    /// What.
    pub bound: Bound,
}

/// What is asked of a metric's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Inclusive bounds.
    Value {
        /// The least.
        min: Option<f64>,
        /// The greatest.
        max: Option<f64>,
    },
    /// Bounds on the change against the baseline.
    Change {
        /// On the difference.
        absolute: Option<f64>,
        /// On the difference as a share of the baseline's value.
        relative: Option<f64>,
    },
}

/// What came of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is met.
    Passed,
    /// It is not met, or cannot be told.
    Failed,
    /// It asks for a baseline, and there is none.
    Waived,
}

/// A threshold and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The threshold.
    pub threshold: Threshold,
    /// The metric's value, where there is one.
    pub value: Option<f64>,
    /// The baseline's, where there is one.
    pub baseline: Option<f64>,
    /// What came of it.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
}

impl Check {
    /// What is checked: `auc`, `change of auc [sex=male]`.
    pub fn name(&self) -> String {
        let metric = self.threshold.metric.name();
        let name = match self.threshold.bound {
            Bound::Value { .. } => metric.to_owned(),
            Bound::Change { .. } => format!("change of {metric}"),
        };
        if self.threshold.slice.is_overall() {
            name
        } else {
            format!("{name} [{}]", self.threshold.slice)
        }
    }

    /// What is held against the bound: the value, or the difference to the baseline's.
    pub fn measured(&self) -> Option<f64> {
        match self.threshold.bound {
            Bound::Value { .. } => self.value,
            Bound::Change { .. } => Some(self.value? - self.baseline?),
        }
    }

    /// The bound in words: `>= 0.8`.
    pub fn bound(&self) -> String {
        self.threshold.bound.text(self.threshold.metric)
    }
}

impl Bound {
    fn text(self, metric: Metric) -> String {
        let part = |name: &str, sign: &str, bound: Option<f64>| {
            bound.map(|bound| format!("{name}{sign} {}", number_text(bound)))
        };
        let parts = match self {
            Self::Value { min, max } => [part("", ">=", min), part("", "<=", max)],
            Self::Change { absolute, relative } => {
                let sign = if metric.higher_is_better() {
                    ">="
                } else {
                    "<="
                };
                [
                    part("difference ", sign, absolute),
                    part("ratio ", sign, relative),
                ]
            }
        };
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(" and ")
    }
}

/// Holds measurements against thresholds, in their order.
pub fn check(
    thresholds: &[Threshold],
    measured: &[SliceMetrics],
    has_baseline: bool,
) -> Vec<Check> {
    let one = |threshold: &Threshold| {
        let found = find(threshold, measured);
        let (value, baseline) = match &found {
            Ok(found) => (Some(found.value), found.baseline),
            Err(_) => (None, None),
        };
        let (verdict, reason) = match (threshold.bound, found) {
            (Bound::Change { .. }, _) if !has_baseline => (
                Verdict::Waived,
                "there is no baseline to compare with".to_owned(),
            ),
            (_, Err(reason)) => (Verdict::Failed, reason),
            (Bound::Value { min, max }, Ok(found)) => check_value(found.value, min, max),
            (Bound::Change { absolute, relative }, Ok(found)) => {
                check_change(found, absolute, relative)
            }
        };
        Check {
            threshold: threshold.clone(),
            value,
            baseline,
            verdict,
            reason,
        }
    };
    thresholds.iter().map(one).collect()
}

fn find<'a>(
    threshold: &Threshold,
    measured: &'a [SliceMetrics],
) -> Result<&'a Measurement, String> {
    let slice = measured
        .iter()
        .find(|slice| slice.slice.matches(&threshold.slice))
        .ok_or_else(|| format!("there is no row with {}", threshold.slice))?;
    if slice.rows == 0 {
        return Err("there is no row to measure it on".to_owned());
    }
    if slice.metrics.is_empty() {
        return Err(format!(
            "the slice has {} rows, fewer than `min_slice_size`",
            slice.rows
        ));
    }
    let metric = |m: &&Measurement| m.metric == threshold.metric;
    slice.metrics.iter().find(metric).ok_or_else(|| {
        let names: Vec<&str> = slice.metrics.iter().map(|m| m.metric.name()).collect();
        format!("a model of this task has only {}", names.join(", "))
    })
}

fn check_value(value: f64, min: Option<f64>, max: Option<f64>) -> (Verdict, String) {
    if value.is_nan() {
        let reason = "it has no value on these rows, for example because they are all of one class";
        return (Verdict::Failed, reason.to_owned());
    }
    let shown = number_text(value);
    if let Some(min) = min.filter(|min| value < *min) {
        let reason = format!("{shown} is below {}", number_text(min));
        return (Verdict::Failed, reason);
    }
    if let Some(max) = max.filter(|max| value > *max) {
        let reason = format!("{shown} is above {}", number_text(max));
        return (Verdict::Failed, reason);
    }
    (Verdict::Passed, "met".to_owned())
}

fn check_change(
    found: &Measurement,
    absolute: Option<f64>,
    relative: Option<f64>,
) -> (Verdict, String) {
    let failed = |reason: String| (Verdict::Failed, reason);
    let Some(baseline) = found.baseline else {
        return failed("the baseline has no such metric".to_owned());
    };
    let difference = found.value - baseline;
    if difference.is_nan() {
        return failed("it has no value on these rows for the model or the baseline".to_owned());
    }
    // The ratio is looked at even where no bound is given for it, as there: 0 has none.
    if baseline == 0.0 {
        return failed("the baseline is exactly 0, so the change has no ratio".to_owned());
    }
    let higher = found.metric.higher_is_better();
    let meets = |change: f64, bound: f64| {
        if higher {
            change >= bound
        } else {
            change <= bound
        }
    };
    let changes = [
        ("difference", difference, absolute),
        ("ratio", difference / baseline, relative),
    ];
    for (what, change, bound) in changes {
        if let Some(bound) = bound.filter(|bound| !meets(change, *bound)) {
            return failed(format!(
                "{} against the baseline's {}: the {what} {} is {} {}",
                number_text(found.value),
                number_text(baseline),
                number_text(change),
                if higher { "below" } else { "above" },
                number_text(bound),
            ));
        }
    }
    let reason = format!("met against the baseline's {}", number_text(baseline));
    (Verdict::Passed, reason)
}

/// Digits of a number that people compare.
const DIGITS: i32 = 6;

/// A number for people: at most six significant digits, no trailing zeros.
pub fn number_text(x: f64) -> String {
    if !x.is_finite() || x == 0.0 {
        return x.to_string();
    }
    let magnitude = x.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        return format!("{x:e}");
    }
    let places = (DIGITS - 1 - magnitude).clamp(0, 12) as usize;
    let text = format!("{x:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
