//! Executions as rows hold them: intents, attempts and what came of them.

use std::collections::BTreeMap;

use run_engine::event::{Exit, StepStarted};
use run_engine::ids::ExecutionId;
use run_engine::seams::StoreError;
use run_engine::state::AttemptEndKind;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::approval::StoredAnswer;
use super::artifact::{StoredArtifact, StoredOutputs};
use super::codec::Stored;
use super::digest::Digest;
use super::reason::{StoredFailure, StoredReason};
use super::reuse::{KeyFilesAt, StoredKey};
use super::time::Micros;

/// One step's work within a run, once it is over. What its run shares stands in the run's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredExecution {
    pub(crate) run: Uuid,
    pub(crate) step: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item_index: Option<u32>,
    pub(crate) state: ExecutionState,
    /// The intent of the last attempt.
    pub(crate) started: StoredStarted,
    pub(crate) attempts: Vec<StoredAttempt>,
    #[serde(default)]
    pub(crate) outputs: StoredOutputs,
    /// The digest under which it may be reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reuse_key: Option<Digest>,
    /// Why it refused, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<StoredReason>,
    /// What a person said, if one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<StoredAnswer>,
    pub(crate) ended_at: Micros,
}

/// What came of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExecutionState {
    /// It gave what it promised.
    Succeeded,
    /// It gave what it promised and said no.
    Refused,
    /// It failed.
    Failed,
    /// Its run was cancelled.
    Cancelled,
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredAttempt {
    pub(crate) number: u32,
    pub(crate) keeper: String,
    pub(crate) started_at: Micros,
    pub(crate) ended_at: Micros,
    pub(crate) end: StoredEnd,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<StoredExit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<StoredFailure>,
    /// How it is known that nothing of a lost attempt lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<String>,
}

/// Of which kind an attempt's end was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredEnd {
    Succeeded,
    Failed,
    Refused,
    Cancelled,
    Lost,
    Abandoned,
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredExit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    timed_out: bool,
    started_at: Micros,
    ended_at: Micros,
    cpu_ms: u64,
    memory_max_bytes: u64,
}

/// The intent to launch an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredStarted {
    pub(crate) node: u32,
    pub(crate) attempt: u32,
    pub(crate) execution: Uuid,
    pub(crate) keeper: String,
    /// Ids of artifacts by input port.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) inputs: BTreeMap<String, Vec<Uuid>>,
    /// The artifacts among them that are this execution's own: external files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<StoredArtifact>,
    pub(crate) key: StoredKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reuse_key: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) push_version: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gpus: Vec<u32>,
    pub(crate) reason: StoredReason,
    pub(crate) at: Micros,
}

impl Stored for StoredExecution {
    const WHAT: &'static str = "an execution";
}

impl StoredExecution {
    /// Whether it may stand in for a new one.
    pub(crate) fn gave_outputs(&self) -> bool {
        matches!(
            self.state,
            ExecutionState::Succeeded | ExecutionState::Refused
        )
    }
}

impl StoredStarted {
    /// The intent, the files of whose key are told there.
    pub(crate) fn new(started: &StepStarted, key_files: Option<KeyFilesAt>) -> Self {
        let own = started.inputs.values().flatten();
        let own = own.filter(|artifact| artifact.id.execution() == started.execution);
        let inputs = started.inputs.iter();
        Self {
            node: started.node.0,
            attempt: started.attempt,
            execution: started.execution.0,
            keeper: started.keeper.clone(),
            inputs: inputs
                .map(|(port, artifacts)| (port.clone(), artifacts.iter().map(|a| a.id.0).collect()))
                .collect(),
            files: own.map(|artifact| artifact.as_ref().into()).collect(),
            key: StoredKey::new(&started.key, key_files),
            reuse_key: started.reuse_key.as_ref().map(Digest::from),
            push_version: started.push_version,
            gpus: started.gpus.clone(),
            reason: (&started.reason).into(),
            at: started.at.into(),
        }
    }

    /// The execution that it begins.
    pub(crate) fn execution(&self) -> ExecutionId {
        ExecutionId(self.execution)
    }
}

impl From<AttemptEndKind> for StoredEnd {
    fn from(kind: AttemptEndKind) -> Self {
        match kind {
            AttemptEndKind::Succeeded => Self::Succeeded,
            AttemptEndKind::Failed => Self::Failed,
            AttemptEndKind::Refused => Self::Refused,
            AttemptEndKind::Cancelled => Self::Cancelled,
            AttemptEndKind::Lost => Self::Lost,
            AttemptEndKind::Abandoned => Self::Abandoned,
        }
    }
}

impl From<Exit> for StoredExit {
    fn from(exit: Exit) -> Self {
        Self {
            code: exit.code,
            signal: exit.signal,
            timed_out: exit.timed_out,
            started_at: exit.started_at.into(),
            ended_at: exit.ended_at.into(),
            cpu_ms: exit.cpu_ms,
            memory_max_bytes: exit.memory_max_bytes,
        }
    }
}

impl TryFrom<StoredExit> for Exit {
    type Error = StoreError;

    fn try_from(stored: StoredExit) -> Result<Self, StoreError> {
        Ok(Self {
            code: stored.code,
            signal: stored.signal,
            timed_out: stored.timed_out,
            started_at: stored.started_at.try_into()?,
            ended_at: stored.ended_at.try_into()?,
            cpu_ms: stored.cpu_ms,
            memory_max_bytes: stored.memory_max_bytes,
        })
    }
}
