//! The two parts of a run: its ordinary steps, and those of `finally:` that follow them.
//!
//! The second part begins by itself when the first is over: no event says so, it follows from the
//! events that end the first. It does not know what any step does.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::{NodeId, Plan};

use crate::apply::ApplyError;
use crate::event::RunEnd;
use crate::state::{RunPhase, RunState, StepPhase};

/// The needs that a step waits for. Of a step of `finally:` they are those of `finally:` too: the
/// others are over before it.
pub(crate) fn awaited(plan: &Plan, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    let planned = plan.node(node);
    let needs = planned.needs.iter().copied();
    needs.filter(move |need| plan.node(*need).finally == planned.finally)
}

impl RunState {
    /// Whether steps of the run may start: those of the part that it is in.
    pub fn is_going(&self) -> bool {
        matches!(self.phase, RunPhase::Active | RunPhase::Finishing(_))
    }

    /// Whether a step belongs to the part of the run that is going on.
    pub(crate) fn has_turn(&self, node: NodeId) -> bool {
        let known = (node.0 as usize) < self.steps.len();
        let finally = known.then(|| self.planned(node).finally);
        match self.phase {
            RunPhase::Active => finally != Some(true),
            RunPhase::Finishing(_) => finally != Some(false),
            RunPhase::Cancelling | RunPhase::Ended(_) => false,
        }
    }

    /// Whether another request to end the run would change something.
    pub(crate) fn can_cancel(&self) -> bool {
        match self.phase {
            RunPhase::Active | RunPhase::Finishing(_) => true,
            RunPhase::Cancelling => self.finally_waits,
            RunPhase::Ended(_) => false,
        }
    }

    /// Whether a need that is over lets a step go on. One that the run is not made of does.
    pub(crate) fn is_met(&self, node: NodeId, need: NodeId) -> bool {
        let phase = self.step(need).phase;
        let failed = phase == StepPhase::Failed;
        let left_out = phase == StepPhase::Skipped && self.created.leaves_out(need);
        phase.is_good()
            || left_out
            || phase.is_ended() && self.plan().node(node).bears(need, failed)
    }

    /// Whether a request to end the run without its stuck attempts, while it is ending, is the first.
    pub(crate) fn can_begin_to_abandon(&self) -> bool {
        self.phase == RunPhase::Cancelling && !self.abandons
    }

    /// The user ends the run: first its ordinary steps, then, if asked again, those of `finally:`. Who
    /// asks again only so that stuck attempts are abandoned keeps `finally:`.
    pub(crate) fn cancel(
        &mut self,
        abandon: bool,
        at: DateTime<Utc>,
        event: &'static str,
    ) -> Result<(), ApplyError> {
        let begins_to_abandon = abandon && self.can_begin_to_abandon();
        if !self.can_cancel() && !begins_to_abandon {
            return Err(self.illegal_for_run(event));
        }
        if self.phase != RunPhase::Active && self.finally_waits && !begins_to_abandon {
            // It never begins.
            self.finally_waits = false;
            let plan = Arc::clone(self.plan());
            let finally = plan.node_ids().filter(|node| plan.node(*node).finally);
            finally.for_each(|node| self.cancel_step(node, at));
        }
        self.abandons |= abandon;
        self.phase = RunPhase::Cancelling;
        self.waits = false;
        self.turn_to_finally(at);
        Ok(())
    }

    /// Begins `finally:` if the ordinary steps are over, or are as good as over in a run that is
    /// being cancelled.
    pub(crate) fn turn_to_finally(&mut self, at: DateTime<Utc>) {
        if !self.finally_waits {
            return;
        }
        let end = match self.phase {
            RunPhase::Active if self.ordinary == 0 => self.end_by_steps(),
            RunPhase::Cancelling if self.running.is_empty() => RunEnd::Cancelled,
            _ => return,
        };
        self.finally_waits = false;
        // What was asked for was asked of the ordinary steps.
        self.abandons = false;
        self.phase = RunPhase::Finishing(end);
        let plan = Arc::clone(self.plan());
        for node in self.task_ids() {
            if plan.node(self.tasks.step(node)).finally {
                self.met(node);
            } else if !self.step(node).phase.is_ended() {
                self.cancel_step(node, at);
            }
        }
    }

    /// A step that had not ended ends with its run.
    pub(crate) fn cancel_step(&mut self, node: NodeId, at: DateTime<Utc>) {
        let step = self.steps.get_mut(node.0 as usize);
        step.phase = StepPhase::Cancelled;
        step.ended_at = Some(at);
        self.ready.remove(&node);
        self.doomed.remove(&node);
        self.backoff.remove(&node);
        self.awaiting.remove(&node);
        self.expanding.remove(&node);
        self.unfinished -= 1;
        if !self.planned(node).finally {
            self.ordinary -= 1;
        }
    }

    /// One of the things that a step waits for is as it should be. What the run is not made of never
    /// becomes ready.
    pub(crate) fn met(&mut self, node: NodeId) {
        let open = &mut self.open_needs[node.0 as usize];
        *open -= 1;
        let left_out = self.created.leaves_out(self.tasks.step(node));
        let is_last = *open == 0 && !left_out;
        if is_last && self.step(node).phase == StepPhase::Waiting {
            self.steps.get_mut(node.0 as usize).phase = StepPhase::Ready;
            self.ready.insert(node);
            self.newly_ready.push(node);
        }
    }

    /// How the steps that have ended would have the run end.
    pub(crate) fn end_by_steps(&self) -> RunEnd {
        match (self.failed, self.refused) {
            (0, 0) => RunEnd::Succeeded,
            (0, _) => RunEnd::Refused,
            _ => RunEnd::Failed,
        }
    }
}
