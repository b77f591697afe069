//! Taking up what an earlier daemon left: journals are replayed, attempts asked for again.
//!
//! Launching is idempotent, so nothing has to be known of how far the earlier daemon got: an attempt
//! that runs is adopted, one that ended is told, one that never began is launched now, one whose
//! keeper is gone is told as lost. Afterwards the loop goes on as ever.

use run_engine::event::Event;
use run_engine::ids::AttemptId;
use run_engine::seams::{Clock, Effect, Executor, JournalEntry, LaunchTask, Lookups, Store};
use run_engine::state::{RunPhase, RunState};

use super::active_run::{ActiveRun, Queued};
use super::launching::demand;
use super::{Bench, LoopError, RunLoop, Turned};
use crate::resolve::RunContext;

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// Tells which attempts the keeper holds. One that no journal has as live was recorded by a daemon
    /// that died before it could acknowledge; it is let go when the journals are taken up.
    #[must_use]
    pub fn with_held(mut self, held: Vec<AttemptId>) -> Self {
        self.held = held;
        self
    }

    /// Takes up unfinished runs from their journals, in a turn of its own. It comes before any other.
    pub fn resume<J>(&mut self, journals: impl IntoIterator<Item = J>) -> Result<Turned, LoopError>
    where
        J: AsRef<[JournalEntry]>,
    {
        self.bench.begin();
        for journal in journals {
            let journal = journal.as_ref();
            let (Some(first), Some(last)) = (journal.first(), journal.last()) else {
                continue;
            };
            // The machine's clock may have been set back since; time in a journal does not go back.
            self.bench.now = self.bench.now.max(last.event.at());
            let state = RunState::replay(journal.iter().map(|entry| &entry.event));
            let state = state.map_err(|source| LoopError::Journal {
                run: first.run,
                source,
            })?;
            if !state.is_ended() {
                self.take_up(state)?;
            }
        }
        self.queue_again();
        self.let_go();
        self.finish()?;
        Ok(Turned {
            more: !self.bench.unsettled.is_empty(),
            stop: false,
        })
    }

    fn take_up(&mut self, state: RunState) -> Result<(), LoopError> {
        let bench = &mut self.bench;
        let created = state.created.clone();
        let context = RunContext::new(created, bench.resolve.clone());
        let mut run = ActiveRun::new(state, context);
        bench.running += run.state.running_count();
        let now = bench.now;
        bench.record(&mut run, Event::RunResumed { at: now })?;
        bench.find_carried(&mut run)?;
        bench.time_again(&run);
        bench.ask_for_attempts(&mut run);
        if run.state.phase == RunPhase::Cancelling {
            bench.kill_all(&run);
        }
        self.runs.insert(run.id(), run);
        Ok(())
    }

    /// Lets the keeper forget attempts that are over.
    fn let_go(&mut self) {
        for attempt in std::mem::take(&mut self.held) {
            let run = self.runs.get(&attempt.run);
            let live = run.and_then(|run| run.state.live_attempt(attempt.node));
            if live.is_none_or(|started| started.attempt != attempt.number) {
                if run.is_none() {
                    // It may be one that was left behind.
                    self.bench.left_behind.insert(attempt);
                }
                let effects = &mut self.bench.draft.effects;
                effects.push(Effect::Kill(attempt));
                effects.push(Effect::Acknowledge(attempt));
            }
        }
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// What the run is to carry over and has not yet. What is gone is an ordinary step.
    fn find_carried(&mut self, run: &mut ActiveRun) -> Result<(), LoopError> {
        if run.state.phase != RunPhase::Active {
            return Ok(());
        }
        let created = run.state.created.clone();
        for (node, execution) in &created.carried {
            let step = run.state.step(*node);
            if step.phase.is_ended() || !step.attempts.is_empty() {
                continue;
            }
            if let Some(found) = self.lookups().execution(*execution)? {
                run.carrying.fresh.push_back((*node, found));
            }
        }
        for node in created.carried_items.keys() {
            self.carry_items(run, *node)?;
        }
        Ok(())
    }

    fn ask_for_attempts(&mut self, run: &mut ActiveRun) {
        for node in run.state.running() {
            let Some(started) = run.state.live_attempt(node).cloned() else {
                continue;
            };
            self.hold_version(run.id(), &started);
            let demand = demand(run, node, &Queued::Again(started.clone()));
            self.queue
                .hold(run.id(), node, demand, started.gpus.clone());
            run.inherited.insert(node);
            let task = LaunchTask::new(&run.state.created, &run.state.tasks, &started);
            self.draft.effects.push(Effect::Launch(task));
        }
    }
}
