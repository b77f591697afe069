//! The reads that decisions take: point reads, and a short walk back over blessings.

use std::sync::Arc;

use run_engine::artifact::Artifact;
use run_engine::event::StepStarted;
use run_engine::ids::{ExecutionId, RunId};
use run_engine::seams::{Lookups, Reusable, StoreError};

use super::StoreReader;
use super::resolve::{Gave, Resolver};
use super::rows::read_failed;
use crate::keys;
use crate::stored::event::StoredEvent;
use crate::stored::execution::{StoredExecution, StoredStarted};
use crate::stored::index::{StoredBlessing, StoredPush, StoredReuse, StoredStart};

impl Lookups for StoreReader {
    fn reusable(&self, key: &str) -> Result<Option<Reusable>, StoreError> {
        match self.rows.get::<StoredReuse>(&keys::of_reuse(key))? {
            Some(row) => self.execution(ExecutionId(row.execution)),
            None => Ok(None),
        }
    }

    fn execution(&self, execution: ExecutionId) -> Result<Option<Reusable>, StoreError> {
        let row: Option<StoredExecution> = self.rows.get(&keys::of_execution(execution))?;
        let Some(row) = row.filter(StoredExecution::gave_outputs) else {
            return Ok(None);
        };
        let gave = Gave::try_from(row)?;
        Ok(Some(Reusable {
            execution,
            run: gave.run,
            outputs: gave.outputs,
            refused: gave.refused,
        }))
    }

    fn newest_start(
        &self,
        pipeline: &str,
        step: &str,
    ) -> Result<Option<Arc<StepStarted>>, StoreError> {
        let row: Option<StoredStart> = self.rows.get(&keys::of_start(pipeline, step))?;
        let started = row
            .map(|row| self.stored_start(&row))
            .transpose()?
            .flatten();
        let mut resolver = Resolver::new(&self.rows);
        let started = started
            .map(|started| resolver.started(started))
            .transpose()?;
        Ok(started.map(Arc::new))
    }

    fn latest_blessed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        let blessings = self.rows.tree.scan_prefix(keys::of_blessings(model)).rev();
        for item in blessings {
            let (_, value) = item.map_err(read_failed)?;
            let row: StoredBlessing = self.rows.value(&value)?;
            let artifact = Artifact::try_from(row.artifact)?;
            if row.model == model && !other_than.contains(&artifact.digest) {
                return Ok(Some(Arc::new(artifact)));
            }
        }
        Ok(None)
    }

    fn newest_push(&self, destination: &str, model: &str) -> Result<Option<i64>, StoreError> {
        let row: Option<StoredPush> = self.rows.get(&keys::of_push(destination, model))?;
        Ok(row.map(|row| row.version))
    }
}

impl StoreReader {
    /// The intent that an index row names.
    fn stored_start(&self, row: &StoredStart) -> Result<Option<StoredStarted>, StoreError> {
        let in_execution = || -> Result<Option<StoredStarted>, StoreError> {
            let key = keys::of_execution(ExecutionId(row.execution));
            let execution: Option<StoredExecution> = self.rows.get(&key)?;
            Ok(execution.map(|execution| execution.started))
        };
        if let Some(started) = in_execution()? {
            return Ok(Some(started));
        }
        match self.rows.get(&keys::of_event(RunId(row.run), row.seq))? {
            Some(StoredEvent::Started(started)) => Ok(Some(*started)),
            // Its run may have ended between the two reads.
            _ => in_execution(),
        }
    }
}
