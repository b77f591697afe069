//! Lists of runs.

use chrono::{DateTime, Utc};
use run_engine::event::{GitState, RunEnd};
use run_engine::ids::RunId;
use run_engine::seams::StoreError;
use uuid::Uuid;

use super::rows::read_failed;
use super::{Ended, RunFilter, RunRow, StoreReader};
use crate::keys;
use crate::limits::PREFIX_MATCHES_MAX;
use crate::stored::run::{StoredFinish, StoredProgress, StoredRun};

impl StoreReader {
    /// Runs, the newest first, from the one before `before` on; at most `limit`.
    pub fn runs(
        &self,
        filter: &RunFilter,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        for run in self.ids(filter.pipeline.as_deref(), before) {
            let Some(row) = self.run(run?)? else {
                continue;
            };
            let fits = match filter.ended {
                None => true,
                Some(Ended::Unfinished) => row.end.is_none(),
                Some(Ended::As(end)) => row.end.is_some_and(|(as_end, _)| as_end == end),
            };
            if fits {
                found.push(row);
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// One run as it is listed.
    pub fn run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let row: Option<StoredRun> = self.rows.get(&keys::of_run(keys::RUN, run))?;
        let Some(row) = row else {
            return Ok(None);
        };
        // Progress first: a run that ends meanwhile has an end then.
        let progress: Option<StoredProgress> =
            self.rows.get(&keys::of_run(keys::UNFINISHED, run))?;
        let finish: Option<StoredFinish> = self.rows.get(&keys::of_run(keys::FINISHED, run))?;
        run_row(run, row, &progress.unwrap_or_default(), finish).map(Some)
    }

    /// The runs whose id begins so, at most two: enough to tell whether the prefix is unique.
    ///
    /// Dashes and case do not matter. What is no beginning of an id matches nothing.
    pub fn run_by_prefix(&self, prefix: &str) -> Result<Vec<RunId>, StoreError> {
        let Some((first, last)) = id_range(prefix) else {
            return Ok(Vec::new());
        };
        let first = keys::of_run(keys::RUN, RunId(first));
        let range = first..=keys::of_run(keys::RUN, RunId(last));
        let runs = self.rows.tree.range(range).keys().take(PREFIX_MATCHES_MAX);
        runs.filter_map(|key| key.map(|key| keys::run_at_end(&key)).transpose())
            .collect::<Result<_, _>>()
            .map_err(read_failed)
    }

    /// The newest run, of any pipeline or of this one.
    pub fn newest_run(&self, pipeline: Option<&str>) -> Result<Option<RunId>, StoreError> {
        self.ids(pipeline, None).next().transpose()
    }

    /// Runs that are not over, the oldest first.
    pub fn unfinished_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let rows = self.rows.tree.scan_prefix([keys::UNFINISHED]).keys();
        rows.filter_map(|key| key.map(|key| keys::run_at_end(&key)).transpose())
            .collect::<Result<_, _>>()
            .map_err(read_failed)
    }

    /// Number of the last event that is durable; 0 in an empty store.
    pub fn last_seq(&self) -> Result<u64, StoreError> {
        let mut last = 0;
        for item in self.rows.tree.scan_prefix([keys::UNFINISHED]) {
            let (_, value) = item.map_err(read_failed)?;
            let progress: StoredProgress = self.rows.value(&value)?;
            last = last.max(progress.last_seq);
        }
        let finished = self.rows.tree.scan_prefix([keys::LAST]).keys().next_back();
        let finished = finished.transpose().map_err(read_failed)?;
        let finished = finished.and_then(|key| keys::last_seq(&key));
        Ok(last.max(finished.unwrap_or_default()))
    }

    /// Ids of runs, the newest first.
    pub(super) fn ids(
        &self,
        pipeline: Option<&str>,
        before: Option<RunId>,
    ) -> impl Iterator<Item = Result<RunId, StoreError>> + use<> {
        let key = |run: RunId| match pipeline {
            Some(pipeline) => keys::of_pipeline(pipeline, run),
            None => keys::of_run(keys::RUN, run),
        };
        let first = key(RunId(Uuid::nil()));
        let range = match before {
            Some(run) => self.rows.tree.range(first..key(run)),
            None => self.rows.tree.range(first..=key(RunId(Uuid::max()))),
        };
        range.keys().rev().filter_map(|key| {
            let run = key.map(|key| keys::run_at_end(&key)).map_err(read_failed);
            run.transpose()
        })
    }
}

fn run_row(
    run: RunId,
    row: StoredRun,
    progress: &StoredProgress,
    finish: Option<StoredFinish>,
) -> Result<RunRow, StoreError> {
    let added = finish
        .as_ref()
        .map_or(progress.steps_added, |finish| finish.steps_added);
    let steps_total = row.steps as usize + added as usize;
    let (steps_ended, started_at, last_seq) = match &finish {
        Some(finish) => (steps_total, finish.started_at, finish.last_seq),
        None => (
            progress.steps_ended as usize,
            progress.started_at,
            progress.last_seq,
        ),
    };
    let end = finish.map(|finish| -> Result<(RunEnd, DateTime<Utc>), StoreError> {
        Ok((finish.end.into(), finish.at.try_into()?))
    });
    Ok(RunRow {
        run,
        pipeline: row.pipeline,
        plan_id: row.plan_id,
        pipeline_file: row.pipeline_file.into(),
        params: row.params,
        trigger: row.trigger.into(),
        retry_of: row.retry_of.map(RunId),
        git: row.git.map(GitState::from),
        ropewalk_version: row.ropewalk_version,
        host: row.host,
        slots: row.slots,
        created_at: row.at.try_into()?,
        started_at: started_at.map(TryInto::try_into).transpose()?,
        end: end.transpose()?,
        steps_total,
        steps_ended,
        first_seq: row.first_seq,
        last_seq,
    })
}

/// The least and the greatest id that begin so; none if no id does.
pub(super) fn id_range(prefix: &str) -> Option<(Uuid, Uuid)> {
    const DIGITS: usize = 32;
    let digits: String = prefix.chars().filter(|c| *c != '-').collect();
    if digits.is_empty() || digits.len() > DIGITS {
        return None;
    }
    // `from_str_radix` alone would take a sign.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = |filler: &str| {
        let filled = format!("{digits}{}", filler.repeat(DIGITS - digits.len()));
        u128::from_str_radix(&filled, 16).ok().map(Uuid::from_u128)
    };
    Some((number("0")?, number("f")?))
}
