//! `evaluation.json`: how an evaluation lies in its folder, and what its blessing says of each check.

use model_scoring::evaluation::{Check, Measured, SliceMetrics};
use model_scoring::metrics::{ClassOutcomes, Outcomes};
use model_scoring::model::Model;
use model_scoring::signature::Class;
use serde_json::{Value, json};

use super::goal::Assessment;
use super::insight::Insight;
use super::verdict::Verdict;
use crate::blessing::{Blessing, Kind};
use crate::invocation::{Failure, Invocation};

/// The version of the file's form.
const FORMAT_VERSION: u32 = 1;
pub(super) const EVALUATION_FILE: &str = "evaluation.json";

/// A model that was judged or compared with.
pub(super) struct Judged<'a> {
    pub(super) model: &'a Model,
    pub(super) digest: String,
}

impl Judged<'_> {
    fn json(&self) -> Value {
        let signature = self.model.signature();
        json!({ "name": signature.name, "digest": self.digest, "task": signature.task })
    }
}

/// Everything that was measured.
pub(super) fn evaluation(
    candidate: &Judged<'_>,
    baseline: Option<&Judged<'_>>,
    split: &str,
    measured: &Measured,
    checks: &[Check],
    insight: &Insight,
) -> Value {
    let left_out = measured.left_out;
    let classes = &candidate.model.signature().label.classes;
    json!({
        "format_version": FORMAT_VERSION,
        "model": candidate.json(),
        "baseline": baseline.map(Judged::json),
        "split": split,
        "rows": measured.outcomes.rows(),
        "left_out": {
            "without_label": left_out.without_label,
            "unknown_class": left_out.unknown_class,
            "without_weight": left_out.without_weight,
        },
        "slices": measured.slices.iter().map(slice).collect::<Vec<_>>(),
        "metrics": measured.slices.iter().flat_map(metrics).collect::<Vec<_>>(),
        "plots": plots(&measured.outcomes, classes),
        "checks": checks.iter().map(check).collect::<Vec<_>>(),
        "importances": insight.importances,
        "goal": insight.goal.as_ref().map(Assessment::json),
    })
}

/// Writes the verdict.
pub(super) fn write_blessing(
    invocation: &mut Invocation,
    candidate: &Judged<'_>,
    verdict: &Verdict,
    checks: &[Check],
) -> Result<(), Failure> {
    Blessing {
        kind: Kind::Evaluation,
        model: candidate.model.signature().name.clone(),
        model_digest: candidate.digest.clone(),
        pass: verdict.pass,
        reason: verdict.reason.clone(),
        checks: checks.iter().map(check).collect(),
    }
    .write(invocation)
}

fn slice(slice: &SliceMetrics) -> Value {
    json!({ "slice": slice.slice, "rows": slice.rows, "measured": !slice.metrics.is_empty() })
}

/// NaN, where a metric has no meaning, becomes null.
fn metrics(slice: &SliceMetrics) -> Vec<Value> {
    let one = |m: &model_scoring::evaluation::Measurement| {
        json!({
            "slice": slice.slice,
            "metric": m.metric.name(),
            "value": m.value,
            "low": m.interval.map(|interval| interval.low),
            "high": m.interval.map(|interval| interval.high),
            "baseline": m.baseline,
        })
    };
    slice.metrics.iter().map(one).collect()
}

fn check(check: &Check) -> Value {
    json!({
        "check": check.name(),
        "metric": check.threshold.metric.name(),
        "slice": check.threshold.slice,
        "value": check.measured(),
        "bound": check.bound(),
        "verdict": check.verdict,
        "reason": check.reason,
        "metric_value": check.value,
        "baseline_value": check.baseline,
    })
}

fn plots(outcomes: &Outcomes, classes: &[Class]) -> Value {
    let Outcomes::Classes(outcomes) = outcomes else {
        return json!({});
    };
    // Of two classes the second is the one that curves are about.
    let shown = if classes.len() == 2 {
        1..2
    } else {
        0..classes.len()
    };
    let curves: Vec<Value> = shown
        .map(|class| {
            json!({
                "class": classes[class],
                "curve": outcomes.curve(class),
                "calibration": outcomes.calibration(class),
            })
        })
        .collect();
    json!({
        "confusion": confusion(outcomes, classes),
        "per_class": per_class(outcomes, classes),
        "curves": curves,
    })
}

/// Rows are labels, columns decisions.
fn confusion(outcomes: &ClassOutcomes, classes: &[Class]) -> Value {
    let matrix = outcomes.confusion(outcomes.weights());
    let rows: Vec<&[f64]> = matrix.chunks(classes.len().max(1)).collect();
    json!({ "classes": classes, "weights": rows })
}

fn per_class(outcomes: &ClassOutcomes, classes: &[Class]) -> Vec<Value> {
    let values = outcomes.per_class(outcomes.weights());
    let pairs = classes.iter().zip(values);
    pairs
        .map(|(class, [precision, recall, f1])| {
            json!({ "class": class, "precision": precision, "recall": recall, "f1": f1 })
        })
        .collect()
}
