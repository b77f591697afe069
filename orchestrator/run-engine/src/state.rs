//! The state of a run: what its events add up to.
//!
//! Changed by `apply` alone. It does not know what is being prepared for launch; that lives in
//! memory beside it and is found anew after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::{Node, NodeId, Plan};

use crate::artifact::Outputs;
use crate::event::{ApprovalRequest, Decision, Exit, RunCreated, RunEnd, StepStarted, Timer};
use crate::ids::{ExecutionId, RunId};
use crate::pages::Pages;
use crate::reason::{Failure, Reason};
use crate::tasks::Tasks;

/// A run as of its last event.
#[derive(Debug, Clone)]
pub struct RunState {
    /// How it was made.
    pub created: Arc<RunCreated>,
    /// Where it stands.
    pub phase: RunPhase,
    /// Its tasks by number: steps, and behind them items.
    pub steps: Pages<Step>,
    /// What the numbers stand for.
    pub tasks: Tasks,
    /// Expanded steps that have not ended, and how far they are.
    pub(crate) expanding: BTreeMap<NodeId, Expanding>,
    /// When its first attempt was started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Steps whose needs have all ended well and which have not been started or reused.
    pub(crate) ready: BTreeSet<NodeId>,
    /// Those of `ready` that became so since they were last taken.
    pub(crate) newly_ready: Vec<NodeId>,
    /// Steps that wait and never can run, because a need ended badly.
    pub(crate) doomed: BTreeSet<NodeId>,
    /// Steps with a live attempt, stuck or not.
    pub(crate) running: BTreeSet<NodeId>,
    /// Steps that wait for their next attempt, and until when.
    pub(crate) backoff: BTreeMap<NodeId, Timer>,
    /// Steps that wait for a person, and until when.
    pub(crate) awaiting: BTreeMap<NodeId, Option<Timer>>,
    /// Whether it was told that nothing else is left.
    pub(crate) waits: bool,
    /// For each step, how many of its needs have not ended well yet.
    pub(crate) open_needs: Vec<u32>,
    /// For each step, the steps that need it.
    pub(crate) dependents: Arc<Vec<Vec<NodeId>>>,
    /// Steps that have not ended.
    pub(crate) unfinished: usize,
    /// Those of them that do not stand in `finally:`.
    pub(crate) ordinary: usize,
    /// Whether steps of `finally:` are still to follow.
    pub(crate) finally_waits: bool,
    /// Whether attempts that are stuck are not waited for.
    pub(crate) abandons: bool,
    /// Steps that failed and were not allowed to.
    pub(crate) failed: usize,
    /// Steps that refused.
    pub(crate) refused: usize,
}

/// How far an expanded step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expanding {
    /// Number of the first item that was not let go yet, among all tasks.
    pub(crate) next: u32,
    /// Items that have not ended.
    pub(crate) open: u32,
}

