//! Timers of the loop: what it does when nothing but time passes.
//!
//! They live in memory, on a clock that never jumps. What a timer stands for is in its run's state,
//! out of which a new daemon sets it again; one that has become pointless strikes and changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use pipeline_plan::NodeId;
use run_engine::event::{Event, Timer};
use run_engine::ids::RunId;
use run_engine::seams::{Clock, Executor, Store};
use run_engine::state::StepPhase;

use super::active_run::ActiveRun;
use super::{Bench, LoopError, RunLoop};

/// What the loop waits for, the soonest first.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Duration, RunId, NodeId)>);

impl Timers {
    fn set(&mut self, due: Duration, run: RunId, node: NodeId) {
        self.0.insert((due, run, node));
    }

    /// Takes a timer that is due.
    fn take_due(&mut self, elapsed: Duration) -> Option<(RunId, NodeId)> {
        let (due, run, node) = self.0.first().copied()?;
        if due > elapsed {
            return None;
        }
        self.0.pop_first();
        Some((run, node))
    }

    /// When the next one is due.
    fn next(&self) -> Option<Duration> {
        self.0.first().map(|(due, ..)| *due)
    }
}

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// How long until a turn is due although nothing arrives; none if nothing waits for time.
    pub fn wait(&self) -> Option<Duration> {
        let due = self.bench.timers.next()?;
        Some(due.saturating_sub(self.bench.clock.elapsed()))
    }

    /// Steps whose time has come are looked at again; a question is too old.
    pub(super) fn strike(&mut self) -> Result<(), LoopError> {
        let elapsed = self.bench.clock.elapsed();
        while let Some((id, node)) = self.bench.timers.take_due(elapsed) {
            let Some(run) = self.runs.get_mut(&id) else {
                continue;
            };
            if run.state.step(node).phase == StepPhase::AwaitingApproval {
                self.bench.expire(run, node)?;
            } else {
                run.fresh.push_back(node);
                self.bench.unsettled.insert(id);
            }
        }
        Ok(())
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// Sets the timer that an event begins.
    pub(super) fn time(&mut self, run: RunId, event: &Event) {
        match event {
            Event::StepRetrying { node, next, .. } => self.set_timer(run, *node, *next),
            Event::ApprovalRequested(request) => {
                if let Some(expires) = request.expires {
                    self.set_timer(run, request.intent.node, expires);
                }
            }
            _ => {}
        }
    }

    /// Sets the timers of a run that an earlier daemon left.
    pub(super) fn time_again(&mut self, run: &ActiveRun) {
        for (node, timer) in run.state.backoff() {
            self.set_timer(run.id(), node, timer);
        }
        for (node, expires) in run.state.awaiting() {
            if let Some(expires) = expires {
                self.set_timer(run.id(), node, expires);
            }
        }
    }

    fn set_timer(&mut self, run: RunId, node: NodeId, timer: Timer) {
        let due = self.clock.elapsed() + timer.remaining(self.now);
        self.timers.set(due, run, node);
    }
}
