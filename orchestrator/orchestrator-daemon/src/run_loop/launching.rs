//! Launching: queued steps become attempts as slots are free.

use std::collections::BTreeSet;
use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::event::{Event, StepStarted};
use run_engine::ids::{ExecutionId, RunId};
use run_engine::launch::{Demand, RunLoad, Waiting};
use run_engine::reason::{Reason, ReasonCode};
use run_engine::seams::{Clock, Effect, Executor, LaunchTask, Lookups, Store};
use run_engine::state::RunState;

use super::active_run::{ActiveRun, Queued, Stage, Turn};
use super::{Bench, LoopError, RunLoop};
use crate::resolve::{Intent, PushTarget, Resolved, first_attempt, push_target, why_it_runs};

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// Starts what may start now; true if something else may follow from it.
    pub(super) fn launch(&mut self) -> Result<bool, LoopError> {
        if self.bench.hindrance.is_some() {
            return Ok(false);
        }
        let runs = &self.runs;
        let load = |id| {
            let run = runs.get(&id);
            run.map_or(
                RunLoad {
                    running: 0,
                    slots: 0,
                },
                |run: &ActiveRun| RunLoad {
                    running: run.state.running_count(),
                    slots: run.state.created.slots as usize,
                },
            )
        };
        let picked = self.bench.queue.pick(load, self.bench.running);
        let waits_otherwise = self.bench.queue.take_changed();
        self.bench.draft.changed.extend(waits_otherwise);
        let any = !picked.is_empty();
        for picked in picked {
            let (id, node) = (picked.run, picked.node);
            let Some(run) = self.runs.get_mut(&id) else {
                self.bench.queue.release(id, node);
                continue;
            };
            if self.bench.is_full() {
                self.bench.offer(run, node);
                self.bench.unsettled.insert(id);
                continue;
            }
            if let Some(Stage::Queued(queued)) = run.stages.remove(&node) {
                self.bench.start(run, node, *queued, picked.gpus)?;
            }
            if run.state.live_attempt(node).is_none() {
                // Something stands in for it after all.
                self.bench.queue.release(id, node);
            }
        }
        Ok(any && !self.bench.is_full())
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// What the steps of a run wait for that could run.
    pub(super) fn waiting(&self, run: &ActiveRun) -> Vec<Waiting> {
        let all = |why: &Reason, steps: BTreeSet<NodeId>| {
            let why = why.clone();
            vec![Waiting { why, steps }]
        };
        match (&run.turn, &self.hindrance) {
            (Turn::Waits(why), _) if run.waits_for_its_turn() => {
                all(why, run.state.ready().collect())
            }
            (_, Some(why)) => all(why, run.unlaunched().collect()),
            (_, None) => self.queue.waiting(run.id()),
        }
    }

    /// Puts a step that was picked back.
    fn offer(&mut self, run: &ActiveRun, node: NodeId) {
        self.queue.release(run.id(), node);
        if let Some(Stage::Queued(queued)) = run.stages.get(&node) {
            let demand = demand(run, node, queued);
            self.queue.offer(run.id(), node, demand);
        }
    }

    fn start(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        queued: Queued,
        gpus: Vec<u32>,
    ) -> Result<(), LoopError> {
        match queued {
            Queued::Again(last) => {
                let started = self.next_attempt(&run.state, &last);
                self.start_attempt(run, StepStarted { gpus, ..started })
            }
            Queued::First { resolved, reason } => {
                // While it waited, another run may have done the same.
                if let Some(found) = self.find_reusable(&resolved)? {
                    return self.reuse_or_verify(run, node, resolved, found);
                }
                let started = self.first_attempt(run, node, &resolved, (reason, gpus))?;
                self.start_attempt(run, started)
            }
        }
    }

    pub(super) fn first_attempt(
        &mut self,
        run: &ActiveRun,
        node: NodeId,
        resolved: &Resolved,
        (reason, gpus): (Option<Reason>, Vec<u32>),
    ) -> Result<StepStarted, LoopError> {
        let context = &run.context;
        let (planned, name) = (run.state.planned(node), run.state.name(node));
        let reason = match reason {
            Some(reason) => reason,
            None => why_it_runs(context, (planned, &name), resolved, &self.lookups())?,
        };
        let intent = Intent {
            execution: ExecutionId::new(self.clock.new_id()),
            keeper: self.executor.keeper(),
            push_version: self.push_version(run, node, resolved)?,
            gpus,
            reason,
            at: self.now,
        };
        Ok(first_attempt(&run.state, node, resolved, intent))
    }

    /// The attempt after one that failed or was lost, with everything that was recorded for that one.
    fn next_attempt(&self, state: &RunState, last: &StepStarted) -> StepStarted {
        let attempts = &state.step(last.node).attempts;
        let end = attempts.last().and_then(|attempt| attempt.end.as_ref());
        let reason = if let Some(failure) = end.and_then(|end| end.failure.as_ref()) {
            let text = format!("attempt {} failed: {}", last.attempt, failure.message);
            Reason::new(ReasonCode::Retried, text, &failure.code)
        } else {
            let text = "its last attempt was lost with the keeper or the machine";
            Reason::new(ReasonCode::Lost, text, "")
        };
        StepStarted {
            attempt: attempts.len() as u32 + 1,
            keeper: self.executor.keeper(),
            reason,
            at: self.now,
            ..last.clone()
        }
    }

    fn start_attempt(
        &mut self,
        run: &mut ActiveRun,
        started: StepStarted,
    ) -> Result<(), LoopError> {
        let started = Arc::new(started);
        self.record(run, Event::StepStarted(Arc::clone(&started)))?;
        self.hold_version(run.id(), &started);
        let task = LaunchTask::new(&run.state.created, &run.state.tasks, &started);
        self.draft.effects.push(Effect::Launch(task));
        Ok(())
    }

    /// The version of a push: the run's start in unix seconds, or above what was pushed before.
    /// A push in progress counts as pushed.
    fn push_version(
        &self,
        run: &ActiveRun,
        node: NodeId,
        resolved: &Resolved,
    ) -> Result<Option<i64>, LoopError> {
        let Some(target) = push_target(run.state.planned(node), resolved) else {
            return Ok(None);
        };
        let start = run.state.started_at.unwrap_or(self.now).timestamp();
        let PushTarget { destination, model } = &target;
        let recorded = self.lookups().newest_push(destination, model)?;
        let live = self.live_pushes.values();
        let live = live.filter(|(other, _)| *other == target);
        let newest = recorded.max(live.map(|(_, version)| *version).max());
        Ok(Some(newest.map_or(start, |newest| start.max(newest + 1))))
    }

    /// A push began: its version is taken.
    pub(super) fn hold_version(&mut self, run: RunId, started: &StepStarted) {
        if let Some(version) = started.push_version
            && let Some(target) = PushTarget::of(started)
        {
            self.live_pushes
                .insert((run, started.node), (target, version));
        }
    }

    /// An attempt ended: if it was a push, its version is free unless it was published.
    pub(super) fn release_version(&mut self, run: RunId, node: NodeId) {
        self.live_pushes.remove(&(run, node));
    }
}

/// What a queued step asks for beside a slot.
pub(super) fn demand(run: &ActiveRun, node: NodeId, queued: &Queued) -> Demand {
    let planned = run.state.planned(node);
    let key = match queued {
        Queued::First { resolved, .. } => &resolved.key,
        Queued::Again(last) => &last.key,
    };
    Demand {
        alone: planned.checkpoint.then(|| key.digest()),
        ..Demand::of(planned)
    }
}
