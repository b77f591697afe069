//! What is asked of a model that is to be served, held against what a process said of it.

use model_scoring::evaluation::number_text;
use serde::Deserialize;
use serde_json::{Value, json};

use super::probe::{Answer, Report};

/// How far a prediction may lie from the trainer's where other programs than ours made it: they sum in
/// single precision.
const TOLERANCE: f64 = 1e-5;
const BYTES_PER_MEGABYTE: f64 = 1_000_000.0;

/// Bounds that people set; without one nothing is asked.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Bounds {
    max_latency_ms: Option<f64>,
    max_memory_mb: Option<f64>,
}

/// A check and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    value: Option<f64>,
    bound: String,
    pub(super) passed: bool,
    pub(super) reason: String,
}

impl Check {
    fn new(
        name: &'static str,
        value: Option<f64>,
        bound: String,
        failed: Option<String>,
        met: &str,
    ) -> Self {
        Self {
            name,
            value,
            bound,
            passed: failed.is_none(),
            reason: failed.unwrap_or_else(|| met.to_owned()),
        }
    }

    /// As a blessing holds it.
    pub(super) fn json(&self) -> Value {
        json!({
            "check": self.name,
            "value": self.value,
            "bound": self.bound,
            "verdict": if self.passed { "passed" } else { "failed" },
            "reason": self.reason,
        })
    }
}

/// Every check, in the order in which they can fail; without an answer there is only the first.
pub(super) fn of(answer: &Answer, bounds: Bounds) -> Vec<Check> {
    let report = match answer {
        Answer::Failed { reason } => {
            return vec![Check::new(
                "load",
                None,
                String::new(),
                Some(reason.clone()),
                "",
            )];
        }
        Answer::Scored(report) => report,
    };
    let mut checks = vec![
        Check::new(
            "load",
            Some(report.load_ms),
            String::new(),
            None,
            "it loads",
        ),
        sample(report),
        rows(report),
    ];
    if let Some(bound) = bounds.max_latency_ms {
        checks.push(at_most("latency", Some(report.latency_ms.p99), bound, "ms"));
    }
    if let Some(bound) = bounds.max_memory_mb {
        let peak = report.peak_memory_bytes;
        let peak = peak.map(|bytes| bytes as f64 / BYTES_PER_MEGABYTE);
        checks.push(at_most("memory", peak, bound, "MB"));
    }
    checks
}

/// The sample that the trainer scored: the same bits from our own models, nearly the same from others.
fn sample(report: &Report) -> Check {
    let tolerance = if report.is_built_in { 0.0 } else { TOLERANCE };
    let difference = report.sample_difference;
    let failed = if report.sample_rows == 0 {
        Some("the model's folder holds no scored sample to compare with".to_owned())
    } else if difference.is_some_and(|difference| difference <= tolerance) {
        None
    } else {
        let by = difference.map_or_else(
            || "in form".to_owned(),
            |x| format!("by {}", number_text(x)),
        );
        Some(format!(
            "its predictions for the sample differ from the trainer's {by}"
        ))
    };
    let bound = format!("<= {}", number_text(tolerance));
    Check::new(
        "sample",
        difference,
        bound,
        failed,
        "as the trainer predicted",
    )
}

fn rows(report: &Report) -> Check {
    let failed = if report.rows == 0 {
        Some("there are no rows to score".to_owned())
    } else if report.not_finite > 0 {
        Some(format!(
            "{} predictions are no finite numbers",
            report.not_finite
        ))
    } else if report.unequal > 0 {
        Some(format!(
            "{} rows are scored otherwise alone than among others",
            report.unequal
        ))
    } else {
        None
    };
    let bound = ">= 1".to_owned();
    Check::new(
        "rows",
        Some(report.rows as f64),
        bound,
        failed,
        "scored one by one and together",
    )
}

fn at_most(name: &'static str, value: Option<f64>, bound: f64, unit: &str) -> Check {
    let failed = match value {
        None => Some("it cannot be measured on this system".to_owned()),
        Some(value) if value > bound => Some(format!(
            "{} {unit} is above {}",
            number_text(value),
            number_text(bound)
        )),
        Some(_) => None,
    };
    Check::new(
        name,
        value,
        format!("<= {} {unit}", number_text(bound)),
        failed,
        "met",
    )
}
