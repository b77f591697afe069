//! `if:` of a step, decided when all that it speaks of has ended.

use std::collections::BTreeMap;

use pipeline_plan::NodeId;
use pipeline_spec::template::{CLOSE, OPEN};
use run_engine::failure_code::FailureCode;
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::state::RunState;
use serde_json::Value;

use super::RunContext;
use super::scope::StepScope;

/// Why a step whose turn it is does not run: its `if` is false. None if it runs.
pub(crate) fn unmet_condition(
    context: &RunContext,
    state: &RunState,
    id: NodeId,
) -> Result<Option<Reason>, Failure> {
    let node = state.planned(id);
    // That of an item was decided for all of them.
    let condition = node.condition.as_ref();
    let Some(condition) = condition.filter(|_| state.tasks.item_index(id).is_none()) else {
        return Ok(None);
    };
    // What enters the step is not known yet.
    let inputs = BTreeMap::new();
    let scope = StepScope::new(context, state, id, &inputs);
    let text = &condition.expression;
    match scope.value(&Value::String(text.clone()), "if")? {
        Value::Bool(true) => Ok(None),
        Value::Bool(false) => {
            let source = text.trim_start_matches(OPEN).trim_end_matches(CLOSE).trim();
            let text = format!("its `if` is false: {source}");
            Ok(Some(Reason::new(ReasonCode::ConditionFalse, text, "if")))
        }
        other => {
            let message = format!(
                "`if` of step `{}` gives {other}, which is neither true nor false",
                node.id
            );
            Err(Failure::new(FailureCode::Expression, message)
                .hint("compare it with something: `==`, `>`"))
        }
    }
}
