//! Reusing: an earlier execution stands in for a step, once its outputs were looked at.
//!
//! A retry carries steps over by the same way, without a look at their keys, and so does a run that is
//! made of some steps only, for what these take of the others. It does not know how a
//! key is made, nor how files are looked at.

use pipeline_plan::{Action, NodeId};
use run_engine::event::{Carried, Event, StepReused};
use run_engine::reason::Reason;
use run_engine::seams::{Clock, Effect, Executor, Lookups, Reusable, Store, VerifyTask};
use run_engine::state::StepPhase;

use super::active_run::{ActiveRun, Queued, Stage, Verifying};
use super::{Bench, LoopError};
use crate::resolve::{Resolved, gone};

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
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
        self.go_on(run, node, resolved, reason)
    }

    /// A step for which nothing stands in: it asks, or waits for a slot.
    fn go_on(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        resolved: Box<Resolved>,
        reason: Option<Reason>,
    ) -> Result<(), LoopError> {
        if matches!(run.state.planned(node).action, Action::Approve(_)) {
            return self.ask(run, node, &resolved, reason);
        }
        self.enqueue(run, node, Queued::First { resolved, reason })
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
            return self.reuse(run, node, found, None);
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
            return self.reuse(run, node, found, None);
        };
        if let Some(key) = resolved.reuse.looked_up() {
            self.draft.forget_key(key);
            self.forgotten_keys += 1;
        }
        self.go_on(run, node, resolved, Some(gone(missing)))
    }

    /// A retry carries a step over, once what it gave was looked at.
    pub(super) fn carry(
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

    /// Items of an expanded step that are carried over, as far as they have not been settled.
    pub(super) fn carry_items(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
    ) -> Result<(), LoopError> {
        let created = run.state.created.clone();
        let (Some(expansion), Some(carried)) = (
            run.state.tasks.of_step(node).cloned(),
            created.carried_items.get(&node),
        ) else {
            return Ok(());
        };
        for carried in carried {
            let task = NodeId(expansion.first + carried.item.index);
            if expansion.items.get(carried.item.index as usize) != Some(&carried.item.value) {
                continue;
            }
            let step = run.state.step(task);
            if step.phase.is_ended() || !step.attempts.is_empty() {
                continue;
            }
            if let Some(found) = self.lookups().execution(carried.execution)? {
                run.carrying.fresh.push_back((task, found));
            }
        }
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
            let why = run.state.created.carries(run.state.tasks.step(node));
            return self.reuse(run, node, found, why);
        }
        Ok(())
    }

    fn reuse(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        found: Reusable,
        carried: Option<Carried>,
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
}
