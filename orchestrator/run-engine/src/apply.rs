//! The one way a run's state changes: a total match on what is and what happened.
//!
//! An event that cannot follow is an error value, so that a corrupt journal is a sentence and
//! not a panic. It does not know why an event was decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::{Action, NodeId};
use thiserror::Error;

use crate::event::{Event, Exit, RunCreated, RunEnd, StepReused, StepStarted, Verdict};
use crate::finally::awaited;
use crate::pages::Pages;
use crate::reason::{Failure, Reason, abandoned, stuck};
use crate::state::{Attempt, AttemptEnd, AttemptEndKind, RunPhase, RunState, Step, StepPhase};
use crate::tasks::Tasks;

/// An event that cannot happen to this run as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// The journal does not begin with the run's creation, or has it twice.
    #[error("a journal begins with `run_created`, once")]
    NotCreated,
    /// The event names a step that the plan does not have.
    #[error("the plan has no step number {}", .0.0)]
    UnknownStep(NodeId),
    /// The step is in a phase in which this does not happen.
    #[error("step `{step}` is {phase:?}: {event} cannot follow")]
    Illegal {
        /// The step's id.
        step: String,
        /// Its phase before the event.
        phase: StepPhase,
        /// The event's name.
        event: &'static str,
    },
    /// The event is about another attempt than the live one.
    #[error("step `{step}`: {event} names attempt {attempt}, which does not live")]
    StaleAttempt {
        /// The step's id.
        step: String,
        /// The attempt that the event names.
        attempt: u32,
        /// The event's name.
        event: &'static str,
    },
    /// The run is over, or is not in a phase in which this happens.
    #[error("the run is {phase:?}: {event} cannot follow")]
    IllegalForRun {
        /// The run's phase before the event.
        phase: RunPhase,
        /// The event's name.
        event: &'static str,
    },
}

impl RunState {
    /// A run's first state. Steps that it is not made of are doomed from the first.
    pub fn new(created: Arc<RunCreated>) -> Self {
        let plan = &created.plan;
        let mut dependents = vec![Vec::new(); plan.nodes.len()];
        let mut open_needs = Vec::with_capacity(plan.nodes.len());
        let mut ready = BTreeSet::new();
        let mut newly_ready = Vec::new();
        let mut doomed = BTreeSet::new();
        let mut steps = vec![Step::default(); plan.nodes.len()];
        for (node, id) in plan.nodes.iter().zip(plan.node_ids()) {
            let mut open = u32::from(node.finally);
            for need in awaited(plan, id) {
                dependents[need.0 as usize].push(id);
                open += 1;
            }
            open_needs.push(open);
            if created.leaves_out(id) {
                doomed.insert(id);
            } else if open == 0 {
                ready.insert(id);
                newly_ready.push(id);
                steps[id.0 as usize].phase = StepPhase::Ready;
            }
        }
        Self {
            phase: RunPhase::Active,
            unfinished: steps.len(),
            ordinary: plan.nodes.iter().filter(|node| !node.finally).count(),
            finally_waits: plan.nodes.iter().any(|node| node.finally),
            steps: Pages::new(&steps),
            tasks: Tasks::new(plan.nodes.len()),
            expanding: BTreeMap::new(),
            started_at: None,
            ended_at: None,
            ready,
            newly_ready,
            doomed,
            running: BTreeSet::new(),
            backoff: BTreeMap::new(),
            abandons: false,
            awaiting: BTreeMap::new(),
            waits: false,
            open_needs,
            dependents: Arc::new(dependents),
            failed: 0,
            refused: 0,
            created,
        }
    }

