//! Events: everything that ever happens to a run, in the past tense.
//!
//! An event freezes what was not deterministic: times, exit statuses, identities, what a lookup
//! found. Replaying a run needs its events and nothing else. They are not the form in which the
//! store keeps them, nor the one in which the API tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pipeline_plan::{NodeId, Plan};
use serde_json::Value;

use crate::artifact::{Artifact, Outputs};
use crate::ids::{ExecutionId, RunId};
use crate::reason::{Failure, Reason, ReasonCode};
use crate::reuse::KeyParts;
use crate::tasks::Item;

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run exists; its commit point.
    RunCreated(Arc<RunCreated>),
    /// A daemon took the run up again after another had ended.
    RunResumed {
        /// When.
        at: DateTime<Utc>,
    },
    /// An attempt is about to be launched: the intent, durable before the process exists.
    StepStarted(Arc<StepStarted>),
    /// An attempt was found alive after the daemon had ended.
    StepAdopted {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// An attempt did what it promised.
    StepSucceeded(Arc<StepEnded>),
    /// An attempt gave complete outputs and refused what it was asked to accept.
    StepRefused {
        /// Its end.
        ended: Arc<StepEnded>,
        /// Why it refused.
        reason: Reason,
    },
    /// What an earlier execution gave stands in for a new one.
    StepReused(Arc<StepReused>),
    /// The step failed for good.
    StepFailed {
        /// The step.
        node: NodeId,
        /// The attempt that failed; none if it failed before any was started.
        attempt: Option<u32>,
        /// Why.
        failure: Failure,
        /// The process's end; none if there was no process.
        exit: Option<Exit>,
        /// When.
        at: DateTime<Utc>,
    },
    /// An attempt failed, and another follows.
    StepRetrying {
        /// The step.
        node: NodeId,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// The process's end; none if there was no process.
        exit: Option<Exit>,
        /// When the next attempt is due.
        next: Timer,
        /// When.
        at: DateTime<Utc>,
    },
    /// The attempt went with its keeper or its machine, and is proven dead.
    StepLost {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// How it is known that nothing of it lives.
        proof: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// Nothing could end the attempt, or prove it dead: it keeps its slot until it is over after all,
    /// or is abandoned.
    StepStuck {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// Its processes that are known to be alive.
        pids: Vec<u32>,
        /// When.
        at: DateTime<Utc>,
    },
    /// The step will not run because of how another ended.
    StepSkipped {
        /// The step.
        node: NodeId,
        /// Names the first cause.
        reason: Reason,
        /// When.
        at: DateTime<Utc>,
    },
    /// An attempt ended because its run was cancelled.
    StepCancelled {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// The process's end.
        exit: Option<Exit>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A stuck attempt is not waited for any longer, because its run was cancelled so. Whatever is
    /// told of it later changes nothing.
    StepAbandoned {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// It is known for which items a step is done.
    StepExpanded {
        /// The step.
        node: NodeId,
        /// The items.
        items: Arc<Vec<Value>>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A step asks a person.
    ApprovalRequested(Arc<ApprovalRequest>),
    /// A person answered, or nobody did in time.
    ApprovalDecided {
        /// The step.
        node: NodeId,
        /// Its execution.
        execution: ExecutionId,
        /// The answer.
        decision: Arc<Decision>,
        /// What the step gives: nothing unless it was approved.
        outputs: Arc<Outputs>,
    },
    /// Nothing is left for the run to do before a person has decided.
    RunWaiting {
        /// When.
        at: DateTime<Utc>,
    },
    /// The run was asked to end; nothing new starts.
    RunCancelling {
        /// Whether attempts that are stuck are not waited for.
        abandon: bool,
        /// When.
        at: DateTime<Utc>,
    },
    /// The run is over. Steps that had not ended are cancelled.
    RunEnded {
        /// How.
        end: RunEnd,
        /// When.
        at: DateTime<Utc>,
    },
}

/// A point in time that something waits for.
///
/// The duration bounds the wait after a restart, whatever the machine's clock then says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// When it is due by the clock that set it.
    pub due: DateTime<Utc>,
    /// How long that was from when it was set, in milliseconds.
    pub duration_ms: u64,
}

/// How a run was made.
#[derive(Debug, Clone, PartialEq)]
pub struct RunCreated {
    /// The run.
    pub run: RunId,
    /// What it executes.
    pub plan: Arc<Plan>,
    /// Content address of the plan.
    pub plan_id: String,
    /// Absolute path of the pipeline file.
    pub pipeline_file: PathBuf,
    /// Resolved parameters.
    pub params: BTreeMap<String, Value>,
    /// What made it.
    pub trigger: Trigger,
    /// The finished run that it retries.
    pub retry_of: Option<RunId>,
    /// Steps that an execution of an earlier run stands in for, without a look at their keys.
    pub carried: BTreeMap<NodeId, ExecutionId>,
    /// Likewise items of steps that are done for each item of a list, by step.
    pub carried_items: BTreeMap<NodeId, Vec<CarriedItem>>,
    /// Steps that may not be reused.
    pub forced: BTreeSet<NodeId>,
    /// The steps that the run is made of; none if it is made of all.
    pub selected: Option<BTreeSet<NodeId>>,
    /// Most steps of this run at once.
    pub slots: u32,
    /// The variables from which its attempts start.
    pub environment: BTreeMap<String, String>,
    /// State of the git checkout that holds the pipeline file.
    pub git: Option<GitState>,
    /// Version of the binary that made it.
    pub ropewalk_version: String,
    /// Name of the machine.
    pub host: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// An item for which an execution of an earlier run stands in, if the step is done for it again.
#[derive(Debug, Clone, PartialEq)]
pub struct CarriedItem {
    /// The item, with its place in the list.
    pub item: Item,
    /// Its execution.
    pub execution: ExecutionId,
}

/// What made a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// `manual` or `retry`.
    pub kind: String,
    /// Who or what, or empty.
    pub detail: String,
}

/// State of a git checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitState {
    /// Commit that is checked out, in hex.
    pub commit: String,
    /// Whether the tree differs from it.
    pub dirty: bool,
}

/// The intent to launch an attempt, with everything that it is launched with.
#[derive(Debug, Clone, PartialEq)]
pub struct StepStarted {
    /// The step.
    pub node: NodeId,
    /// Counts from 1.
    pub attempt: u32,
    /// The same for every attempt of the step in this run.
    pub execution: ExecutionId,
    /// Instance of the keeper that is to hold it.
    pub keeper: String,
    /// Artifacts by input port.
    pub inputs: BTreeMap<String, Vec<Arc<Artifact>>>,
    /// What the step depends on; also its resolved command, parameters and environment.
    pub key: Arc<KeyParts>,
    /// The digest over `key` under which its success may be reused; none if it never is.
    pub reuse_key: Option<String>,
    /// Frozen version of a push, in unix seconds or above.
    pub push_version: Option<i64>,
    /// The numbers of the GPUs that are its own.
    pub gpus: Vec<u32>,
    /// Why it runs.
    pub reason: Reason,
    /// When.
    pub at: DateTime<Utc>,
}

/// The end of an attempt that gave complete outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct StepEnded {
    /// The step.
    pub node: NodeId,
    /// Its attempt.
    pub attempt: u32,
    /// Its execution.
    pub execution: ExecutionId,
    /// The digest under which it may be reused.
    pub reuse_key: Option<String>,
    /// What it gave.
    pub outputs: Arc<Outputs>,
    /// The process's end.
    pub exit: Exit,
    /// When it was recorded.
    pub at: DateTime<Utc>,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRequest {
    /// What the step was resolved to, as of one that is launched; it has no attempt, hence number 0.
    pub intent: Arc<StepStarted>,
    /// What is asked.
    pub message: String,
    /// When it is too late for an answer.
    pub expires: Option<Timer>,
}

/// How a question to a person ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Who decided; empty if nobody did.
    pub by: String,
    /// Why, as it was given, or empty.
    pub comment: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Approved,
    /// Do not.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

/// A reuse. The store keeps the step and the source alone and reads the rest from the source.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReused {
    /// The step.
    pub node: NodeId,
    /// Execution whose outputs stand in.
    pub source: ExecutionId,
    /// Run of that execution.
    pub source_run: RunId,
    /// What that execution gave.
    pub outputs: Arc<Outputs>,
    /// Why that execution refused, if it did: then this step is refused too.
    pub refused: Option<Reason>,
    /// Why it was carried over from an earlier run, without a look at its key; none if it was not.
    pub carried: Option<Carried>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why a step is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// It did what it promised in the run that this one retries.
    Retry,
    /// It is no part of this run, but what it gives is taken.
    NotSelected,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Exit status, if it ended by itself.
    pub code: Option<i32>,
    /// Signal, if one ended it.
    pub signal: Option<i32>,
    /// Whether its timeout had struck.
    pub timed_out: bool,
    /// When the process began.
    pub started_at: DateTime<Utc>,
    /// When the process ended.
    pub ended_at: DateTime<Utc>,
    /// Processor time, user and system, with waited-for children.
    pub cpu_ms: u64,
    /// Peak resident memory of its largest process.
    pub memory_max_bytes: u64,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// Every step succeeded or was reused.
    Succeeded,
    /// A step failed.
    Failed,
    /// A step refused and none failed.
    Refused,
    /// The user ended it.
    Cancelled,
}

impl Timer {
    /// A timer that is due that long after `now`.
    pub fn after(now: DateTime<Utc>, duration_ms: u64) -> Self {
        let wait = TimeDelta::try_milliseconds(i64::try_from(duration_ms).unwrap_or(i64::MAX));
        let due = wait.and_then(|wait| now.checked_add_signed(wait));
        Self {
            due: due.unwrap_or(DateTime::<Utc>::MAX_UTC),
            duration_ms,
        }
    }

    /// How long it still is at `now`: never longer than it was set to, though the clock went back.
    pub fn remaining(&self, now: DateTime<Utc>) -> Duration {
        let left = (self.due - now).to_std().unwrap_or_default();
        left.min(Duration::from_millis(self.duration_ms))
    }
}

impl RunCreated {
    /// Whether the run is made of this step too.
    pub fn is_selected(&self, node: NodeId) -> bool {
        let selected = self.selected.as_ref();
        selected.is_none_or(|selected| selected.contains(&node))
    }

    /// Why a step is carried over, or items of it, if any are.
    pub fn carries(&self, node: NodeId) -> Option<Carried> {
        let is_carried = self.carried.contains_key(&node) || self.carried_items.contains_key(&node);
        is_carried.then(|| {
            if self.is_selected(node) {
                Carried::Retry
            } else {
                Carried::NotSelected
            }
        })
    }

    /// Whether this step is no part of the run, nor anything that it gave before.
    pub fn leaves_out(&self, node: NodeId) -> bool {
        !self.is_selected(node) && self.carries(node).is_none()
    }
}

/// As the reason of an expansion: how many items there are.
pub fn expanded(count: usize) -> Reason {
    let text = match count {
        0 => "its list is empty".to_owned(),
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    };
    Reason::new(ReasonCode::New, text, count.to_string())
}

impl Decision {
    /// As the reason of its step's state.
    pub fn reason(&self) -> Reason {
        let (code, verb) = match self.verdict {
            // It goes on because somebody wants it to.
            Verdict::Approved => (ReasonCode::Forced, "approved"),
            Verdict::Rejected => (ReasonCode::Rejected, "rejected"),
            Verdict::Expired => {
                return Reason::new(ReasonCode::Expired, "nobody decided in time", "");
            }
        };
        let comment = match self.comment.as_str() {
            "" => String::new(),
            comment => format!(": {comment}"),
        };
        let text = format!("{verb} by {}{comment}", self.by);
        Reason::new(code, text, &self.by)
    }
}

impl ApprovalRequest {
    /// As the reason why its step waits.
    pub fn reason(&self) -> Reason {
        let Reason { code, detail, .. } = self.intent.reason.clone();
        let text = format!("waits for a person: {}", self.message);
        Reason { code, text, detail }
    }
}

impl StepReused {
    /// Why the step is reused, or refused as the execution that stands in was.
    pub fn reason(&self) -> Reason {
        self.refused.clone().unwrap_or_else(|| {
            let (code, text) = match self.carried {
                None => (ReasonCode::Unchanged, "nothing that it depends on changed"),
                Some(Carried::Retry) => {
                    let text = "carried over from the run that this one retries";
                    (ReasonCode::Unchanged, text)
                }
                Some(Carried::NotSelected) => {
                    let text = "it was not selected; what it gave before stands in";
                    (ReasonCode::NotSelected, text)
                }
            };
            Reason::new(code, text, "")
        })
    }
}

impl Event {
    /// When it happened.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::RunCreated(created) => created.at,
            Self::StepStarted(started) => started.at,
            Self::StepSucceeded(ended) | Self::StepRefused { ended, .. } => ended.at,
            Self::StepReused(reused) => reused.at,
            Self::ApprovalRequested(request) => request.intent.at,
            Self::ApprovalDecided { decision, .. } => decision.at,
            Self::RunResumed { at }
            | Self::RunWaiting { at }
            | Self::StepAdopted { at, .. }
            | Self::StepFailed { at, .. }
            | Self::StepRetrying { at, .. }
            | Self::StepLost { at, .. }
            | Self::StepStuck { at, .. }
            | Self::StepSkipped { at, .. }
            | Self::StepExpanded { at, .. }
            | Self::StepCancelled { at, .. }
            | Self::StepAbandoned { at, .. }
            | Self::RunCancelling { at, .. }
            | Self::RunEnded { at, .. } => *at,
        }
    }

    /// The step that it is about, and the attempt if there is one.
    pub fn step(&self) -> Option<(NodeId, Option<u32>)> {
        match self {
            Self::StepStarted(started) => Some((started.node, Some(started.attempt))),
            Self::StepSucceeded(ended) | Self::StepRefused { ended, .. } => {
                Some((ended.node, Some(ended.attempt)))
            }
            Self::StepReused(reused) => Some((reused.node, None)),
            Self::StepFailed { node, attempt, .. } => Some((*node, *attempt)),
            Self::StepAdopted { node, attempt, .. }
            | Self::StepRetrying { node, attempt, .. }
            | Self::StepLost { node, attempt, .. }
            | Self::StepStuck { node, attempt, .. }
            | Self::StepCancelled { node, attempt, .. }
            | Self::StepAbandoned { node, attempt, .. } => Some((*node, Some(*attempt))),
            Self::ApprovalRequested(request) => Some((request.intent.node, None)),
            Self::StepSkipped { node, .. }
            | Self::StepExpanded { node, .. }
            | Self::ApprovalDecided { node, .. } => Some((*node, None)),
            Self::RunCreated(_)
            | Self::RunResumed { .. }
            | Self::RunWaiting { .. }
            | Self::RunCancelling { .. }
            | Self::RunEnded { .. } => None,
        }
    }
}
