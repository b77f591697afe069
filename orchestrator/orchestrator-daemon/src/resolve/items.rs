//! The items of a step with `foreach:`, decided when all that its list speaks of has ended.

use std::collections::BTreeMap;

use pipeline_plan::NodeId;
use pipeline_spec::limits::ITEMS_MAX;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use run_engine::state::RunState;
use serde_json::Value;

use super::RunContext;
use super::scope::StepScope;

/// The items of a step that was not selected, if earlier executions stand in for them.
pub(crate) fn items_standing_in(state: &RunState, id: NodeId) -> Option<Vec<Value>> {
    let created = &state.created;
    if state.tasks.item_index(id).is_some() || created.is_selected(id) {
        return None;
    }
    let items = created.carried_items.get(&id)?.iter();
    Some(items.map(|carried| carried.item.value.clone()).collect())
}

/// The items of a step that is done for each of them; none if it is done once, or is an item itself.
pub(crate) fn items(
    context: &RunContext,
    state: &RunState,
    id: NodeId,
) -> Result<Option<Vec<Value>>, Failure> {
    let node = state.planned(id);
    let foreach = node.foreach.as_ref();
    let Some(foreach) = foreach.filter(|_| state.tasks.item_index(id).is_none()) else {
        return Ok(None);
    };
    let nothing = BTreeMap::new();
    let scope = StepScope::new(context, state, id, &nothing);
    let failure = |message: String| Failure::new(FailureCode::Expression, message);
    match scope.value(&foreach.items, "foreach")? {
        Value::Array(items) if items.len() > ITEMS_MAX => {
            let message = format!(
                "`foreach` of step `{}` gives {} items, more than {ITEMS_MAX}",
                node.id,
                items.len()
            );
            Err(failure(message).hint("let each item stand for several things"))
        }
        Value::Array(items) => Ok(Some(items)),
        other => {
            let message = format!(
                "`foreach` of step `{}` gives {other}, which is no list",
                node.id
            );
            Err(failure(message).hint("a step gives a list as an output of the type `list`"))
        }
    }
}
