//! Settling: everything that follows from what a turn took, until nothing does or the turn is full.
//!
//! It walks from what changed: ready steps, steps that can never run, free slots. It never looks
//! at all steps of a run.

use pipeline_plan::NodeId;
use run_engine::decide::{Input, decide, follow};
use run_engine::event::{Event, StepReused};
use run_engine::reason::{Failure, Reason};
use run_engine::seams::{Clock, Effect, Executor, Lookups, Prepared, Reusable, Store, VerifyTask};
use run_engine::state::{RunPhase, StepPhase};

use super::active_run::{ActiveRun, Queued, Stage, Verifying};
use super::{Bench, LoopError, RunLoop};
use crate::resolve::{Resolved, Unresolved, gone, prepare_task, resolve};

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
            if self.follow(run)? {
                continue;
            }
            if run.state.phase != RunPhase::Active {
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

    /// A step is ready: it is looked at once, and again after each lost attempt.
    fn consider(&mut self, run: &mut ActiveRun, node: NodeId) -> Result<(), LoopError> {
        if run.state.step(node).phase != StepPhase::Ready {
            return Ok(());
        }
        if let Some(last) = run.state.step(node).attempts.last() {
            let queued = Queued::Again(last.started.clone());
            self.enqueue(run, node, queued);
            return Ok(());
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
            Err(Unresolved::Store(error)) => Err(error.into()),
        }
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

    /// Reuses a step, has what would stand in for it looked at, or queues it.
    pub(super) fn look_up(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        resolved: Box<Resolved>,
        reason: Option<Reason>,
    ) -> Result<(), LoopError> {
        if let Some(found) = self.find_reusable(&resolved)? {
            return self.reuse_or_verify(run, node, resolved, found);
        }
        self.enqueue(run, node, Queued::First { resolved, reason });
        Ok(())
    }

    /// What may stand in for a step, over committed rows and this turn's own.
    pub(super) fn find_reusable(&self, resolved: &Resolved) -> Result<Option<Reusable>, LoopError> {
        match resolved.reuse.looked_up() {
            Some(key) => Ok(self.lookups().reusable(key)?),
            None => Ok(None),
        }
    }

    /// Values stand in at once; artifacts are looked at first.
    pub(super) fn reuse_or_verify(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        resolved: Box<Resolved>,
        found: Reusable,
    ) -> Result<(), LoopError> {
        if found.outputs.artifacts.is_empty() {
            return self.reuse(run, node, found, false);
        }
        self.verify(run, node, &found);
        let verifying = Verifying {
            resolved,
            found,
            forgotten_keys: self.forgotten_keys,
        };
        run.stages
            .insert(node, Stage::Verifying(Box::new(verifying)));
        Ok(())
    }

    fn verify(&mut self, run: &ActiveRun, node: NodeId, found: &Reusable) {
        let task = VerifyTask {
            run: run.id(),
            node,
            outputs: found.outputs.clone(),
        };
        self.draft.effects.push(Effect::Verify(Box::new(task)));
    }

    /// What is to stand in for a step was looked at.
    pub(super) fn verified(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        missing: Option<&str>,
    ) -> Result<(), LoopError> {
        if let Some(found) = run.carrying.verifying.remove(&node) {
            return self.carried(run, node, found, missing.is_none());
        }
        let Some(Verifying {
            resolved,
            found,
            forgotten_keys,
        }) = run.take_verifying(node)
        else {
            return Ok(());
        };
        // What stands in is looked up in the turn that says so, unless that can only find the same.
        if missing.is_some() || forgotten_keys != self.forgotten_keys {
            let current = self.find_reusable(&resolved)?;
            if current.is_none_or(|current| current.execution != found.execution) {
                return self.look_up(run, node, resolved, None);
            }
        }
        let Some(missing) = missing else {
            return self.reuse(run, node, found, false);
        };
        if let Some(key) = resolved.reuse.looked_up() {
            self.draft.forget_key(key);
            self.forgotten_keys += 1;
        }
        let reason = Some(gone(missing));
        self.enqueue(run, node, Queued::First { resolved, reason });
        Ok(())
    }

    /// A retry carries a step over, once what it gave was looked at.
    fn carry(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        found: Reusable,
    ) -> Result<(), LoopError> {
        if found.outputs.artifacts.is_empty() {
            return self.carried(run, node, found, true);
        }
        self.verify(run, node, &found);
        run.carrying.verifying.insert(node, found);
        Ok(())
    }

    /// What a step that is carried over gave was looked at. One whose outputs are gone is an
    /// ordinary step of the new run.
    fn carried(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        found: Reusable,
        there: bool,
    ) -> Result<(), LoopError> {
        self.unsettled.insert(run.id());
        let phase = run.state.step(node).phase;
        if there && matches!(phase, StepPhase::Waiting | StepPhase::Ready) {
            return self.reuse(run, node, found, true);
        }
        Ok(())
    }

    fn reuse(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        found: Reusable,
        carried: bool,
    ) -> Result<(), LoopError> {
        let reused = StepReused {
            node,
            source: found.execution,
            source_run: found.run,
            outputs: found.outputs,
            refused: found.refused,
            carried,
            at: self.now,
        };
        self.record(run, Event::StepReused(reused.into()))
    }

    fn enqueue(&mut self, run: &mut ActiveRun, node: NodeId, queued: Queued) {
        run.stages.insert(node, Stage::Queued(Box::new(queued)));
        self.queue.offer(run.id(), node);
    }
}
