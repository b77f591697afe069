//! The status document: a run, its steps and their attempts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::timestamp;
use crate::version::DocumentVersion;
use crate::words::{AttemptState, ReasonCode, RunState, StepState};

/// A run as of the event `seq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of the run.
    pub run_id: Uuid,
    /// Name of its pipeline.
    pub pipeline: String,
    /// Absolute path of the pipeline file.
    pub pipeline_file: String,
    /// Content address of the plan that it executes.
    pub plan_id: String,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there; null where the state says it all.
    pub reason: Option<Reason>,
    /// What made it.
    pub trigger: Trigger,
    /// Resolved parameters by name.
    pub params: BTreeMap<String, Value>,
    /// When it was created.
    #[serde(with = "timestamp")]
    pub created_at: DateTime<Utc>,
    /// When its first attempt started.
    #[serde(with = "timestamp::optional")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(with = "timestamp::optional")]
    pub ended_at: Option<DateTime<Utc>>,
    /// From its creation to its end; null while it is open.
    pub duration_ms: Option<u64>,
    /// The finished run that it retries.
    pub retry_of: Option<Uuid>,
    /// The step of another run that it belongs to.
    pub parent: Option<Parent>,
    /// Its steps, in topological order.
    pub steps: Vec<Step>,
    /// Number of the last event that is in this document; what follows is after it.
    pub seq: u64,
}

/// A page of a run's steps, in topological order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Steps {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of the run.
    pub run_id: Uuid,
    /// The steps.
    pub steps: Vec<Step>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// A step of a run as a document of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepDocument {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of the run.
    pub run_id: Uuid,
    /// The step.
    #[serde(flatten)]
    pub step: Step,
}

/// A page of a step's attempts, the first first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempts {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of the run.
    pub run_id: Uuid,
    /// Id of the step.
    pub step: String,
    /// The attempts.
    pub attempts: Vec<Attempt>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// An attempt as a document of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptDocument {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of the run.
    pub run_id: Uuid,
    /// Id of the step.
    pub step: String,
    /// The attempt.
    #[serde(flatten)]
    pub attempt: Attempt,
}

/// What somebody is given who tries a step by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepShell {
    /// 1.
    pub version: DocumentVersion,
    /// The step's program and its arguments.
    pub argv: Vec<String>,
    /// All variables.
    pub env: BTreeMap<String, String>,
    /// Where it works.
    pub cwd: String,
    /// The folder that its artifacts go to.
    pub outputs: String,
}

/// What made a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trigger {
    /// `manual` or `retry`.
    pub kind: String,
    /// Who or what.
    pub detail: Option<String>,
}

/// The step that a child run belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parent {
    /// Its run.
    pub run_id: Uuid,
    /// Its id.
    pub step: String,
}

/// A step, or one item of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its id in the pipeline.
    pub id: String,
    /// The item that it stands for.
    pub item: Option<Value>,
    /// That item's number, from 0.
    pub item_index: Option<u32>,
    /// Where it stands.
    pub state: StepState,
    /// Why it ran, was reused, was skipped, refused or failed.
    pub reason: Option<Reason>,
    /// Why it failed, if that was before any attempt was started; else its last attempt says it.
    #[serde(default)]
    pub error: Option<AttemptError>,
    /// Ids of the steps that must have ended before it.
    pub needs: Vec<String>,
    /// The run whose execution stands in for it.
    pub reused_from: Option<ReusedFrom>,
    /// By port: a parameter's value, or an artifact as `{artifact_id, type, path, digest}`.
    pub outputs: BTreeMap<String, Value>,
    /// The numbers of its Metrics and Evaluation outputs.
    #[schema(value_type = BTreeMap<String, f64>)]
    pub metrics: BTreeMap<String, Number>,
    /// What a person was asked, and said.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// Its attempts, the first first.
    pub attempts: Vec<Attempt>,
    /// When its first attempt started.
    #[serde(with = "timestamp::optional")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(with = "timestamp::optional")]
    pub ended_at: Option<DateTime<Utc>>,
    /// From its first attempt's start to its end; null where either is unknown.
    pub duration_ms: Option<u64>,
}

/// The run whose execution stands in for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReusedFrom {
    /// That run.
    pub run_id: Uuid,
}

/// Why something was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// For programs.
    pub code: ReasonCode,
    /// A short sentence for people.
    pub text: String,
    /// The name of what it is about: a parameter, a file, a step.
    pub detail: Option<String>,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// What is asked.
    pub message: String,
    /// When it was asked.
    #[serde(with = "timestamp")]
    pub requested_at: DateTime<Utc>,
    /// When it is too late for an answer.
    #[serde(with = "timestamp::optional")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the step may go on; null until somebody answered or it was too late.
    pub approved: Option<bool>,
    /// Who answered.
    pub by: Option<String>,
    /// Why, as the person said.
    pub reason: Option<String>,
    /// When it was answered, or was too late.
    #[serde(with = "timestamp::optional")]
    pub decided_at: Option<DateTime<Utc>>,
}

/// One attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// Where it stands.
    pub state: AttemptState,
    /// Its process, while it lives.
    pub pid: Option<u32>,
    /// Exit status, if it ended by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Why it failed.
    pub error: Option<AttemptError>,
    /// Absolute path of its log.
    pub log_path: Option<String>,
    /// When its process began.
    #[serde(with = "timestamp::optional")]
    pub started_at: Option<DateTime<Utc>>,
    /// When its process ended.
    #[serde(with = "timestamp::optional")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Processor time, user and system.
    pub cpu_ms: Option<u64>,
    /// Peak resident memory of its largest process.
    pub memory_max_bytes: Option<u64>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptError {
    /// For programs.
    pub code: String,
    /// What failed, where and why.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}
