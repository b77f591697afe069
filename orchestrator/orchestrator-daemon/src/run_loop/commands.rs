//! Commands: a run is made or ended.

use std::sync::Arc;

use run_engine::decide::{Input, decide};
use run_engine::event::{Event, RunCreated, RunEnd};
use run_engine::ids::{AttemptId, RunId};
use run_engine::seams::{Clock, Effect, Executor, Lookups, Store};
use run_engine::state::{RunPhase, RunState};

use super::active_run::ActiveRun;
use super::draft::Reply;
use super::limits::UNFINISHED_RUNS_MAX;
use super::{LoopError, RunLoop};
use crate::command::{Command, CommandError, Created, NewRun};
use crate::resolve::RunContext;

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// Carries out a command; true if the loop is to end.
    pub(super) fn command(&mut self, command: Command) -> Result<bool, LoopError> {
        match command {
            Command::Create { run, id, reply } => {
                let answer = self.create(*run, id)?;
                self.bench.draft.replies.push(Reply::Created(reply, answer));
            }
            Command::Cancel {
                run,
                abandon,
                reply,
            } => {
                let input = if abandon {
                    Input::Abandon
                } else {
                    Input::Cancel
                };
                let answer = self.cancel(run, &input)?;
                self.bench.draft.replies.push(Reply::Done(reply, answer));
            }
            Command::Answer { run, answer, reply } => {
                let answer = self.answer(run, answer)?;
                self.bench.draft.replies.push(Reply::Done(reply, answer));
            }
            Command::Ping { reply } => {
                // Whoever asked may have gone away.
                let _ = reply.send(());
            }
            Command::Stop => return Ok(true),
        }
        Ok(false)
    }

    fn create(
        &mut self,
        new: NewRun,
        id: Option<RunId>,
    ) -> Result<Result<Created, CommandError>, LoopError> {
        if new.attach
            && let Some(run) = self.same_as(&new)
        {
            let attached = true;
            return Ok(Ok(Created { run, attached }));
        }
        if let Some(retried) = new.retry_of
            && self.runs.contains_key(&retried)
        {
            return Ok(Err(CommandError::StillLive(retried)));
        }
        if let Some(error) = new
            .retry_of
            .and_then(|retried| self.left_behind(&new, retried))
        {
            return Ok(Err(error));
        }
        if self.runs.len() >= UNFINISHED_RUNS_MAX {
            let runs = self.runs.len();
            return Ok(Err(CommandError::TooManyRuns { runs }));
        }
        let turn = match self.turn_of(&new)? {
            Ok(turn) => turn,
            Err(error) => return Ok(Err(error)),
        };
        let run = id.unwrap_or_else(|| RunId(self.bench.clock.new_id()));
        let settings = &self.bench.settings;
        let created = Arc::new(RunCreated {
            run,
            plan: new.plan,
            plan_id: new.plan_id,
            pipeline_file: new.pipeline_file,
            params: new.params,
            trigger: new.trigger,
            retry_of: new.retry_of,
            carried: new.carried,
            carried_items: new.carried_items,
            forced: new.forced,
            selected: new.selected,
            slots: new.slots.max(1),
            environment: new.environment,
            git: new.git,
            ropewalk_version: settings.ropewalk_version.clone(),
            host: settings.host.clone(),
            at: self.bench.now,
        });
        let context = RunContext::new(Arc::clone(&created), Arc::clone(&self.bench.resolve));
        let mut active = ActiveRun::new(RunState::new(Arc::clone(&created)), context);
        active.turn = turn;
        for (node, execution) in &created.carried {
            let Some(found) = self.bench.lookups().execution(*execution)? else {
                return Ok(Err(CommandError::Gone {
                    run: new.retry_of.unwrap_or(run),
                    step: created.plan.node(*node).id.clone(),
                }));
            };
            active.carrying.fresh.push_back((*node, found));
        }
        self.bench.append(&mut active, Event::RunCreated(created));
        self.runs.insert(run, active);
        let attached = false;
        Ok(Ok(Created { run, attached }))
    }

    /// An attempt of a finished run that was left behind and of whose end nothing was heard.
    fn left_behind(&self, new: &NewRun, retried: RunId) -> Option<CommandError> {
        let mut left = self.bench.left_behind.iter();
        let attempt = left.find(|attempt| attempt.run == retried)?;
        let mut nodes = new.plan.nodes.iter();
        // An attempt of an item has a number behind those of the plan.
        let node = new.plan.nodes.get(attempt.node.0 as usize);
        let node = node.or_else(|| nodes.find(|node| node.foreach.is_some()));
        Some(CommandError::Abandoned {
            run: retried,
            step: node.map(|node| node.id.clone()).unwrap_or_default(),
        })
    }

    /// An unfinished run that does what a new one would. One that is being cancelled does not, nor one
    /// that may reuse what the new one is to run.
    fn same_as(&self, new: &NewRun) -> Option<RunId> {
        let mut runs = self.runs.values();
        let same = runs.find(|run| {
            let created = &run.state.created;
            run.state.is_going()
                && run.state.phase != RunPhase::Finishing(RunEnd::Cancelled)
                && created.plan_id == new.plan_id
                && created.pipeline_file == new.pipeline_file
                && created.params == new.params
                && created.selected == new.selected
                && new.forced.is_subset(&created.forced)
        });
        same.map(ActiveRun::id)
    }

    pub(super) fn cancel(
        &mut self,
        id: RunId,
        input: &Input,
    ) -> Result<Result<(), CommandError>, LoopError> {
        let Some(run) = self.runs.get_mut(&id) else {
            return Ok(Err(CommandError::Ended(id)));
        };
        let bench = &mut self.bench;
        let events = decide(&run.state, input, bench.now);
        if events.is_empty() {
            // It is being cancelled already, or ended in this very turn.
            return Ok(Ok(()));
        }
        for event in events {
            bench.record(run, event)?;
        }
        run.forget_dead();
        run.forget_waiting();
        bench.queue.forget(id);
        bench.kill_all(run);
        Ok(Ok(()))
    }
}

impl<S: Store, E: Executor, C: Clock> super::Bench<S, E, C> {
    /// Ends every live attempt of a run.
    pub(super) fn kill_all(&mut self, run: &ActiveRun) {
        let id = run.id();
        let attempts = run.state.running().filter_map(|node| {
            let number = run.state.live_attempt(node)?.attempt;
            Some(Effect::Kill(AttemptId {
                run: id,
                node,
                number,
            }))
        });
        self.draft.effects.extend(attempts);
    }
}