/// What readers see of a run: a snapshot between two turns.
#[derive(Debug, Clone)]
pub struct RunView {
    /// How it was made.
    pub created: Arc<RunCreated>,
    /// Where it stands.
    pub phase: RunPhase,
    /// Its tasks by number: steps, and behind them items.
    pub steps: Pages<Step>,
    /// What the numbers stand for.
    pub tasks: Tasks,
    /// When its first attempt was started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How many steps there are, each item in the place of its step.
    pub count: usize,
    /// How many of them have ended.
    pub ended_count: usize,
    /// Whether nothing is left to do before a person has decided.
    pub waits: bool,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPhase {
    /// Steps may start.
    Active,
    /// Nothing starts any more; attempts are being ended.
    Cancelling,
    /// The steps of `finally:` run; the run is about to end so.
    Finishing(RunEnd),
    /// Over.
    Ended(RunEnd),
}

/// A step as of its last event.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Where it stands.
    pub phase: StepPhase,
    /// Its attempts, the first first.
    pub attempts: Vec<Attempt>,
    /// Identity of its execution, once it was started.
    pub execution: Option<ExecutionId>,
    /// What it gave, once it succeeded, was reused or refused.
    pub outputs: Option<Arc<Outputs>>,
    /// Why it ran, was reused, was skipped, refused or failed.
    pub reason: Option<Reason>,
    /// Why it failed, if that was before any attempt was started; else its last attempt says it.
    pub failure: Option<Box<Failure>>,
    /// The run of the execution that it reuses.
    pub reused_from: Option<RunId>,
    /// What a person was asked.
    pub approval: Option<Arc<Approval>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A question to a person, and the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// The question.
    pub request: Arc<ApprovalRequest>,
    /// The answer; none while it waits for one.
    pub decision: Option<Arc<Decision>>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepPhase {
    /// Something that it needs has not ended.
    #[default]
    Waiting,
    /// It could start. A step whose attempt was lost is ready again.
    Ready,
    /// An attempt is about to be launched, or lives.
    Running,
    /// Its attempt lives, or may live, though everything was done to end it.
    Stuck,
    /// An attempt failed, and another follows after a while.
    Backoff,
    /// It waits for a person.
    AwaitingApproval,
    /// Its items are in progress.
    Expanded,
    /// Over: it did what it promised.
    Succeeded,
    /// Over: an earlier execution stands in.
    Reused,
    /// Over: it failed for good.
    Failed,
    /// Over: it refused.
    Refused,
    /// Over: it never could run, or its `if` was false.
    Skipped,
    /// Over: its run was cancelled.
    Cancelled,
}

/// One attempt of a step.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The intent with which it was launched.
    pub started: Arc<StepStarted>,
    /// How it ended; none while it lives.
    pub end: Option<AttemptEnd>,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct AttemptEnd {
    /// Of which kind the end was.
    pub kind: AttemptEndKind,
    /// The process's end, if it is known.
    pub exit: Option<Exit>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// When it was recorded.
    pub at: DateTime<Utc>,
}

/// Of which kind an attempt's end was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEndKind {
    /// It did what it promised.
    Succeeded,
    /// It failed.
    Failed,
    /// It refused.
    Refused,
    /// Its run was cancelled.
    Cancelled,
    /// It went with its keeper or machine.
    Lost,
    /// It was stuck, and its run was ended without it.
    Abandoned,
}

impl StepPhase {
    /// Whether nothing happens to the step any more.
    pub fn is_ended(self) -> bool {
        !matches!(
            self,
            Self::Waiting
                | Self::Ready
                | Self::Running
                | Self::Stuck
                | Self::Backoff
                | Self::AwaitingApproval
                | Self::Expanded
        )
    }

    /// Whether the step has a live attempt.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Stuck)
    }

    /// Whether what needs the step may go on.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Succeeded | Self::Reused)
    }
}

impl RunState {
    /// The run's identity.
    pub fn id(&self) -> RunId {
        self.created.run
    }

