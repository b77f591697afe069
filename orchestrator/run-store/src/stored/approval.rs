//! Questions to people and their answers as rows hold them.

use pipeline_plan::NodeId;
use run_engine::event::{ApprovalRequest, Decision, Verdict};
use run_engine::ids::ExecutionId;
use run_engine::seams::StoreError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::execution::StoredStarted;
use super::time::{Micros, StoredTimer};

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredAsked {
    /// As of a step that is launched; its attempt has the number 0.
    pub(crate) intent: StoredStarted,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<StoredTimer>,
}

/// An answer, in a journal. What the step gave is in the row of its execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAnswered {
    pub(crate) node: u32,
    pub(crate) execution: Uuid,
    pub(crate) answer: StoredAnswer,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAnswer {
    verdict: StoredVerdict,
    /// Empty if nobody answered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    comment: String,
    at: Micros,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredVerdict {
    Approved,
    Rejected,
    Expired,
}

impl StoredAsked {
    /// The question, whose intent is told so.
    pub(crate) fn new(request: &ApprovalRequest, intent: StoredStarted) -> Self {
        Self {
            intent,
            message: request.message.clone(),
            expires: request.expires.map(Into::into),
        }
    }
}

impl StoredAnswered {
    /// The answer to what an execution asked.
    pub(crate) fn new(node: NodeId, execution: ExecutionId, decision: &Decision) -> Self {
        Self {
            node: node.0,
            execution: execution.0,
            answer: decision.into(),
        }
    }
}

impl From<&Decision> for StoredAnswer {
    fn from(decision: &Decision) -> Self {
        Self {
            verdict: match decision.verdict {
                Verdict::Approved => StoredVerdict::Approved,
                Verdict::Rejected => StoredVerdict::Rejected,
                Verdict::Expired => StoredVerdict::Expired,
            },
            by: decision.by.clone(),
            comment: decision.comment.clone(),
            at: decision.at.into(),
        }
    }
}

impl TryFrom<StoredAnswer> for Decision {
    type Error = StoreError;

    fn try_from(stored: StoredAnswer) -> Result<Self, StoreError> {
        Ok(Self {
            verdict: match stored.verdict {
                StoredVerdict::Approved => Verdict::Approved,
                StoredVerdict::Rejected => Verdict::Rejected,
                StoredVerdict::Expired => Verdict::Expired,
            },
            by: stored.by,
            comment: stored.comment,
            at: stored.at.try_into()?,
        })
    }
}
