//! Settling: everything that follows from what a turn took, until nothing does or the turn is full.
//!
//! It walks from what changed: ready steps, steps that can never run, free slots. It never looks
//! at all steps of a run.

use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::decide::{Input, decide, follow};
use run_engine::event::Event;
use run_engine::failure_code::FailureCode;
use run_engine::reason::{Failure, Reason};
use run_engine::seams::{Clock, Effect, Executor, Prepared, Store};
use run_engine::state::StepPhase;
use serde_json::Value;

use super::active_run::{ActiveRun, Queued, Stage};
use super::launching::demand;
use super::limits::TASKS_MAX;
use super::{Bench, LoopError, RunLoop};
use crate::resolve::{
    Unresolved, items, items_standing_in, prepare_task, resolve, stand_in_gone, unmet_condition,
};

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// Lets everything follow. Runs that are left for another turn stay unsettled.
    pub(super) fn settle(&mut self) -> Result<(), LoopError> {
        loop {
            while let Some(id) = self.bench.unsettled.first().copied() {
                if self.bench.is_full() {
                    return Ok(());
                }
                if let Some(run) = self.runs.get_mut(&id)
                    && !self.bench.advance(run)?
                {
                    return Ok(());
                }
                self.bench.unsettled.remove(&id);
            }
            if self.admit() {
                continue;
            }
            if !self.launch()? {
                return Ok(());
            }
        }
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// Lets everything follow within one run; false if the turn is full before that is done.
    fn advance(&mut self, run: &mut ActiveRun) -> Result<bool, LoopError> {
        loop {
            if self.is_full() {
                return Ok(false);
            }
            if run.waits_for_its_turn() {
                return Ok(true);
            }
            if self.follow(run)? {
                continue;
            }
            if !run.state.is_going() {
                return Ok(true);
            }
            if let Some((node, found)) = run.carrying.fresh.pop_front() {
                self.carry(run, node, found)?;
                continue;
            }
            if !run.carrying.is_empty() {
                return Ok(true);
            }
            let ready = run.state.take_newly_ready();
            run.fresh.extend(ready);
            let Some(node) = run.fresh.pop_front() else {
                return Ok(true);
            };
            self.consider(run, node)?;
        }
    }

    /// Skips and the run's end; true if there was any.
    fn follow(&mut self, run: &mut ActiveRun) -> Result<bool, LoopError> {
        let events = follow(&run.state, self.now);
        let any = !events.is_empty();
        for event in events {
            if self.is_full() {
                break;
            }
            self.record(run, event)?;
        }
        if run.state.is_ended() && any {
            self.queue.forget(run.id());
            self.draft.ended.push(run.id());
        }
        Ok(any)
    }

    /// A step is ready: it is looked at once, and again after each attempt that another follows.
    fn consider(&mut self, run: &mut ActiveRun, node: NodeId) -> Result<(), LoopError> {
        let phase = run.state.step(node).phase;
        if !matches!(phase, StepPhase::Ready | StepPhase::Backoff) {
            return Ok(());
        }
        if let Some(last) = run.state.step(node).attempts.last() {
            let queued = Queued::Again(last.started.clone());
            return self.enqueue(run, node, queued);
        }
        if !run.state.created.is_selected(run.state.tasks.step(node)) {
            return match items_standing_in(&run.state, node) {
                Some(items) => self.expand(run, node, items),
                None => self.cannot_start(run, node, stand_in_gone()),
            };
        }
        match unmet_condition(&run.context, &run.state, node) {
            Ok(None) => {}
            Ok(Some(reason)) => return self.skip(run, node, reason),
            Err(failure) => return self.cannot_start(run, node, failure),
        }
        match items(&run.context, &run.state, node) {
            Ok(None) => {}
            Ok(Some(items)) => return self.expand(run, node, items),
            Err(failure) => return self.cannot_start(run, node, failure),
        }
        match prepare_task(&run.context, &run.state, node) {
            Some(task) => {
                run.stages.insert(node, Stage::Preparing);
                self.draft.effects.push(Effect::Prepare(Box::new(task)));
                Ok(())
            }
            None => self.prepared(run, node, &Prepared::default()),
        }
    }

    /// A step's files were looked at, or there are none to look at.
    pub(super) fn prepared(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        prepared: &Prepared,
    ) -> Result<(), LoopError> {
        let resolved = resolve(&run.context, &run.state, node, prepared, &self.lookups());
        match resolved {
            Ok(resolved) => self.look_up(run, node, Box::new(resolved), None),
            Err(Unresolved::Step(failure)) => self.cannot_start(run, node, failure),
            Err(Unresolved::Skip(reason)) => self.skip(run, node, reason),
            Err(Unresolved::Store(error)) => Err(error.into()),
        }
    }

    /// It is known for which items a step is done.
    fn expand(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        items: Vec<Value>,
    ) -> Result<(), LoopError> {
        if run.state.steps.len() + items.len() > TASKS_MAX {
            let message = format!(
                "with its {} items the run has more than {TASKS_MAX} tasks",
                items.len()
            );
            let failure = Failure::new(FailureCode::Expression, message);
            return self.cannot_start(run, node, failure);
        }
        let (items, at) = (Arc::new(items), self.now);
        self.record(run, Event::StepExpanded { node, items, at })?;
        self.carry_items(run, node)
    }

    /// A step whose turn it is does not run.
    fn skip(&mut self, run: &mut ActiveRun, node: NodeId, reason: Reason) -> Result<(), LoopError> {
        let at = self.now;
        self.record(run, Event::StepSkipped { node, reason, at })
    }

    /// A step fails before it has an attempt.
    pub(super) fn cannot_start(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        failure: Failure,
    ) -> Result<(), LoopError> {
        let input = Input::CannotStart { node, failure };
        for event in decide(&run.state, &input, self.now) {
            self.record(run, event)?;
        }
        Ok(())
    }

    /// A step waits for a slot, and for whatever else it asks for.
    pub(super) fn enqueue(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        queued: Queued,
    ) -> Result<(), LoopError> {
        let demand = demand(run, node, &queued);
        let never = self.queue.capacity().never_meets(&demand);
        if let Some(failure) = never.filter(|_| matches!(queued, Queued::First { .. })) {
            return self.cannot_start(run, node, failure);
        }
        run.stages.insert(node, Stage::Queued(Box::new(queued)));
        self.queue.offer(run.id(), node, demand);
        // That it waits is not told by any event.
        self.draft.changed.insert(run.id());
        Ok(())
    }
}
