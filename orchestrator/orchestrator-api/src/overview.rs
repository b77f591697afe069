//! What a daemon does, on one page.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::runs::RunSummary;
use crate::timestamp;
use crate::version::DocumentVersion;
use crate::words::{RunState, StepState};

/// A daemon, its unfinished runs in numbers, and its newest runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of the daemon's build.
    pub build: String,
    /// Its process.
    pub pid: u32,
    /// Absolute path of the state folder.
    pub state_dir: String,
    /// When it started.
    #[serde(with = "timestamp")]
    pub started_at: DateTime<Utc>,
    /// How long ago that was.
    pub uptime_ms: u64,
    /// Why nothing can be started now, in a sentence; null if something can.
    pub hindrance: Option<String>,
    /// Unfinished runs by state; a state without one is left out.
    pub runs: BTreeMap<RunState, u32>,
    /// Steps of unfinished runs by state; a state without one is left out.
    pub steps: BTreeMap<StepState, u32>,
    /// The newest runs, finished or not.
    pub latest: Vec<RunSummary>,
}
