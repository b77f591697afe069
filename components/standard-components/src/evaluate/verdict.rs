//! The verdict over all checks, and the table that a person reads.

use model_scoring::evaluation::{Check, Verdict as CheckVerdict, number_text};

/// Whether a model is blessed, and why.
pub(super) struct Verdict {
    pub(super) pass: bool,
    pub(super) reason: String,
}

impl Verdict {
    /// Blessed if there are thresholds and none failed.
    pub(super) fn of(checks: &[Check]) -> Self {
        let of = |verdict| checks.iter().filter(move |check| check.verdict == verdict);
        let failed: Vec<String> = of(CheckVerdict::Failed)
            .map(|check| {
                format!(
                    "{} must be {}: {}",
                    check.name(),
                    check.bound(),
                    check.reason
                )
            })
            .collect();
        let waived = of(CheckVerdict::Waived).count();
        let reason = if checks.is_empty() {
            "not evaluated: no thresholds were given, so nothing says how good is good enough"
                .to_owned()
        } else if !failed.is_empty() {
            failed.join("; ")
        } else if waived == 0 && checks.len() == 1 {
            format!("{} is {}", checks[0].name(), checks[0].bound())
        } else if waived == 0 {
            format!("all {} checks are met", checks.len())
        } else {
            format!(
                "{} of {} checks are met, {waived} waived: there is no baseline to compare with",
                checks.len() - waived,
                checks.len()
            )
        };
        Self {
            pass: !checks.is_empty() && failed.is_empty(),
            reason,
        }
    }
}

/// Check, value, bound, verdict with its reason, in columns.
pub(super) fn table(checks: &[Check]) -> Vec<String> {
    let mut rows = vec![["check", "value", "bound", "verdict"].map(str::to_owned)];
    for check in checks {
        let value = check.measured();
        let verdict = match check.verdict {
            CheckVerdict::Passed => "passed",
            CheckVerdict::Failed => "failed",
            CheckVerdict::Waived => "waived",
        };
        rows.push([
            check.name(),
            value.map_or_else(|| "-".to_owned(), number_text),
            check.bound(),
            format!("{verdict}: {}", check.reason),
        ]);
    }
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    rows.iter()
        .map(|[check, value, bound, verdict]| {
            format!(
                "{check:<0$}  {value:<1$}  {bound:<2$}  {verdict}",
                widths[0], widths[1], widths[2]
            )
        })
        .collect()
}
