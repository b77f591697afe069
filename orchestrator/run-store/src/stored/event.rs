//! Events as journals hold them.
//!
//! What an execution gave, and what a run was made with, stand in their own rows and are not
//! repeated here.

use run_engine::event::{Event, StepEnded, StepStarted};
use run_engine::seams::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::approval::{StoredAnswered, StoredAsked};
use super::block::Reuses;
use super::codec::Stored;
use super::execution::{StoredExit, StoredStarted};
use super::reason::{StoredFailure, StoredReason};
use super::run::StoredRunEnd;
use super::time::{Micros, StoredTimer};

/// Something that happened to a run; one row, except for a block of reuses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredEvent {
    /// The run exists; the rest is in its own row.
    Created {},
    Resumed {
        at: Micros,
    },
    Started(Box<StoredStarted>),
    Adopted {
        node: u32,
        attempt: u32,
        at: Micros,
    },
    /// What it gave is in the execution's row.
    Succeeded(StoredEnded),
    /// What it gave and why it refused is in the execution's row.
    Refused(StoredEnded),
    Reused(Reuses),
    Failed {
        node: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        failure: StoredFailure,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<StoredExit>,
        at: Micros,
    },
    Retrying {
        node: u32,
        attempt: u32,
        failure: StoredFailure,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<StoredExit>,
        next: StoredTimer,
        at: Micros,
    },
    Lost {
        node: u32,
        attempt: u32,
        proof: String,
        at: Micros,
    },
    Stuck {
        node: u32,
        attempt: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pids: Vec<u32>,
        at: Micros,
    },
    Skipped {
        node: u32,
        reason: StoredReason,
        at: Micros,
    },
    Cancelled {
        node: u32,
        attempt: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<StoredExit>,
        at: Micros,
    },
    Abandoned {
        node: u32,
        attempt: u32,
        at: Micros,
    },
    Expanded {
        node: u32,
        items: Vec<Value>,
        at: Micros,
    },
    Asked(Box<StoredAsked>),
    /// What it gave is in the execution's row.
    Answered(StoredAnswered),
    Waiting {
        at: Micros,
    },
    Cancelling {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        abandon: bool,
        at: Micros,
    },
    Ended {
        end: StoredRunEnd,
        at: Micros,
    },
}

/// The end of an attempt that gave complete outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredEnded {
    pub(crate) node: u32,
    pub(crate) attempt: u32,
    pub(crate) execution: Uuid,
    pub(crate) exit: StoredExit,
    pub(crate) at: Micros,
}

impl Stored for StoredEvent {
    const WHAT: &'static str = "an event";
}

impl StoredEvent {
    /// An event; `started` makes the row of an intent. A reuse belongs into a block instead.
    #[expect(clippy::too_many_lines, reason = "an arm for each kind of event")]
    pub(crate) fn new(
        event: &Event,
        started: impl FnOnce(&StepStarted) -> Result<StoredStarted, StoreError>,
    ) -> Result<Self, StoreError> {
        Ok(match event {
            Event::RunCreated(_) => Self::Created {},
            Event::RunResumed { at } => Self::Resumed { at: (*at).into() },
            Event::StepStarted(intent) => Self::Started(Box::new(started(intent)?)),
            Event::StepAdopted { node, attempt, at } => Self::Adopted {
                node: node.0,
                attempt: *attempt,
                at: (*at).into(),
            },
            Event::StepSucceeded(ended) => Self::Succeeded(ended.as_ref().into()),
            Event::StepRefused { ended, .. } => Self::Refused(ended.as_ref().into()),
            Event::StepReused(_) => return Err(impossible("a reuse outside of a block")),
            Event::StepFailed {
                node,
                attempt,
                failure,
                exit,
                at,
            } => Self::Failed {
                node: node.0,
                attempt: *attempt,
                failure: failure.into(),
                exit: exit.map(Into::into),
                at: (*at).into(),
            },
            Event::StepRetrying {
                node,
                attempt,
                failure,
                exit,
                next,
                at,
            } => Self::Retrying {
                node: node.0,
                attempt: *attempt,
                failure: failure.into(),
                exit: exit.map(Into::into),
                next: (*next).into(),
                at: (*at).into(),
            },
            Event::StepLost {
                node,
                attempt,
                proof,
                at,
            } => Self::Lost {
                node: node.0,
                attempt: *attempt,
                proof: proof.clone(),
                at: (*at).into(),
            },
            Event::StepStuck {
                node,
                attempt,
                pids,
                at,
            } => Self::Stuck {
                node: node.0,
                attempt: *attempt,
                pids: pids.clone(),
                at: (*at).into(),
            },
            Event::StepSkipped { node, reason, at } => Self::Skipped {
                node: node.0,
                reason: reason.into(),
                at: (*at).into(),
            },
            Event::StepCancelled {
                node,
                attempt,
                exit,
                at,
            } => Self::Cancelled {
                node: node.0,
                attempt: *attempt,
                exit: exit.map(Into::into),
                at: (*at).into(),
            },
            Event::StepExpanded { node, items, at } => Self::Expanded {
                node: node.0,
                items: items.to_vec(),
                at: (*at).into(),
            },
            Event::StepAbandoned { node, attempt, at } => Self::Abandoned {
                node: node.0,
                attempt: *attempt,
                at: (*at).into(),
            },
            Event::ApprovalRequested(request) => {
                let intent = started(&request.intent)?;
                Self::Asked(Box::new(StoredAsked::new(request, intent)))
            }
            Event::ApprovalDecided {
                node,
                execution,
                decision,
                ..
            } => Self::Answered(StoredAnswered::new(*node, *execution, decision)),
            Event::RunWaiting { at } => Self::Waiting { at: (*at).into() },
            Event::RunCancelling { abandon, at } => Self::Cancelling {
                abandon: *abandon,
                at: (*at).into(),
            },
            Event::RunEnded { end, at } => Self::Ended {
                end: (*end).into(),
                at: (*at).into(),
            },
        })
    }
}

impl From<&StepEnded> for StoredEnded {
    fn from(ended: &StepEnded) -> Self {
        Self {
            node: ended.node.0,
            attempt: ended.attempt,
            execution: ended.execution.0,
            exit: ended.exit.into(),
            at: ended.at.into(),
        }
    }
}

/// The sentence for an event that cannot be.
pub(crate) fn impossible(problem: &str) -> StoreError {
    super::codec::damaged(StoredEvent::WHAT, problem)
}
