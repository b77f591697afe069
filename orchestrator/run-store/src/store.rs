//! The one writer.
//!
//! It does not know what decided a turn, nor who waits for it.

use std::path::Path;
use std::sync::Arc;

use run_engine::artifact::Artifact;
use run_engine::event::StepStarted;
use run_engine::ids::ExecutionId;
use run_engine::seams::{Lookups, Reusable, Store, StoreError, Turn};

use crate::error::OpenError;
use crate::reader::{Journal, StoreReader};

/// A state folder's store, held by this process alone.
#[derive(Debug)]
pub struct RunStore {
    reader: StoreReader,
    last_seq: u64,
}

impl RunStore {
    /// Opens the store of a state folder, and makes both if they are not there.
    ///
    /// Only one process can hold it; [`OpenError::is_held`] tells when another does.
    pub fn open(state_dir: &Path) -> Result<Self, OpenError> {
        Err(OpenError::Damaged {
            path: state_dir.to_owned(),
            problem: "the store cannot be opened yet".to_owned(),
        })
    }

    /// A handle for readers of any thread.
    pub fn reader(&self) -> StoreReader {
        self.reader.clone()
    }

    /// The journals of runs that are not over, the oldest first.
    pub fn unfinished(&self) -> Result<Vec<Journal>, StoreError> {
        let mut journals = Vec::new();
        for run in self.reader.unfinished_runs()? {
            journals.extend(self.reader.journal(run)?);
        }
        Ok(journals)
    }

    /// Number of the last event that is durable; 0 in an empty store.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Makes a content-addressed file and gives its address. It is durable once a turn committed.
    pub fn write_object(&mut self, _content: &[u8]) -> Result<String, StoreError> {
        Err(StoreError {
            message: "the store does not do this yet".to_owned(),
            source: None,
        })
    }
}

impl Store for RunStore {
    fn commit(&mut self, _turn: &Turn) -> Result<(), StoreError> {
        Err(StoreError {
            message: "the store does not do this yet".to_owned(),
            source: None,
        })
    }
}

impl Lookups for RunStore {
    fn reusable(&self, key: &str) -> Result<Option<Reusable>, StoreError> {
        self.reader.reusable(key)
    }

    fn execution(&self, execution: ExecutionId) -> Result<Option<Reusable>, StoreError> {
        self.reader.execution(execution)
    }

    fn newest_start(
        &self,
        pipeline: &str,
        step: &str,
    ) -> Result<Option<Arc<StepStarted>>, StoreError> {
        self.reader.newest_start(pipeline, step)
    }

    fn latest_blessed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        self.reader.latest_blessed(model, other_than)
    }

    fn newest_push(&self, destination: &str, model: &str) -> Result<Option<i64>, StoreError> {
        self.reader.newest_push(destination, model)
    }
}
