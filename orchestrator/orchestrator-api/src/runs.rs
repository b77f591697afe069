//! The list of runs, and what the start of one answers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::status::{Parent, Reason, Status, Trigger};
use crate::timestamp;
use crate::version::DocumentVersion;
use crate::words::RunState;

/// A page of runs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Runs {
    /// 1.
    pub version: DocumentVersion,
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// A run without its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
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
    /// How many steps it has.
    pub steps_total: u32,
    /// How many of them have ended.
    pub steps_done: u32,
    /// What was asked for besides, by column: a parameter, a metric, or null where the run has none.
    #[serde(flatten)]
    pub columns: BTreeMap<String, Value>,
}

/// The answer to a request for a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunStarted {
    /// 1.
    pub version: DocumentVersion,
    /// The run: a new one, or the unfinished one with the same plan and parameters.
    pub run_id: Uuid,
    /// Whether it was there already.
    pub attached: bool,
    /// The run as of now; events follow after its `seq`.
    pub status: Status,
}
