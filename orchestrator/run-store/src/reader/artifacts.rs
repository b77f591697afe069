//! Artifacts, found through the executions that they belong to.
//!
//! Ids of executions are in the order of time, so the newest artifacts are found by walking back
//! over executions; no artifact has a row of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use run_engine::artifact::Artifact;
use run_engine::ids::{ArtifactId, ExecutionId, RunId};
use run_engine::seams::StoreError;
use uuid::Uuid;

use super::journal::rows_after;
use super::resolve::Gave;
use super::rows::read_failed;
use super::runs::id_range;
use super::{ArtifactFilter, StoreReader};
use crate::keys;
use crate::limits::PREFIX_MATCHES_MAX;
use crate::stored::artifact::StoredArtifact;
use crate::stored::event::StoredEvent;
use crate::stored::execution::StoredExecution;

impl StoreReader {
    /// Artifacts, the newest first, from the one before `before` on, at most `limit`. Files inputs
    /// are among them.
    ///
    /// Those of a run include what it reused, and the Files that its live steps read; those of all
    /// runs hold a step's artifacts once the step is over.
    pub fn artifacts(
        &self,
        filter: &ArtifactFilter,
        before: Option<ArtifactId>,
        limit: usize,
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        let mut page = Page {
            type_name: filter.type_name.as_deref(),
            before,
            limit,
            found: Vec::new(),
        };
        if limit == 0 {
            return Ok(page.found);
        }
        let newest = before.map_or(ExecutionId(Uuid::max()), ArtifactId::execution);
        if let Some(run) = filter.run {
            let executions = self.executions_of(run)?;
            for (execution, files) in executions.range(..=newest).rev() {
                if page.add(self.artifacts_of(*execution, files)?) {
                    break;
                }
            }
            return Ok(page.found);
        }
        let range = keys::of_execution(ExecutionId(Uuid::nil()))..=keys::of_execution(newest);
        for item in self.rows.tree.range(range).rev() {
            let (_, value) = item.map_err(read_failed)?;
            let row: StoredExecution = self.rows.value(&value)?;
            if page.add(Gave::try_from(row)?.artifacts()) {
                break;
            }
        }
        Ok(page.found)
    }

    /// One artifact.
    pub fn artifact(&self, artifact: ArtifactId) -> Result<Option<Arc<Artifact>>, StoreError> {
        let execution = artifact.execution();
        let mut artifacts = self.artifacts_of(execution, &[])?;
        if artifacts.is_empty() {
            artifacts = self.live_files(|live| live == execution)?;
        }
        Ok(artifacts.into_iter().find(|found| found.id == artifact))
    }

    /// The artifacts whose id begins so, at most two: enough to tell whether the prefix is unique.
    ///
    /// Dashes and case do not matter. What is no beginning of an id matches nothing.
    pub fn artifact_by_prefix(&self, prefix: &str) -> Result<Vec<Arc<Artifact>>, StoreError> {
        let Some((first, last)) = id_range(prefix) else {
            return Ok(Vec::new());
        };
        let fits = |artifact: &Arc<Artifact>| (first..=last).contains(&artifact.id.0);
        let (oldest, newest) = (ExecutionId::new(first), ExecutionId::new(last));
        let mut found = self.live_files(|live| (oldest..=newest).contains(&live))?;
        found.retain(fits);
        let range = keys::of_execution(oldest)..=keys::of_execution(newest);
        for item in self.rows.tree.range(range) {
            if found.len() >= PREFIX_MATCHES_MAX {
                break;
            }
            let (_, value) = item.map_err(read_failed)?;
            let row: StoredExecution = self.rows.value(&value)?;
            found.extend(Gave::try_from(row)?.artifacts().into_iter().filter(fits));
        }
        found.truncate(PREFIX_MATCHES_MAX);
        Ok(found)
    }

    /// The artifacts of an execution by id; of one that is not over, the Files that it reads.
    fn artifacts_of(
        &self,
        execution: ExecutionId,
        files: &[StoredArtifact],
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        match self
            .rows
            .get::<StoredExecution>(&keys::of_execution(execution))?
        {
            Some(row) => Ok(Gave::try_from(row)?.artifacts()),
            None => files
                .iter()
                .map(|file| Ok(Arc::new(file.clone().try_into()?)))
                .collect(),
        }
    }

    /// The executions that a run began or reused, with the Files that its own read.
    fn executions_of(
        &self,
        run: RunId,
    ) -> Result<BTreeMap<ExecutionId, Vec<StoredArtifact>>, StoreError> {
        let mut executions = BTreeMap::new();
        for (_, event) in rows_after(&self.rows, run, 0, usize::MAX)? {
            match event {
                StoredEvent::Started(started) => {
                    executions.insert(started.execution(), started.files);
                }
                StoredEvent::Reused(block) => {
                    for reuse in block.reuses()? {
                        executions.entry(reuse.source).or_default();
                    }
                }
                _ => {}
            }
        }
        Ok(executions)
    }

    /// The Files that live steps read, of executions that are wanted. There are few unfinished runs.
    fn live_files(
        &self,
        wanted: impl Fn(ExecutionId) -> bool,
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        let mut found = Vec::new();
        for run in self.unfinished_runs()? {
            for (execution, files) in self.executions_of(run)? {
                let over = || self.rows.tree.contains_key(keys::of_execution(execution));
                if wanted(execution) && !files.is_empty() && !over().map_err(read_failed)? {
                    found.extend(self.artifacts_of(execution, &files)?);
                }
            }
        }
        Ok(found)
    }
}

/// A page of artifacts.
struct Page<'a> {
    type_name: Option<&'a str>,
    before: Option<ArtifactId>,
    limit: usize,
    found: Vec<Arc<Artifact>>,
}

impl Page<'_> {
    /// Adds an older execution's artifacts, which come by id; true if the page is full.
    fn add(&mut self, artifacts: Vec<Arc<Artifact>>) -> bool {
        for artifact in artifacts.into_iter().rev() {
            let fits = self.type_name.is_none_or(|name| name == artifact.type_name)
                && self.before.is_none_or(|before| artifact.id < before);
            if fits && self.found.len() < self.limit {
                self.found.push(artifact);
            }
        }
        self.found.len() >= self.limit
    }
}
