//! What the writer remembers of unfinished runs between turns: their progress and their open executions.
//!
//! All of it follows from the journal; after a restart it is read back when a run first changes.
//! It does not know how rows are written.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::{NodeId, Plan};
use run_engine::artifact::Outputs;
use run_engine::event::{Decision, Event, Exit, RunCreated, StepEnded, StepStarted, Verdict};
use run_engine::ids::RunId;
use run_engine::reason::{Failure, Reason};
use run_engine::seams::StoreError;
use run_engine::tasks::Tasks;
use serde_json::Value;

use crate::stored::event::impossible;
use crate::stored::execution::{ExecutionState, StoredAttempt, StoredEnd};
use crate::stored::run::StoredProgress;

/// An unfinished run.
#[derive(Debug)]
pub(crate) struct LiveRun {
    pub(crate) run: RunId,
    plan: Arc<Plan>,
    tasks: Tasks,
    pub(crate) first_seq: u64,
    pub(crate) progress: StoredProgress,
    open: BTreeMap<NodeId, Open>,
}

/// An execution that is not over.
#[derive(Debug)]
struct Open {
    started: Arc<StepStarted>,
    attempts: Vec<StoredAttempt>,
}

/// An execution that is over.
#[derive(Debug)]
pub(crate) struct Over {
    pub(crate) run: RunId,
    pub(crate) step: String,
    pub(crate) item_index: Option<u32>,
    pub(crate) state: ExecutionState,
    pub(crate) started: Arc<StepStarted>,
    pub(crate) attempts: Vec<StoredAttempt>,
    pub(crate) outputs: Option<Arc<Outputs>>,
    pub(crate) reuse_key: Option<String>,
    pub(crate) refused: Option<Reason>,
    pub(crate) answer: Option<Arc<Decision>>,
    pub(crate) ended_at: DateTime<Utc>,
}

/// How an attempt ended.
struct End<'a> {
    kind: StoredEnd,
    exit: Option<Exit>,
    failure: Option<&'a Failure>,
    proof: Option<&'a str>,
    at: DateTime<Utc>,
}

impl LiveRun {
    /// A run whose first event has this number.
    pub(crate) fn new(created: &RunCreated, first_seq: u64) -> Self {
        Self {
            run: created.run,
            plan: Arc::clone(&created.plan),
            tasks: Tasks::new(created.plan.nodes.len()),
            first_seq,
            progress: StoredProgress::default(),
            open: BTreeMap::new(),
        }
    }

    /// Takes an event in; gives the executions that it ends.
    pub(crate) fn observe(&mut self, seq: u64, event: &Event) -> Result<Vec<Over>, StoreError> {
        self.progress.last_seq = seq;
        if ends_step(event) {
            self.progress.steps_ended += 1;
        }
        let over = match event {
            Event::StepStarted(started) => {
                self.start(started);
                return Ok(Vec::new());
            }
            Event::StepLost {
                node,
                attempt,
                proof,
                at,
            } => {
                let end = End {
                    proof: Some(proof),
                    ..End::new(StoredEnd::Lost, None, *at)
                };
                self.end_attempt(*node, *attempt, &end)?;
                return Ok(Vec::new());
            }
            Event::StepRetrying {
                node,
                attempt,
                failure,
                exit,
                at,
                ..
            } => {
                let end = End {
                    failure: Some(failure),
                    ..End::new(StoredEnd::Failed, *exit, *at)
                };
                self.end_attempt(*node, *attempt, &end)?;
                return Ok(Vec::new());
            }
            Event::StepSucceeded(ended) => self.gave(ended, ExecutionState::Succeeded, None)?,
            Event::StepRefused { ended, reason } => {
                self.gave(ended, ExecutionState::Refused, Some(reason))?
            }
            Event::StepFailed {
                node,
                attempt,
                failure,
                exit,
                at,
            } => {
                if let Some(attempt) = attempt {
                    let end = End {
                        failure: Some(failure),
                        ..End::new(StoredEnd::Failed, *exit, *at)
                    };
                    self.end_attempt(*node, *attempt, &end)?;
                }
                // A step that could not even be started has no execution.
                return Ok(self
                    .close(*node, ExecutionState::Failed, *at)
                    .into_iter()
                    .collect());
            }
            Event::StepCancelled {
                node,
                attempt,
                exit,
                at,
            } => {
                let end = End::new(StoredEnd::Cancelled, *exit, *at);
                self.end_attempt(*node, *attempt, &end)?;
                self.close(*node, ExecutionState::Cancelled, *at)
            }
            Event::StepAbandoned { node, attempt, at } => {
                self.end_attempt(*node, *attempt, &End::new(StoredEnd::Abandoned, None, *at))?;
                self.close(*node, ExecutionState::Cancelled, *at)
            }
            Event::StepExpanded { node, items, .. } => {
                self.expand(*node, items);
                return Ok(Vec::new());
            }
            Event::ApprovalRequested(request) => {
                self.open(&request.intent);
                return Ok(Vec::new());
            }
            Event::ApprovalDecided {
                node,
                decision,
                outputs,
                ..
            } => self.answered(*node, decision, outputs),
            // Steps that waited for another attempt, or for a person, when the run was cancelled.
            Event::RunEnded { at, .. } => return Ok(self.close_all(*at)),
            Event::RunCreated(_)
            | Event::RunResumed { .. }
            | Event::StepAdopted { .. }
            | Event::StepStuck { .. }
            | Event::StepReused(_)
            | Event::StepSkipped { .. }
            | Event::RunWaiting { .. }
            | Event::RunCancelling { .. } => None,
        };
        Ok(over.into_iter().collect())
    }

