//! Reports on their way to a daemon, in words.

use run_engine::seams::Report;

/// Whether it is told of an attempt, which outlives a daemon.
pub(crate) fn is_of_attempt(report: &Report) -> bool {
    match report {
        Report::Prepared { .. } | Report::Verified { .. } | Report::Hindered { .. } => false,
        Report::Launched { .. }
        | Report::Ended { .. }
        | Report::Lost { .. }
        | Report::Stuck { .. }
        | Report::Waits { .. } => true,
    }
}

/// A report in words.
pub(crate) fn show(report: &Report) -> String {
    match report {
        Report::Prepared { node, result, .. } => {
            format!("step {} is prepared: {}", node.0, result.is_ok())
        }
        Report::Verified { node, missing, .. } => {
            format!("step {} is verified: {missing:?}", node.0)
        }
        Report::Launched {
            attempt, adopted, ..
        } => format!(
            "attempt {} of step {} runs, adopted: {adopted}",
            attempt.number, attempt.node.0
        ),
        Report::Ended { attempt, report } => format!(
            "attempt {} of step {} ended with {:?}",
            attempt.number,
            attempt.node.0,
            report.exit.and_then(|exit| exit.code)
        ),
        Report::Lost { attempt, .. } => {
            format!(
                "attempt {} of step {} is lost",
                attempt.number, attempt.node.0
            )
        }
        Report::Stuck { attempt, .. } => {
            format!(
                "attempt {} of step {} is stuck",
                attempt.number, attempt.node.0
            )
        }
        Report::Waits { attempt, why } => {
            format!("step {} waits: {}", attempt.node.0, why.text)
        }
        Report::Hindered { why } => format!("nothing can be launched: {why:?}"),
    }
}