    /// What it executes.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.created.plan
    }

    /// What the plan says of a task: of an item what it says of the step.
    pub fn planned(&self, task: NodeId) -> &Node {
        self.plan().node(self.tasks.step(task))
    }

    /// What a task is called: `train`, or `train[3]` for an item.
    pub fn name(&self, task: NodeId) -> String {
        let id = &self.planned(task).id;
        match self.tasks.item_index(task) {
            Some(index) => format!("{id}[{index}]"),
            None => id.clone(),
        }
    }

    /// What a step gave; of an expanded step what its items gave, in order.
    pub fn given(&self, node: NodeId) -> Vec<&Arc<Outputs>> {
        match self.tasks.of_step(node) {
            Some(expansion) => {
                let tasks = expansion.tasks();
                tasks
                    .filter_map(|task| self.step(task).outputs.as_ref())
                    .collect()
            }
            None => self.step(node).outputs.iter().collect(),
        }
    }

    /// All tasks, in the order of their numbers.
    pub fn task_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.steps.len() as u32).map(NodeId)
    }

    /// A task. Numbers come from this run.
    pub fn step(&self, node: NodeId) -> &Step {
        self.steps.get(node.0 as usize)
    }

    /// Whether the run is over.
    pub fn is_ended(&self) -> bool {
        matches!(self.phase, RunPhase::Ended(_))
    }

    /// How the run ends if it ends now; none while something may still happen to it.
    pub(crate) fn outcome(&self) -> Option<RunEnd> {
        match self.phase {
            RunPhase::Cancelling if self.running.is_empty() => Some(RunEnd::Cancelled),
            RunPhase::Finishing(RunEnd::Cancelled) if self.unfinished == 0 => {
                Some(RunEnd::Cancelled)
            }
            RunPhase::Active | RunPhase::Finishing(_) if self.unfinished == 0 => {
                Some(self.end_by_steps())
            }
            RunPhase::Active
            | RunPhase::Cancelling
            | RunPhase::Finishing(_)
            | RunPhase::Ended(_) => None,
        }
    }

    /// Takes the steps that became ready since the last call.
    pub fn take_newly_ready(&mut self) -> Vec<NodeId> {
        let mut nodes = std::mem::take(&mut self.newly_ready);
        nodes.retain(|node| self.ready.contains(node));
        nodes
    }

    /// What readers see of the run; cheap, for the steps are shared page by page.
    pub fn view(&self) -> RunView {
        RunView {
            created: Arc::clone(&self.created),
            phase: self.phase,
            steps: self.steps.clone(),
            tasks: self.tasks.clone(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            count: self.steps.len() - self.tasks.replaced_count(),
            ended_count: self.ended_count(),
            waits: self.waits,
        }
    }

    /// Whether nothing is left to do before a person has decided.
    pub fn only_approvals_left(&self) -> bool {
        self.is_going()
            && !self.awaiting.is_empty()
            && self.ready.is_empty()
            && self.running.is_empty()
            && self.backoff.is_empty()
            && self.doomed.is_empty()
    }

    /// Steps that wait for a person, with the time until which they do.
    pub fn awaiting(&self) -> impl Iterator<Item = (NodeId, Option<Timer>)> + '_ {
        self.awaiting.iter().map(|(node, timer)| (*node, *timer))
    }

    /// Steps that could start, in topological order.
    pub fn ready(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.ready.iter().copied()
    }

    /// Steps with a live attempt, stuck or not, in topological order.
    pub fn running(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.running.iter().copied()
    }

    /// Whether the run is being ended without the attempts that are stuck.
    pub fn abandons(&self) -> bool {
        self.abandons
    }

    /// Steps whose attempt is stuck, in topological order.
    pub fn stuck(&self) -> impl Iterator<Item = NodeId> + '_ {
        let running = self.running();
        running.filter(|node| self.step(*node).phase == StepPhase::Stuck)
    }

    /// Steps that wait for their next attempt, with the time that it is due.
    pub fn backoff(&self) -> impl Iterator<Item = (NodeId, Timer)> + '_ {
        self.backoff.iter().map(|(node, timer)| (*node, *timer))
    }

    /// How many steps have a live attempt.
    pub fn running_count(&self) -> usize {
        self.running.len()
    }

    /// How many steps have ended, each item in the place of its step.
    pub fn ended_count(&self) -> usize {
        let replaced = self.tasks.replaced_count() - self.expanding.len();
        self.steps.len() - self.unfinished - replaced
    }

    /// The live attempt of a step.
    pub fn live_attempt(&self, node: NodeId) -> Option<&Arc<StepStarted>> {
        let attempt = self.step(node).attempts.last()?;
        attempt.end.is_none().then_some(&attempt.started)
    }

    /// How many attempts of a step were lost.
    pub fn lost_count(&self, node: NodeId) -> usize {
        let attempts = self.step(node).attempts.iter();
        attempts
            .filter(|a| {
                a.end
                    .as_ref()
                    .is_some_and(|e| e.kind == AttemptEndKind::Lost)
            })
            .count()
    }
}
