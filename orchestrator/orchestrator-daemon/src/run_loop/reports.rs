//! Reports: what the executor tells of steps and attempts.
//!
//! Every report may come late, twice, or of a run that is over. What is too late changes nothing.

use std::sync::Arc;

use run_engine::decide::{Input, decide};
use run_engine::ids::AttemptId;
use run_engine::seams::{Clock, Effect, Executor, Report, Store};

use super::active_run::{ActiveRun, Stage};
use super::{Bench, LoopError, RunLoop};

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// Takes a report.
    pub(super) fn report(&mut self, report: Report) -> Result<(), LoopError> {
        let bench = &mut self.bench;
        match report {
            Report::Prepared { run, node, result } => {
                let Some(run) = self.runs.get_mut(&run) else {
                    return Ok(());
                };
                if !matches!(run.stages.get(&node), Some(Stage::Preparing)) {
                    return Ok(());
                }
                run.stages.remove(&node);
                match result {
                    Ok(prepared) => bench.prepared(run, node, &prepared),
                    Err(failure) => bench.cannot_start(run, node, failure),
                }
            }
            Report::Verified { run, node, missing } => match self.runs.get_mut(&run) {
                Some(run) => bench.verified(run, node, missing.as_deref()),
                None => Ok(()),
            },
            Report::Launched {
                attempt,
                pid,
                adopted,
            } => match self.runs.get_mut(&attempt.run) {
                Some(run) => bench.launched(run, attempt, pid, adopted),
                None => Ok(()),
            },
            Report::Ended { attempt, report } => {
                let input = Input::Ended {
                    node: attempt.node,
                    attempt: attempt.number,
                    report: *report,
                };
                self.attempt_over(attempt, &input)
            }
            Report::Lost { attempt, proof } => {
                let input = Input::Lost {
                    node: attempt.node,
                    attempt: attempt.number,
                    proof,
                };
                self.attempt_over(attempt, &input)
            }
            Report::Stuck { attempt, pids } => match self.runs.get_mut(&attempt.run) {
                Some(run) => bench.stuck(run, attempt, pids),
                None => Ok(()),
            },
            Report::Waits { attempt, why } => {
                if let Some(run) = self.runs.get_mut(&attempt.run)
                    && run.is_live(attempt)
                {
                    run.held_up.insert(attempt.node, why);
                    bench.draft.changed.insert(attempt.run);
                }
                Ok(())
            }
            Report::Hindered { why } => {
                bench.hindrance = why;
                bench.draft.changed.extend(self.runs.keys());
                Ok(())
            }
        }
    }

    /// An attempt is over. Its keeper may forget it once that is durable, also if it is no news:
    /// then an earlier acknowledgement was lost.
    fn attempt_over(&mut self, attempt: AttemptId, input: &Input) -> Result<(), LoopError> {
        let bench = &mut self.bench;
        bench.left_behind.remove(&attempt);
        if let Some(run) = self.runs.get_mut(&attempt.run) {
            let started = run.state.live_attempt(attempt.node).cloned();
            for event in decide(&run.state, input, bench.now) {
                if let Some(started) = &started {
                    bench.note_success(attempt.run, &event, started);
                }
                bench.record(run, event)?;
            }
            if started.is_some_and(|started| started.attempt == attempt.number) {
                bench.release_version(attempt.run, attempt.node);
                run.inherited.remove(&attempt.node);
                Arc::make_mut(&mut run.pids).remove(&attempt.node);
                run.held_up.remove(&attempt.node);
            }
        }
        bench.draft.effects.push(Effect::Acknowledge(attempt));
        Ok(())
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// An attempt cannot be ended. In a run that does not wait for such ones it is left behind.
    fn stuck(
        &mut self,
        run: &mut ActiveRun,
        attempt: AttemptId,
        pids: Vec<u32>,
    ) -> Result<(), LoopError> {
        let input = Input::Stuck {
            node: attempt.node,
            attempt: attempt.number,
            pids,
        };
        for event in decide(&run.state, &input, self.now) {
            self.record(run, event)?;
        }
        run.forget_dead();
        Ok(())
    }

    fn launched(
        &mut self,
        run: &mut ActiveRun,
        attempt: AttemptId,
        pid: u32,
        adopted: bool,
    ) -> Result<(), LoopError> {
        if !run.is_live(attempt) {
            return Ok(());
        }
        Arc::make_mut(&mut run.pids).insert(attempt.node, pid);
        run.held_up.remove(&attempt.node);
        self.draft.changed.insert(run.id());
        let inherited = run.inherited.remove(&attempt.node);
        if !(inherited && adopted) {
            return Ok(());
        }
        let input = Input::Adopted {
            node: attempt.node,
            attempt: attempt.number,
        };
        for event in decide(&run.state, &input, self.now) {
            self.record(run, event)?;
        }
        Ok(())
    }
}