    /// A run's state after these events, the first of which created it.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self, ApplyError> {
        let mut events = events.into_iter();
        let Some(Event::RunCreated(created)) = events.next() else {
            return Err(ApplyError::NotCreated);
        };
        let mut state = Self::new(Arc::clone(created));
        for event in events {
            state.apply(event)?;
        }
        Ok(state)
    }

    /// The state after one more event. After an error the state is as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), ApplyError> {
        let name = event_name(event);
        if self.is_ended() {
            return Err(self.illegal_for_run(name));
        }
        match event {
            Event::RunCreated(_) => Err(ApplyError::NotCreated),
            Event::RunResumed { .. } => Ok(()),
            Event::RunCancelling { abandon, at } => self.cancel(*abandon, *at, name),
            Event::RunEnded { end, at } => self.end_run(*end, *at, name),
            Event::StepStarted(started) => self.start(started, name),
            Event::StepAdopted { node, attempt, .. } => {
                self.expect_live(*node, *attempt, name).map(|_| ())
            }
            Event::StepReused(reused) => self.reuse(reused, name),
            Event::StepSkipped { node, reason, at } => self.skip(*node, reason, *at, name),
            Event::StepSucceeded(ended) => {
                let end = attempt_end(AttemptEndKind::Succeeded, Some(ended.exit), None, ended.at);
                self.end_attempt(ended.node, ended.attempt, end, name)?;
                self.steps.get_mut(ended.node.0 as usize).outputs =
                    Some(Arc::clone(&ended.outputs));
                self.end_step(ended.node, StepPhase::Succeeded, ended.at);
                Ok(())
            }
            Event::StepRefused { ended, reason } => {
                let end = attempt_end(AttemptEndKind::Refused, Some(ended.exit), None, ended.at);
                self.end_attempt(ended.node, ended.attempt, end, name)?;
                let step = self.steps.get_mut(ended.node.0 as usize);
                step.outputs = Some(Arc::clone(&ended.outputs));
                step.reason = Some(reason.clone());
                self.end_step(ended.node, StepPhase::Refused, ended.at);
                Ok(())
            }
            Event::StepFailed {
                node,
                attempt,
                failure,
                exit,
                at,
            } => self.fail(*node, *attempt, failure, *exit, *at),
            Event::StepRetrying {
                node,
                attempt,
                failure,
                exit,
                next,
                at,
            } => {
                self.expect_turn(*node, name)?;
                let end = attempt_end(AttemptEndKind::Failed, *exit, Some(failure.clone()), *at);
                self.end_attempt(*node, *attempt, end, name)?;
                let step = self.steps.get_mut(node.0 as usize);
                step.phase = StepPhase::Backoff;
                step.reason = Some(failure.retrying(*attempt, *next));
                self.backoff.insert(*node, *next);
                Ok(())
            }
            Event::StepLost {
                node, attempt, at, ..
            } => {
                let end = attempt_end(AttemptEndKind::Lost, None, None, *at);
                self.end_attempt(*node, *attempt, end, name)?;
                self.steps.get_mut(node.0 as usize).phase = StepPhase::Ready;
                self.ready.insert(*node);
                self.newly_ready.push(*node);
                self.turn_to_finally(*at);
                Ok(())
            }
            Event::StepStuck {
                node,
                attempt,
                pids,
                ..
            } => self.stick(*node, *attempt, pids, name),
            Event::StepAbandoned { node, attempt, at } => self.abandon(*node, *attempt, *at, name),
            Event::StepExpanded { node, items, at } => self.expand(*node, items, *at, name),
            Event::ApprovalRequested(request) => self.ask(request, name),
            Event::ApprovalDecided {
                node,
                decision,
                outputs,
                ..
            } => self.answer(*node, decision, outputs, name),
            Event::RunWaiting { .. } => self.wait_for_people(name),
            Event::StepCancelled {
                node,
                attempt,
                exit,
                at,
            } => {
                // A step that ends so in a run that goes on would count as neither good nor bad.
                self.expect_phase(RunPhase::Cancelling, name)?;
                let end = attempt_end(AttemptEndKind::Cancelled, *exit, None, *at);
                self.end_attempt(*node, *attempt, end, name)?;
                self.end_step(*node, StepPhase::Cancelled, *at);
                Ok(())
            }
        }
    }

    fn start(&mut self, started: &Arc<StepStarted>, name: &'static str) -> Result<(), ApplyError> {
        self.expect_turn(started.node, name)?;
        let step = self.expect(started.node, &[StepPhase::Ready, StepPhase::Backoff], name)?;
        let next = step.attempts.len() as u32 + 1;
        let is_question = matches!(self.planned(started.node).action, Action::Approve(_));
        if is_question || self.is_list(started.node) {
            return Err(self.illegal(started.node, name));
        }
        if started.attempt != next {
            return Err(self.stale(started.node, started.attempt, name));
        }
        let step = self.steps.get_mut(started.node.0 as usize);
        step.phase = StepPhase::Running;
        step.execution = Some(started.execution);
        step.reason = Some(started.reason.clone());
        step.attempts.push(Attempt {
            started: Arc::clone(started),
            end: None,
        });
        self.ready.remove(&started.node);
        self.backoff.remove(&started.node);
        self.running.insert(started.node);
        self.started_at.get_or_insert(started.at);
        Ok(())
    }

    fn reuse(&mut self, reused: &StepReused, name: &'static str) -> Result<(), ApplyError> {
        self.expect_turn(reused.node, name)?;
        // A retry carries over steps before their needs have ended in this run.
        let legal: &[StepPhase] = if reused.carried.is_some() {
            &[StepPhase::Ready, StepPhase::Waiting]
        } else {
            &[StepPhase::Ready]
        };
        let step = self.expect(reused.node, legal, name)?;
        if !step.attempts.is_empty() || self.is_list(reused.node) {
            // They belong to an execution of this run, which the reused one would take the place of.
            return Err(self.illegal(reused.node, name));
        }
        let step = self.steps.get_mut(reused.node.0 as usize);
        step.outputs = Some(Arc::clone(&reused.outputs));
        step.reused_from = Some(reused.source_run);
        step.execution = Some(reused.source);
        step.reason = Some(reused.reason());
        let phase = match reused.refused {
            Some(_) => StepPhase::Refused,
            None => StepPhase::Reused,
        };
        self.end_step(reused.node, phase, reused.at);
        Ok(())
    }

    fn skip(
        &mut self,
        node: NodeId,
        reason: &Reason,
        at: DateTime<Utc>,
        name: &'static str,
    ) -> Result<(), ApplyError> {
        self.expect_turn(node, name)?;
        let step = self.expect(node, &[StepPhase::Waiting, StepPhase::Ready], name)?;
        let planned = self.planned(node);
        let is_legal = match step.phase {
            StepPhase::Waiting => self.doomed.contains(&node),
            // Only when it is its turn it shows whether it is to run and has what it takes.
            _ => step.attempts.is_empty() && (planned.condition.is_some() || planned.finally),
        };
        if !is_legal {
            return Err(self.illegal(node, name));
        }
        self.steps.get_mut(node.0 as usize).reason = Some(reason.clone());
        self.end_step(node, StepPhase::Skipped, at);
        Ok(())
    }

    fn fail(
        &mut self,
        node: NodeId,
        attempt: Option<u32>,
        failure: &Failure,
        exit: Option<Exit>,
        at: DateTime<Utc>,
    ) -> Result<(), ApplyError> {
        let name = "step_failed";
        if let Some(attempt) = attempt {
            let end = attempt_end(AttemptEndKind::Failed, exit, Some(failure.clone()), at);
            self.end_attempt(node, attempt, end, name)?;
        } else {
            self.expect_turn(node, name)?;
            self.expect(node, &[StepPhase::Ready], name)?;
        }
        let step = self.steps.get_mut(node.0 as usize);
        step.reason = Some(failure.reason(exit));
        step.failure = attempt.is_none().then(|| Box::new(failure.clone()));
        self.end_step(node, StepPhase::Failed, at);
        Ok(())
    }

    fn stick(
        &mut self,
        node: NodeId,
        attempt: u32,
        pids: &[u32],
        name: &'static str,
    ) -> Result<(), ApplyError> {
        self.expect(node, &[StepPhase::Running], name)?;
        self.expect_live(node, attempt, name)?;
        let step = self.steps.get_mut(node.0 as usize);
        step.phase = StepPhase::Stuck;
        step.reason = Some(stuck(pids));
        Ok(())
    }

    fn abandon(
        &mut self,
        node: NodeId,
        attempt: u32,
        at: DateTime<Utc>,
        name: &'static str,
    ) -> Result<(), ApplyError> {
        self.expect_phase(RunPhase::Cancelling, name)?;
        self.expect(node, &[StepPhase::Stuck], name)?;
        if !self.abandons {
            return Err(self.illegal(node, name));
        }
        let end = attempt_end(AttemptEndKind::Abandoned, None, None, at);
        self.end_attempt(node, attempt, end, name)?;
        self.steps.get_mut(node.0 as usize).reason = Some(abandoned());
        self.end_step(node, StepPhase::Cancelled, at);
        Ok(())
    }

    /// Ends the live attempt of a step, which leaves the set of running ones.
    fn end_attempt(
        &mut self,
        node: NodeId,
        attempt: u32,
        end: AttemptEnd,
        name: &'static str,
    ) -> Result<(), ApplyError> {
        self.expect_live(node, attempt, name)?.end = Some(end);
        self.running.remove(&node);
        Ok(())
    }

    /// Ends a step and tells the steps that need it.
    pub(crate) fn end_step(&mut self, node: NodeId, phase: StepPhase, at: DateTime<Utc>) {
        let step = self.steps.get_mut(node.0 as usize);
        step.phase = phase;
        step.ended_at = Some(at);
        self.ready.remove(&node);
        self.doomed.remove(&node);
        self.awaiting.remove(&node);
        self.waits = false;
        self.unfinished -= 1;
        let planned = self.planned(node);
        let (finally, allow_failure) = (planned.finally, planned.allow_failure);
        let is_item = self.tasks.item_index(node).is_some();
        match phase {
            // Its step counts.
            _ if is_item => {}
            StepPhase::Failed if allow_failure => {}
            StepPhase::Failed => self.failed += 1,
            StepPhase::Refused => self.refused += 1,
            _ => {}
        }
        let all_dependents = Arc::clone(&self.dependents);
        for dependent in all_dependents.get(node.0 as usize).into_iter().flatten() {
            if self.step(*dependent).phase != StepPhase::Waiting {
                continue;
            }
            if self.is_met(*dependent, node) {
                self.met(*dependent);
            } else {
                self.doomed.insert(*dependent);
            }
        }
        if !finally {
            self.ordinary -= 1;
        }
        self.item_ended(node, at);
        self.turn_to_finally(at);
    }

    fn end_run(
        &mut self,
        end: RunEnd,
        at: DateTime<Utc>,
        name: &'static str,
    ) -> Result<(), ApplyError> {
        if self.outcome() != Some(end) {
            return Err(self.illegal_for_run(name));
        }
        for node in self.task_ids() {
            if !self.step(node).phase.is_ended() {
                self.cancel_step(node, at);
            }
        }
        self.phase = RunPhase::Ended(end);
        self.ended_at = Some(at);
        Ok(())
    }

    fn expect_phase(&self, legal: RunPhase, event: &'static str) -> Result<(), ApplyError> {
        if self.phase == legal {
            return Ok(());
        }
        Err(self.illegal_for_run(event))
    }

    /// Something new happens to a step only in the part of the run that it belongs to.
    pub(crate) fn expect_turn(&self, node: NodeId, event: &'static str) -> Result<(), ApplyError> {
        if self.has_turn(node) {
            return Ok(());
        }
        Err(self.illegal_for_run(event))
    }

    pub(crate) fn expect(
        &self,
        node: NodeId,
        legal: &[StepPhase],
        event: &'static str,
    ) -> Result<&Step, ApplyError> {
        if node.0 as usize >= self.steps.len() {
            return Err(ApplyError::UnknownStep(node));
        }
        let step = self.step(node);
        if legal.contains(&step.phase) {
            return Ok(step);
        }
        Err(self.illegal(node, event))
    }

    fn expect_live(
        &mut self,
        node: NodeId,
        attempt: u32,
        event: &'static str,
    ) -> Result<&mut Attempt, ApplyError> {
        let step = self.expect(node, &[StepPhase::Running, StepPhase::Stuck], event)?;
        if step.attempts.len() != attempt as usize {
            return Err(self.stale(node, attempt, event));
        }
        let last = self.steps.get_mut(node.0 as usize).attempts.last_mut();
        last.ok_or(ApplyError::UnknownStep(node))
    }

    pub(crate) fn illegal(&self, node: NodeId, event: &'static str) -> ApplyError {
        ApplyError::Illegal {
            step: self.name(node),
            phase: self.step(node).phase,
            event,
        }
    }

    fn stale(&self, node: NodeId, attempt: u32, event: &'static str) -> ApplyError {
        ApplyError::StaleAttempt {
            step: self.name(node),
            attempt,
            event,
        }
    }

    pub(crate) fn illegal_for_run(&self, event: &'static str) -> ApplyError {
        ApplyError::IllegalForRun {
            phase: self.phase,
            event,
        }
    }
}

