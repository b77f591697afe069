//! The reads that decisions take: point reads, and a short walk back over blessings.

use std::sync::Arc;

use run_engine::artifact::Artifact;
use run_engine::event::StepStarted;
use run_engine::ids::{ExecutionId, RunId};
use run_engine::seams::{Lookups, PortName, Reusable, StoreError};
use uuid::Uuid;

use super::StoreReader;
use super::resolve::{Gave, Resolver};
use super::rows::read_failed;
use crate::keys;
use crate::stored::event::StoredEvent;
use crate::stored::execution::{StoredExecution, StoredStarted};
use crate::stored::index::{
    StoredBlessing, StoredGiven, StoredPush, StoredPushed, StoredReuse, StoredSpan, StoredStart,
};

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

    fn latest_pushed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        let pushes = self.rows.tree.scan_prefix(keys::of_pushed_models(model));
        for item in pushes.rev() {
            let (_, value) = item.map_err(read_failed)?;
            let row: StoredPushed = self.rows.value(&value)?;
            let artifact = Artifact::try_from(row.artifact)?;
            if row.model == model && !other_than.contains(&artifact.digest) {
                return Ok(Some(Arc::new(artifact)));
            }
        }
        Ok(None)
    }

    fn latest(&self, port: &PortName) -> Result<Option<Arc<Artifact>>, StoreError> {
        let prefix = keys::of_given(&port.pipeline, &port.step);
        for item in self.rows.tree.scan_prefix(prefix).rev() {
            let (_, value) = item.map_err(read_failed)?;
            let row: StoredGiven = self.rows.value(&value)?;
            if let Some(found) = self.given(row.execution, &port.port)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn spans(
        &self,
        port: &PortName,
        before: Option<i64>,
        count: usize,
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        let first = keys::of_spans(&port.pipeline, &port.step);
        let end = match before {
            Some(before) => keys::of_span(&port.pipeline, &port.step, before),
            // Behind the key of every span.
            None => [keys::of_span(&port.pipeline, &port.step, i64::MAX), vec![0]].concat(),
        };
        let mut found = Vec::new();
        for item in self.rows.tree.range(first..end).rev() {
            if found.len() == count {
                break;
            }
            let (key, value) = item.map_err(read_failed)?;
            let row: StoredSpan = self.rows.value(&value)?;
            if row.refused {
                continue;
            }
            let given = self.given(row.execution, &port.port)?;
            // Another port of the step may have been given of this span.
            let is_its = |artifact: &Arc<Artifact>| {
                let span = artifact.span();
                span.is_some_and(|span| {
                    keys::of_span(&port.pipeline, &port.step, span)[..] == key[..]
                })
            };
            found.extend(given.filter(is_its));
        }
        Ok(found)
    }

    fn newest_push(&self, destination: &str, model: &str) -> Result<Option<i64>, StoreError> {
        let row: Option<StoredPush> = self.rows.get(&keys::of_push(destination, model))?;
        Ok(row.map(|row| row.version))
    }
}

impl StoreReader {
    /// What an execution gave at a port.
    fn given(&self, execution: Uuid, port: &str) -> Result<Option<Arc<Artifact>>, StoreError> {
        let found = self.execution(ExecutionId(execution))?;
        Ok(found.and_then(|found| found.outputs.artifacts.get(port).cloned()))
    }

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
