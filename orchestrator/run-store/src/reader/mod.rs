//! Reading what was committed, from any thread.
//!
//! It never waits for the writer except inside of sled, while a batch is applied. It does not know
//! what a turn in progress is about to write.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use run_engine::artifact::Artifact;
use run_engine::event::{GitState, RunEnd, StepStarted, Trigger};
use run_engine::ids::{ArtifactId, ExecutionId, RunId};
use run_engine::seams::{JournalEntry, Lookups, Reusable, StoreError};
use serde_json::Value;

/// A handle for reading; a clone reads the same store.
#[derive(Debug, Clone)]
pub struct StoreReader {}

/// Everything that happened to a run, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// The run.
    pub run: RunId,
    /// Its events; the first is its creation.
    pub entries: Vec<JournalEntry>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// Name of its pipeline.
    pub pipeline: String,
    /// Content address of its plan.
    pub plan_id: String,
    /// Absolute path of the pipeline file.
    pub pipeline_file: PathBuf,
    /// Resolved parameters.
    pub params: BTreeMap<String, Value>,
    /// What made it.
    pub trigger: Trigger,
    /// The finished run that it retries.
    pub retry_of: Option<RunId>,
    /// State of the git checkout that held the pipeline file.
    pub git: Option<GitState>,
    /// Version of the binary that made it.
    pub ropewalk_version: String,
    /// Name of the machine.
    pub host: String,
    /// Most steps of it at once.
    pub slots: u32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its first attempt was started.
    pub started_at: Option<DateTime<Utc>>,
    /// How and when it ended; none while it is unfinished.
    pub end: Option<(RunEnd, DateTime<Utc>)>,
    /// How many steps it has.
    pub steps_total: usize,
    /// How many of them have ended.
    pub steps_ended: usize,
    /// Number of its first event.
    pub first_seq: u64,
    /// Number of its newest event.
    pub last_seq: u64,
}

/// Which runs to list. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those of the pipeline of this name.
    pub pipeline: Option<String>,
    /// Only those that stand so.
    pub ended: Option<Ended>,
}

/// Whether and how a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It did not.
    Unfinished,
    /// It ended so.
    As(RunEnd),
}

/// Which artifacts to list. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactFilter {
    /// Only those that this run made or reused.
    pub run: Option<RunId>,
    /// Only those of this type.
    pub type_name: Option<String>,
}

fn missing<T>() -> Result<T, StoreError> {
    Err(StoreError {
        message: "the store does not do this yet".to_owned(),
        source: None,
    })
}

impl StoreReader {
    /// A run's journal, whether or not the run is over.
    pub fn journal(&self, _run: RunId) -> Result<Option<Journal>, StoreError> {
        missing()
    }

    /// Runs, the newest first, from the one before `before` on.
    pub fn runs(
        &self,
        _filter: &RunFilter,
        _before: Option<RunId>,
        _limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        missing()
    }

    /// One run as it is listed.
    pub fn run(&self, _run: RunId) -> Result<Option<RunRow>, StoreError> {
        missing()
    }

    /// The runs whose id begins so, at most two: enough to tell whether the prefix is unique.
    pub fn run_by_prefix(&self, _prefix: &str) -> Result<Vec<RunId>, StoreError> {
        missing()
    }

    /// The newest run, of any pipeline or of this one.
    pub fn newest_run(&self, _pipeline: Option<&str>) -> Result<Option<RunId>, StoreError> {
        missing()
    }

    /// Runs that are not over, the oldest first.
    pub fn unfinished_runs(&self) -> Result<Vec<RunId>, StoreError> {
        missing()
    }

    /// Artifacts, the newest first, from the one before `before` on; Files inputs are among them.
    pub fn artifacts(
        &self,
        _filter: &ArtifactFilter,
        _before: Option<ArtifactId>,
        _limit: usize,
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        missing()
    }

    /// One artifact.
    pub fn artifact(&self, _artifact: ArtifactId) -> Result<Option<Arc<Artifact>>, StoreError> {
        missing()
    }

    /// The artifacts whose id begins so, at most two: enough to tell whether the prefix is unique.
    pub fn artifact_by_prefix(&self, _prefix: &str) -> Result<Vec<Arc<Artifact>>, StoreError> {
        missing()
    }

    /// Events after number `seq`, ascending, of all runs or of one.
    pub fn events_after(
        &self,
        _seq: u64,
        _run: Option<RunId>,
        _limit: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        missing()
    }

    /// Number of the last event that is durable; 0 in an empty store.
    pub fn last_seq(&self) -> Result<u64, StoreError> {
        missing()
    }

    /// The content of an object by its address; an error if it is not there.
    pub fn read_object(&self, _address: &str) -> Result<Vec<u8>, StoreError> {
        missing()
    }
}

impl Lookups for StoreReader {
    fn reusable(&self, _key: &str) -> Result<Option<Reusable>, StoreError> {
        missing()
    }

    fn execution(&self, _execution: ExecutionId) -> Result<Option<Reusable>, StoreError> {
        missing()
    }

    fn newest_start(
        &self,
        _pipeline: &str,
        _step: &str,
    ) -> Result<Option<Arc<StepStarted>>, StoreError> {
        missing()
    }

    fn latest_blessed(
        &self,
        _model: &str,
        _other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        missing()
    }

    fn newest_push(&self, _destination: &str, _model: &str) -> Result<Option<i64>, StoreError> {
        missing()
    }
}
