//! Questions to people: asked, answered, or left until it is too late.
//!
//! It does not know who may answer, nor how a blessing is written: what an approval gives is handed in.

use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::artifact::Outputs;
use run_engine::decide::{Input, decide};
use run_engine::event::{ApprovalRequest, Decision, Event, StepStarted, Timer, Verdict};
use run_engine::ids::RunId;
use run_engine::reason::Reason;
use run_engine::seams::{Clock, Executor, Reusable, Store};

use super::active_run::ActiveRun;
use super::{Bench, LoopError, RunLoop};
use crate::command::{CommandError, PersonsAnswer};
use crate::resolve::{Resolved, question};

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// A person answers. The first answer counts.
    pub(super) fn answer(
        &mut self,
        id: RunId,
        answer: PersonsAnswer,
    ) -> Result<Result<(), CommandError>, LoopError> {
        let Some(run) = self.runs.get_mut(&id) else {
            return Ok(Err(CommandError::Ended(id)));
        };
        let decision = Decision {
            verdict: if answer.approves {
                Verdict::Approved
            } else {
                Verdict::Rejected
            },
            by: answer.by,
            comment: answer.comment,
            at: self.bench.now,
        };
        let decided = self
            .bench
            .decided(run, answer.node, decision, answer.outputs)?;
        Ok(if decided {
            Ok(())
        } else {
            let known = (answer.node.0 as usize) < run.state.steps.len();
            let step = known.then(|| run.state.name(answer.node));
            let step = step.unwrap_or_default();
            Err(CommandError::NotAsked { run: id, step })
        })
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// A step asks.
    pub(super) fn ask(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        resolved: &Resolved,
        reason: Option<Reason>,
    ) -> Result<(), LoopError> {
        let intent = self.first_attempt(run, node, resolved, (reason, Vec::new()))?;
        let policy = &run.state.planned(node).policy;
        let request = ApprovalRequest {
            expires: policy.timeout_ms.map(|ms| Timer::after(self.now, ms)),
            message: question(resolved),
            // Nothing is launched.
            intent: Arc::new(StepStarted {
                attempt: 0,
                keeper: String::new(),
                ..intent
            }),
        };
        self.record(run, Event::ApprovalRequested(Arc::new(request)))
    }

    /// It is too late for an answer.
    pub(super) fn expire(&mut self, run: &mut ActiveRun, node: NodeId) -> Result<(), LoopError> {
        let decision = Decision {
            verdict: Verdict::Expired,
            by: String::new(),
            comment: String::new(),
            at: self.now,
        };
        self.decided(run, node, decision, Arc::default()).map(drop)
    }

    /// True if the step was waiting for that.
    fn decided(
        &mut self,
        run: &mut ActiveRun,
        node: NodeId,
        decision: Decision,
        outputs: Arc<Outputs>,
    ) -> Result<bool, LoopError> {
        let approved = decision.verdict == Verdict::Approved;
        let input = Input::Decided {
            node,
            decision: Arc::new(decision),
            outputs: Arc::clone(&outputs),
        };
        let events = decide(&run.state, &input, self.now);
        if events.is_empty() {
            return Ok(false);
        }
        for event in events {
            self.record(run, event)?;
        }
        let asked = run.state.step(node).approval.clone();
        if let Some(asked) = asked.filter(|_| approved)
            && let Some(key) = &asked.request.intent.reuse_key
        {
            let found = Reusable {
                execution: asked.request.intent.execution,
                run: run.id(),
                outputs,
                refused: None,
            };
            self.draft.remember(key, found);
        }
        Ok(true)
    }
}