    /// The pipeline's name.
    pub(crate) fn pipeline(&self) -> &str {
        &self.plan.name
    }

    /// Items take the place of their step, which is over if there are none.
    fn expand(&mut self, node: NodeId, items: &Arc<Vec<Value>>) {
        self.tasks.expand(node, items);
        match items.len() {
            0 => self.progress.steps_ended += 1,
            count => self.progress.steps_added += count as u32 - 1,
        }
    }

    /// What a task is called: `train`, or `train[3]` for an item.
    pub(crate) fn name(&self, task: NodeId) -> String {
        let step = self.step(task);
        match self.tasks.item_index(task) {
            Some(index) => format!("{step}[{index}]"),
            None => step.to_owned(),
        }
    }

    /// The id of a task's step.
    pub(crate) fn step(&self, task: NodeId) -> &str {
        let node = self.plan.nodes.get(self.tasks.step(task).0 as usize);
        node.map_or("", |node| node.id.as_str())
    }

    fn start(&mut self, started: &Arc<StepStarted>) {
        self.progress
            .started_at
            .get_or_insert_with(|| started.at.into());
        self.open(started);
    }

    fn open(&mut self, started: &Arc<StepStarted>) {
        let open = self.open.entry(started.node).or_insert_with(|| Open {
            started: Arc::clone(started),
            attempts: Vec::new(),
        });
        open.started = Arc::clone(started);
    }

    fn end_attempt(&mut self, node: NodeId, attempt: u32, end: &End<'_>) -> Result<(), StoreError> {
        let open = self.open.get_mut(&node);
        let Some(open) = open.filter(|open| open.started.attempt == attempt) else {
            let step = self.step(node);
            return Err(impossible(&format!(
                "attempt {attempt} of step `{step}` ended in run {} without having been started",
                self.run
            )));
        };
        open.attempts.push(StoredAttempt {
            number: attempt,
            keeper: open.started.keeper.clone(),
            started_at: open.started.at.into(),
            ended_at: end.at.into(),
            end: end.kind,
            exit: end.exit.map(Into::into),
            failure: end.failure.map(Into::into),
            proof: end.proof.map(ToOwned::to_owned),
        });
        Ok(())
    }

    fn gave(
        &mut self,
        ended: &StepEnded,
        state: ExecutionState,
        refused: Option<&Reason>,
    ) -> Result<Option<Over>, StoreError> {
        let kind = match state {
            ExecutionState::Refused => StoredEnd::Refused,
            _ => StoredEnd::Succeeded,
        };
        let end = End::new(kind, Some(ended.exit), ended.at);
        self.end_attempt(ended.node, ended.attempt, &end)?;
        let over = self.close(ended.node, state, ended.at);
        Ok(over.map(|over| Over {
            outputs: Some(Arc::clone(&ended.outputs)),
            reuse_key: ended.reuse_key.clone(),
            refused: refused.cloned(),
            ..over
        }))
    }

    fn answered(
        &mut self,
        node: NodeId,
        decision: &Arc<Decision>,
        outputs: &Arc<Outputs>,
    ) -> Option<Over> {
        let is_approved = decision.verdict == Verdict::Approved;
        let state = if is_approved {
            ExecutionState::Succeeded
        } else {
            ExecutionState::Refused
        };
        let over = self.close(node, state, decision.at)?;
        Some(Over {
            outputs: Some(Arc::clone(outputs)),
            // Who says no may say yes when asked again.
            reuse_key: over.started.reuse_key.clone().filter(|_| is_approved),
            refused: (!is_approved).then(|| decision.reason()),
            answer: Some(Arc::clone(decision)),
            ..over
        })
    }

    fn close_all(&mut self, at: DateTime<Utc>) -> Vec<Over> {
        let open: Vec<NodeId> = self.open.keys().copied().collect();
        let closed = open.into_iter();
        closed
            .filter_map(|node| self.close(node, ExecutionState::Cancelled, at))
            .collect()
    }

    fn close(&mut self, node: NodeId, state: ExecutionState, at: DateTime<Utc>) -> Option<Over> {
        let open = self.open.remove(&node)?;
        Some(Over {
            run: self.run,
            step: self.step(node).to_owned(),
            item_index: self.tasks.item_index(node),
            state,
            started: open.started,
            attempts: open.attempts,
            outputs: None,
            reuse_key: None,
            refused: None,
            answer: None,
            ended_at: at,
        })
    }
}

impl End<'_> {
    fn new(kind: StoredEnd, exit: Option<Exit>, at: DateTime<Utc>) -> Self {
        Self {
            kind,
            exit,
            failure: None,
            proof: None,
            at,
        }
    }
}

fn ends_step(event: &Event) -> bool {
    matches!(
        event,
        Event::StepSucceeded(_)
            | Event::StepRefused { .. }
            | Event::StepReused(_)
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. }
            | Event::StepAbandoned { .. }
            | Event::ApprovalDecided { .. }
    )
}
