//! Reading what was committed, from any thread.
//!
//! It never waits for the writer except inside of sled, while a batch is applied. It does not know
//! what a turn in progress is about to write.

mod artifacts;
mod journal;
mod lookups;
mod pipelines;
mod resolve;
pub(crate) mod rows;
mod runs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use run_engine::event::{GitState, RunEnd, Trigger};
use run_engine::ids::RunId;
use run_engine::seams::{JournalEntry, StoreError};
use serde_json::Value;

use crate::reader::rows::Rows;
use crate::stored::digest::Digest;

/// A handle for reading; a clone reads the same store, and the last one to go closes it.
#[derive(Debug, Clone)]
pub struct StoreReader {
    pub(crate) rows: Arc<Rows>,
}

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

impl StoreReader {
    pub(crate) fn new(rows: Rows) -> Self {
        Self {
            rows: Arc::new(rows),
        }
    }

    /// The content of an object by its address, as [`RunStore::write_object`] gave it; an error if it
    /// is not there.
    ///
    /// [`RunStore::write_object`]: crate::RunStore::write_object
    pub fn read_object(&self, address: &str) -> Result<Vec<u8>, StoreError> {
        let address = rows::address_of(&Digest(address.to_owned()))?;
        self.rows.objects.get(&address)
    }
}