fn attempt_end(
    kind: AttemptEndKind,
    exit: Option<Exit>,
    failure: Option<Failure>,
    at: DateTime<Utc>,
) -> AttemptEnd {
    AttemptEnd {
        kind,
        exit,
        failure,
        at,
    }
}

/// The word for an event in journals, documents and errors.
pub fn event_name(event: &Event) -> &'static str {
    match event {
        Event::RunCreated(_) => "run_created",
        Event::RunResumed { .. } => "run_resumed",
        Event::StepStarted(_) => "step_started",
        Event::StepAdopted { .. } => "step_adopted",
        Event::StepSucceeded(_) => "step_succeeded",
        Event::StepRefused { .. } => "step_refused",
        Event::StepReused(reused) if reused.refused.is_some() => "step_refused",
        Event::StepReused(_) => "step_reused",
        Event::StepFailed { .. } => "step_failed",
        Event::StepRetrying { .. } => "step_retrying",
        Event::StepLost { .. } => "step_lost",
        Event::StepStuck { .. } => "step_stuck",
        Event::StepSkipped { .. } => "step_skipped",
        Event::StepCancelled { .. } => "step_cancelled",
        Event::StepAbandoned { .. } => "step_abandoned",
        Event::StepExpanded { .. } => "step_expanded",
        Event::ApprovalRequested(_) => "approval_requested",
        Event::ApprovalDecided { decision, .. } => match decision.verdict {
            Verdict::Approved => "approved",
            Verdict::Rejected | Verdict::Expired => "rejected",
        },
        Event::RunWaiting { .. } => "run_waiting",
        Event::RunCancelling { .. } => "run_cancelling",
        Event::RunEnded { end, .. } => match end {
            RunEnd::Succeeded => "run_succeeded",
            RunEnd::Failed => "run_failed",
            RunEnd::Refused => "run_refused",
            RunEnd::Cancelled => "run_cancelled",
        },
    }
}
