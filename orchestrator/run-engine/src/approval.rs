//! Steps that ask a person: the question, and whatever answer comes first.
//!
//! It does not know who may answer, nor how they are told.

use std::sync::Arc;

use pipeline_plan::{Action, NodeId};

use crate::apply::ApplyError;
use crate::artifact::Outputs;
use crate::event::{ApprovalRequest, Decision, Verdict};
use crate::state::{Approval, RunState, StepPhase};

impl RunState {
    /// A step asks.
    pub(crate) fn ask(
        &mut self,
        request: &Arc<ApprovalRequest>,
        event: &'static str,
    ) -> Result<(), ApplyError> {
        let node = request.intent.node;
        self.expect_turn(node, event)?;
        self.expect(node, &[StepPhase::Ready], event)?;
        let is_question = matches!(self.planned(node).action, Action::Approve(_));
        if !is_question || self.is_list(node) {
            return Err(self.illegal(node, event));
        }
        let step = self.steps.get_mut(node.0 as usize);
        step.phase = StepPhase::AwaitingApproval;
        step.execution = Some(request.intent.execution);
        step.reason = Some(request.reason());
        step.approval = Some(Arc::new(Approval {
            request: Arc::clone(request),
            decision: None,
        }));
        self.ready.remove(&node);
        self.awaiting.insert(node, request.expires);
        Ok(())
    }

    /// Nothing else is left.
    pub(crate) fn wait_for_people(&mut self, event: &'static str) -> Result<(), ApplyError> {
        if self.waits || !self.only_approvals_left() {
            return Err(self.illegal_for_run(event));
        }
        self.waits = true;
        Ok(())
    }

    /// The question is answered, or too old.
    pub(crate) fn answer(
        &mut self,
        node: NodeId,
        decision: &Arc<Decision>,
        outputs: &Arc<Outputs>,
        event: &'static str,
    ) -> Result<(), ApplyError> {
        self.expect_turn(node, event)?;
        let asked = self.expect(node, &[StepPhase::AwaitingApproval], event)?;
        let Some(request) = asked
            .approval
            .as_ref()
            .map(|asked| Arc::clone(&asked.request))
        else {
            return Err(self.illegal(node, event));
        };
        let step = self.steps.get_mut(node.0 as usize);
        step.reason = Some(decision.reason());
        step.outputs = Some(Arc::clone(outputs));
        step.approval = Some(Arc::new(Approval {
            request,
            decision: Some(Arc::clone(decision)),
        }));
        let phase = match decision.verdict {
            Verdict::Approved => StepPhase::Succeeded,
            Verdict::Rejected | Verdict::Expired => StepPhase::Refused,
        };
        self.end_step(node, phase, decision.at);
        Ok(())
    }
}
