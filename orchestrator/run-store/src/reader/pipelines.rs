//! Pipelines and their versions, as far as runs were made of them.
//!
//! No row tells of a pipeline by itself: it is known by its newest run, a version by the plan of one.

use std::collections::BTreeSet;
use std::sync::Arc;

use pipeline_plan::Plan;
use run_engine::ids::RunId;
use run_engine::seams::StoreError;

use super::rows::read_failed;
use super::{RunRow, StoreReader};
use crate::keys;
use crate::stored::run::StoredRun;

impl StoreReader {
    /// The newest run of each pipeline, by the pipeline's name.
    pub fn pipelines(&self) -> Result<Vec<RunRow>, StoreError> {
        let mut found = Vec::new();
        let mut end = vec![keys::PIPELINE + 1];
        // Keys of one pipeline stand together, its newest run last: backwards from one such to the next.
        while let Some(key) = self
            .rows
            .tree
            .range(vec![keys::PIPELINE]..end)
            .keys()
            .next_back()
        {
            let key = key.map_err(read_failed)?;
            if let Some(run) = keys::run_at_end(&key) {
                found.extend(self.run(run)?);
            }
            end = keys::with_least_run(&key);
        }
        found.sort_by(|a, b| a.pipeline.cmp(&b.pipeline));
        Ok(found)
    }

    /// The newest run of each version of a pipeline, the newest first: those before the run `before`,
    /// at most `limit`.
    pub fn versions(
        &self,
        pipeline: &str,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let mut known = BTreeSet::new();
        let mut found = Vec::new();
        for run in self.ids(Some(pipeline), None) {
            if found.len() == limit {
                break;
            }
            let run = run?;
            let row: Option<StoredRun> = self.rows.get(&keys::of_run(keys::RUN, run))?;
            let is_new = row.is_some_and(|row| known.insert(row.plan_id));
            // What newer runs are of was told on a page before.
            if is_new && before.is_none_or(|before| run < before) {
                found.extend(self.run(run)?);
            }
        }
        Ok(found)
    }

    /// The plan that a run executes.
    pub fn plan(&self, run: RunId) -> Result<Option<Arc<Plan>>, StoreError> {
        let row: Option<StoredRun> = self.rows.get(&keys::of_run(keys::RUN, run))?;
        row.map(|row| self.rows.plan(&row.plan)).transpose()
    }
}
