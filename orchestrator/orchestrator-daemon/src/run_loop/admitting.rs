//! How many runs of a pipeline run at once: `concurrency:`.
//!
//! A run that is one too many exists and waits; nothing of it begins. Whose turn it is follows from the
//! unfinished runs alone, the oldest first, so that no event has to say it and a new daemon finds the same.

use std::collections::BTreeMap;

use pipeline_plan::{Concurrency, WhenBusy};
use run_engine::decide::Input;
use run_engine::ids::RunId;
use run_engine::reason::{Reason, ReasonCode};
use run_engine::seams::{Clock, Executor, Store};
use run_engine::state::RunPhase;

use super::active_run::{ActiveRun, Turn};
use super::{LoopError, RunLoop};
use crate::command::{CommandError, NewRun};

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// Whether a new run may begin at once, must wait, or is not made at all.
    pub(super) fn turn_of(
        &mut self,
        new: &NewRun,
    ) -> Result<Result<Turn, CommandError>, LoopError> {
        let Some(concurrency) = new.plan.concurrency else {
            return Ok(Ok(Turn::Begun));
        };
        let (begun, waiting) = self.of_pipeline(&new.plan.name);
        if begun.len() < concurrency.max_runs as usize {
            return Ok(Ok(Turn::Begun));
        }
        match concurrency.when_busy {
            WhenBusy::Queue => {}
            WhenBusy::Skip => {
                return Ok(Err(CommandError::Busy {
                    pipeline: new.plan.name.clone(),
                    run: begun[0],
                }));
            }
            WhenBusy::CancelRunning => self.make_room(concurrency, begun.clone(), waiting)?,
        }
        Ok(Ok(Turn::Waits(waits_for(begun[0], concurrency))))
    }

    /// The unfinished runs of a pipeline, the oldest first: those that have begun, and those that wait.
    fn of_pipeline(&self, pipeline: &str) -> (Vec<RunId>, Vec<RunId>) {
        let runs = self.runs.values();
        let own = runs.filter(|run| run.state.plan().name == pipeline && !run.state.is_ended());
        let (waiting, begun): (Vec<&ActiveRun>, Vec<&ActiveRun>) =
            own.partition(|run| run.waits_for_its_turn());
        let ids = |runs: Vec<&ActiveRun>| runs.into_iter().map(ActiveRun::id).collect();
        (ids(begun), ids(waiting))
    }

    /// Cancels the oldest runs until one more may run when they have ended, and those that wait: the
    /// new one takes their turn.
    fn make_room(
        &mut self,
        concurrency: Concurrency,
        begun: Vec<RunId>,
        waiting: Vec<RunId>,
    ) -> Result<(), LoopError> {
        let too_many = (begun.len() + 1).saturating_sub(concurrency.max_runs as usize);
        for run in begun.into_iter().take(too_many).chain(waiting) {
            // One that is about to end anyway is left to it: a second request would skip its `finally`.
            let is_active = |run: &ActiveRun| run.state.phase == RunPhase::Active;
            if self.runs.get(&run).is_some_and(is_active) {
                // What cannot be cancelled has ended.
                let _ = self.cancel(run, &Input::Cancel)?;
            }
        }
        Ok(())
    }

    /// Lets runs begin whose turn it is; whether there was any.
    pub(super) fn admit(&mut self) -> bool {
        let waits = |run: &ActiveRun| run.waits_for_its_turn();
        if !self.runs.values().any(waits) {
            return false;
        }
        let mut begun: BTreeMap<String, (usize, RunId)> = BTreeMap::new();
        for run in self.runs.values().filter(|run| !run.state.is_ended()) {
            if !run.waits_for_its_turn() {
                let name = run.state.plan().name.clone();
                begun.entry(name).or_insert((0, run.id())).0 += 1;
            }
        }
        let mut any = false;
        for (id, run) in &mut self.runs {
            let Some(concurrency) = run.state.plan().concurrency else {
                continue;
            };
            if !run.waits_for_its_turn() {
                continue;
            }
            let name = run.state.plan().name.clone();
            let (count, oldest) = begun.entry(name).or_insert((0, *id));
            if *count < concurrency.max_runs as usize {
                *count += 1;
                run.turn = Turn::Begun;
                self.bench.unsettled.insert(*id);
                self.bench.draft.changed.insert(*id);
                any = true;
            } else {
                let turn = Turn::Waits(waits_for(*oldest, concurrency));
                if run.turn != turn {
                    run.turn = turn;
                    self.bench.draft.changed.insert(*id);
                }
            }
        }
        any
    }

    /// Runs that an earlier daemon left and of which nothing has begun wait for their turn again.
    pub(super) fn queue_again(&mut self) {
        for run in self.runs.values_mut() {
            let untouched = run.state.started_at.is_none() && run.state.ended_count() == 0;
            if let Some(concurrency) = run.state.plan().concurrency.filter(|_| untouched) {
                run.turn = Turn::Waits(waits_for(run.id(), concurrency));
            }
        }
    }
}

/// Why a run waits.
fn waits_for(oldest: RunId, concurrency: Concurrency) -> Reason {
    let text = format!(
        "run {oldest} of this pipeline has not ended, and `max_runs` is {}",
        concurrency.max_runs
    );
    Reason::new(ReasonCode::Slots, text, oldest.to_string())
}
