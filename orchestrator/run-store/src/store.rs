//! The one writer.
//!
//! It does not know what decided a turn, nor who waits for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use run_engine::artifact::Artifact;
use run_engine::event::StepStarted;
use run_engine::ids::{ExecutionId, RunId};
use run_engine::seams::{Lookups, PortName, Reusable, Store, StoreError, Turn};

use crate::acknowledged::Acknowledged;
use crate::batch::{Spill, address};
use crate::database::Database;
use crate::error::OpenError;
use crate::folder;
use crate::live::LiveRun;
use crate::objects::Objects;
use crate::reader::rows::Rows;
use crate::reader::{Journal, StoreReader};
use crate::turn::TurnRows;

/// A state folder's store, held by this process alone.
#[derive(Debug)]
pub struct RunStore {
    database: Database,
    reader: StoreReader,
    spill: Spill,
    live: BTreeMap<RunId, LiveRun>,
    last_seq: u64,
    /// Why a commit failed: what sled holds in memory may differ from its disk from then on.
    failed: Option<String>,
}

impl RunStore {
    /// Opens the store of a state folder, and makes both if they are not there.
    ///
    /// Only one process can hold it; [`OpenError::is_held`] tells when another does. It is given up
    /// when the store and its readers are gone.
    pub fn open(state_dir: &Path) -> Result<Self, OpenError> {
        let folders = folder::prepare(state_dir)?;
        let database = Database::open(state_dir, &folders.database)?;
        let objects = Objects::new(folders.objects.clone());
        objects.sweep().map_err(|source| OpenError::Io {
            action: "sweeping",
            path: folders.objects,
            source,
        })?;
        let reader = StoreReader::new(Rows::new(database.rows.clone(), objects.clone()));
        let last_seq = reader.last_seq().map_err(|source| OpenError::Unreadable {
            path: state_dir.to_owned(),
            source,
        })?;
        refuse_loss(&folders.database, last_seq)?;
        Ok(Self {
            database,
            reader,
            spill: Spill::new(objects),
            live: BTreeMap::new(),
            last_seq,
            failed: None,
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

    /// Makes a content-addressed file and gives its address. It is durable with the next turn.
    pub fn write_object(&mut self, content: &[u8]) -> Result<String, StoreError> {
        let written = self.spill.objects.put(content);
        Ok(address(written?).into())
    }

    fn write(&mut self, turn: &Turn) -> Result<(), StoreError> {
        let rows = TurnRows::new(&self.reader, &mut self.spill, &mut self.live);
        let batch = rows.gather(turn, self.last_seq)?;
        self.spill.objects.sync()?;
        let last_seq = turn.entries.last().map_or(self.last_seq, |last| last.seq);
        if batch.len() > 0 {
            self.database.commit(batch.into_inner(), last_seq)?;
        }
        self.last_seq = last_seq;
        Ok(())
    }
}

/// Refuses a database that ends before an event that was acknowledged.
fn refuse_loss(database: &Path, last_seq: u64) -> Result<(), OpenError> {
    let acknowledged = Acknowledged::read(database).map_err(|source| OpenError::Io {
        action: "reading",
        path: Acknowledged::path(database),
        source,
    })?;
    match acknowledged {
        Some(acknowledged) if acknowledged > last_seq => Err(OpenError::Lost {
            path: database.to_owned(),
            acknowledged,
            last_seq,
            note: Acknowledged::path(database),
        }),
        _ => Ok(()),
    }
}

impl Store for RunStore {
    fn commit(&mut self, turn: &Turn) -> Result<(), StoreError> {
        if let Some(failed) = &self.failed {
            return Err(StoreError {
                message: format!("the store takes nothing more since a write failed: {failed}"),
                source: None,
            });
        }
        let written = self.write(turn);
        if let Err(error) = &written {
            self.failed = Some(error.to_string());
        }
        written
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

    fn latest_pushed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        self.reader.latest_pushed(model, other_than)
    }

    fn latest(&self, port: &PortName) -> Result<Option<Arc<Artifact>>, StoreError> {
        self.reader.latest(port)
    }

    fn spans(
        &self,
        port: &PortName,
        before: Option<i64>,
        count: usize,
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        self.reader.spans(port, before, count)
    }

    fn newest_push(&self, destination: &str, model: &str) -> Result<Option<i64>, StoreError> {
        self.reader.newest_push(destination, model)
    }
}
