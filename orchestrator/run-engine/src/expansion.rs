//! Steps that are done for each item of a list: the items become tasks, and the step ends with them.
//!
//! That it ends is told by no event: it follows from the ends of its items. It does not know where the
//! list comes from.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::NodeId;
use serde_json::Value;

use crate::apply::ApplyError;
use crate::event::expanded;
use crate::reason::Reason;
use crate::state::{Expanding, RunState, Step, StepPhase};

impl RunState {
    /// Whether a task is a step that is done for items, not an item itself.
    pub(crate) fn is_list(&self, task: NodeId) -> bool {
        self.planned(task).foreach.is_some() && self.tasks.item_index(task).is_none()
    }

    /// It is known for which items a step is done.
    pub(crate) fn expand(
        &mut self,
        node: NodeId,
        items: &Arc<Vec<Value>>,
        at: DateTime<Utc>,
        event: &'static str,
    ) -> Result<(), ApplyError> {
        self.expect_turn(node, event)?;
        self.expect(node, &[StepPhase::Ready], event)?;
        let planned = self.planned(node);
        let (finally, foreach) = (planned.finally, planned.foreach.as_ref());
        let Some(foreach) = foreach.filter(|_| self.is_list(node)) else {
            return Err(self.illegal(node, event));
        };
        let count = items.len();
        let at_once = foreach
            .max_parallel
            .map_or(count, |most| most as usize)
            .min(count);
        let first = self.tasks.expand(node, items);
        let step = self.steps.get_mut(node.0 as usize);
        step.phase = StepPhase::Expanded;
        step.reason = Some(expanded(count));
        self.ready.remove(&node);
        self.steps.extend(count, &Step::default());
        // Each waits to be let go.
        self.open_needs.extend(std::iter::repeat_n(1, count));
        self.unfinished += count;
        if !finally {
            self.ordinary += count;
        }
        let (next, open) = (first + at_once as u32, count as u32);
        self.expanding.insert(node, Expanding { next, open });
        (first..next).for_each(|task| self.met(NodeId(task)));
        self.collect(node, at);
        Ok(())
    }

    /// A task has ended: if it is an item, the next one follows, or its step ends too.
    pub(crate) fn item_ended(&mut self, task: NodeId, at: DateTime<Utc>) {
        let node = self.tasks.step(task);
        let Some(expanding) = self.expanding.get_mut(&node).filter(|_| node != task) else {
            return;
        };
        expanding.open -= 1;
        let tasks = self.tasks.of_step(node);
        let behind = tasks.map_or(0, |all| all.first + all.items.len() as u32);
        let mut next = expanding.next;
        if task.0 < next {
            // One that was carried over needs not be let go any more.
            let waits = |task: u32| self.steps.get(task as usize).phase == StepPhase::Waiting;
            while next < behind && !waits(next) {
                next += 1;
            }
            if next < behind {
                self.met(NodeId(next));
                next += 1;
            }
            if let Some(expanding) = self.expanding.get_mut(&node) {
                expanding.next = next;
            }
        }
        self.collect(node, at);
    }

    /// Ends an expanded step once all of its items have ended.
    fn collect(&mut self, node: NodeId, at: DateTime<Utc>) {
        let expanding = self.expanding.get(&node);
        if expanding.is_none_or(|expanding| expanding.open > 0) {
            return;
        }
        self.expanding.remove(&node);
        let (phase, reason) = self.of_items(node);
        let step = self.steps.get_mut(node.0 as usize);
        if phase.is_good() || phase == StepPhase::Refused {
            // What it gave are the lists of what its items gave.
            step.outputs = Some(Arc::default());
        }
        if let Some(reason) = reason {
            step.reason = Some(reason);
        }
        self.end_step(node, phase, at);
    }

    /// How a step ends by its items, and why if it does not end well.
    pub(crate) fn of_items(&self, node: NodeId) -> (StepPhase, Option<Reason>) {
        let worst = [
            StepPhase::Failed,
            StepPhase::Refused,
            StepPhase::Cancelled,
            StepPhase::Skipped,
        ];
        let found = worst.iter().find_map(|phase| {
            let task = self
                .items(node)
                .find(|task| self.step(*task).phase == *phase)?;
            let reason = self.step(task).reason.clone().map(|reason| Reason {
                text: format!("`{}`: {}", self.name(task), reason.text),
                ..reason
            });
            Some((*phase, reason))
        });
        found.unwrap_or((StepPhase::Succeeded, None))
    }
    /// The items of a step as tasks; none if it was not expanded.
    pub(crate) fn items(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        let expansion = self.tasks.of_step(node);
        expansion.map(|all| all.tasks()).into_iter().flatten()
    }
}
