//! An attempt's identifier at the keeper: `RUN/NODE/NUMBER`, readable back without a table.

use run_engine::ids::{AttemptId, RunId};
use run_engine::plan::NodeId;

pub(crate) fn name_of(attempt: AttemptId) -> String {
    let AttemptId { run, node, number } = attempt;
    format!("{run}/{}/{number}", node.0)
}

/// None if it is not one of ours.
pub(super) fn attempt_of(name: &str) -> Option<AttemptId> {
    let mut parts = name.split('/');
    let attempt = AttemptId {
        run: RunId(parts.next()?.parse().ok()?),
        node: NodeId(parts.next()?.parse().ok()?),
        number: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(attempt)
}
