//! Journals: of unfinished runs row by row, of finished ones out of their folded file.

use run_engine::ids::RunId;
use run_engine::seams::{JournalEntry, StoreError};

use super::resolve::Resolver;
use super::rows::{Rows, address_of, read_failed};
use super::{Journal, StoreReader};
use crate::fold;
use crate::keys;
use crate::limits::BLOCK_SPAN_MAX;
use crate::stored::event::{StoredEvent, impossible};
use crate::stored::index::StoredLast;
use crate::stored::run::{StoredFinish, StoredRun};

/// A persisted event, or a block of reuses, under the number of its last.
pub(crate) type Row = (u64, StoredEvent);

impl StoreReader {
    /// A run's journal, whether or not the run is over.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = run_store::RunStore::open(".ropewalk".as_ref())?;
    /// for run in store.reader().unfinished_runs()? {
    ///     let journal = store.reader().journal(run)?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn journal(&self, run: RunId) -> Result<Option<Journal>, StoreError> {
        if !self.is_run(run)? {
            return Ok(None);
        }
        let rows = rows_after(&self.rows, run, 0, usize::MAX)?;
        let entries = entries(&self.rows, run, rows, 0)?;
        Ok(Some(Journal { run, entries }))
    }

    /// Events after number `seq`, ascending, of all runs or of one; at most `limit`.
    pub fn events_after(
        &self,
        seq: u64,
        run: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        if let Some(run) = run {
            if !self.is_run(run)? {
                return Ok(Vec::new());
            }
            return events_of(&self.rows, run, seq, limit);
        }
        let mut candidates = self.runs_with_events_after(seq)?;
        candidates.sort_unstable();
        let mut found: Vec<JournalEntry> = Vec::new();
        for (first_seq, run) in candidates {
            // The runs that follow hold nothing that would come before what is found.
            if found.len() >= limit && found.last().is_some_and(|last| last.seq < first_seq) {
                break;
            }
            found.extend(events_of(&self.rows, run, seq, limit)?);
            found.sort_by_key(|entry| entry.seq);
            found.truncate(limit);
        }
        Ok(found)
    }

    fn is_run(&self, run: RunId) -> Result<bool, StoreError> {
        let key = keys::of_run(keys::RUN, run);
        self.rows.tree.contains_key(key).map_err(read_failed)
    }

    /// Runs that may have such events, each with the number of its first.
    fn runs_with_events_after(&self, seq: u64) -> Result<Vec<(u64, RunId)>, StoreError> {
        let mut runs = Vec::new();
        // Unfinished ones first: a run that ends meanwhile is then found twice, not never.
        for run in self.unfinished_runs()? {
            let row: Option<StoredRun> = self.rows.get(&keys::of_run(keys::RUN, run))?;
            runs.extend(row.map(|row| (row.first_seq, run)));
        }
        let from = keys::key(keys::LAST, &[&seq.saturating_add(1).to_be_bytes()]);
        for item in self.rows.tree.range(from..vec![keys::LAST + 1]) {
            let (key, value) = item.map_err(read_failed)?;
            let last: StoredLast = self.rows.value(&value)?;
            runs.extend(keys::run_at_end(&key).map(|run| (last.first_seq, run)));
        }
        runs.sort_unstable();
        runs.dedup();
        Ok(runs)
    }
}

fn events_of(
    rows: &Rows,
    run: RunId,
    seq: u64,
    limit: usize,
) -> Result<Vec<JournalEntry>, StoreError> {
    let found = rows_after(rows, run, seq, limit)?;
    let mut entries = entries(rows, run, found, seq)?;
    entries.truncate(limit);
    Ok(entries)
}

/// The rows that hold the first `limit` events after number `seq`, and perhaps a few more.
pub(crate) fn rows_after(
    rows: &Rows,
    run: RunId,
    seq: u64,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let finish_key = keys::of_run(keys::FINISHED, run);
    if let Some(finish) = rows.get::<StoredFinish>(&finish_key)? {
        return folded_after(rows, &finish, seq, limit);
    }
    let found = unfolded_after(rows, run, seq, limit)?;
    // The rows may have been folded while they were read.
    match rows.get::<StoredFinish>(&finish_key)? {
        Some(finish) => folded_after(rows, &finish, seq, limit),
        None => Ok(found),
    }
}

fn unfolded_after(rows: &Rows, run: RunId, seq: u64, limit: usize) -> Result<Vec<Row>, StoreError> {
    let mut found = Enough::new(limit);
    let from = keys::of_event(run, seq.saturating_add(1));
    for item in rows.tree.range(from..=keys::of_event(run, u64::MAX)) {
        let (key, value) = item.map_err(read_failed)?;
        let seq = keys::event_seq(&key).unwrap_or_default();
        if found.add(seq, rows.value(&value)?) {
            break;
        }
    }
    Ok(found.rows)
}

fn folded_after(
    rows: &Rows,
    finish: &StoredFinish,
    seq: u64,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut found = Enough::new(limit);
    let file = rows.objects.get(&address_of(&finish.journal)?)?;
    for row in fold::rows(&file)? {
        let (row_seq, value) = row?;
        if row_seq > seq && found.add(row_seq, rows.value(value)?) {
            break;
        }
    }
    Ok(found.rows)
}

/// Collects rows until they hold as many events as were asked for.
///
/// A block stands under its last event, so rows that follow may hold earlier ones: up to
/// [`BLOCK_SPAN_MAX`] further.
struct Enough {
    rows: Vec<Row>,
    events: usize,
    limit: usize,
    /// Where reading ends, once there are enough.
    until: u64,
}

impl Enough {
    fn new(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            events: 0,
            limit,
            until: u64::MAX,
        }
    }

    /// Adds a row; true if there are enough.
    fn add(&mut self, seq: u64, event: StoredEvent) -> bool {
        if seq > self.until {
            return true;
        }
        self.events += match &event {
            StoredEvent::Reused(block) => block.len(),
            _ => 1,
        };
        self.rows.push((seq, event));
        if self.events >= self.limit {
            self.until = self.until.min(seq.saturating_add(BLOCK_SPAN_MAX));
        }
        false
    }
}

/// The events after number `seq` in rows, in order.
fn entries(
    rows: &Rows,
    run: RunId,
    stored: Vec<Row>,
    after: u64,
) -> Result<Vec<JournalEntry>, StoreError> {
    let mut resolver = Resolver::new(rows);
    let mut entries = Vec::with_capacity(stored.len());
    for (seq, event) in stored {
        let StoredEvent::Reused(block) = event else {
            let event = resolver.event(run, event)?;
            entries.push(JournalEntry { run, seq, event });
            continue;
        };
        if block.last_seq() != seq {
            return Err(impossible(
                "a block stands under a number that it does not hold",
            ));
        }
        for reuse in block.reuses()? {
            if reuse.seq > after {
                let event = resolver.reused(&reuse)?;
                let seq = reuse.seq;
                entries.push(JournalEntry { run, seq, event });
            }
        }
    }
    entries.sort_by_key(|entry| entry.seq);
    Ok(entries)
}
