//! What a turn adds to journals: rows of their own, or, at a run's end, the folded journal.
//!
//! Rows of a finished run are removed in the batch that names the folded journal, up to what a batch
//! takes; the rest, which nobody reads any more, in the turns that follow.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use run_engine::event::RunEnd;
use run_engine::ids::RunId;
use run_engine::seams::StoreError;

use crate::batch::{RowBatch, Spill, address};
use crate::fold::Folding;
use crate::keys;
use crate::limits::{BATCH_ROWS_MAX, CLEARED_ROWS_MAX};
use crate::live::LiveRun;
use crate::reader::rows::{Rows, read_failed};
use crate::stored::block::{Reuse, Reuses};
use crate::stored::digest::Digest;
use crate::stored::event::StoredEvent;
use crate::stored::index::{StoredClearing, StoredLast};
use crate::stored::run::StoredFinish;

/// What a turn adds to the journals of its runs.
#[derive(Debug, Default)]
pub(crate) struct Journals(BTreeMap<RunId, Added>);

/// What a turn adds to one journal.
#[derive(Debug, Default)]
struct Added {
    rows: Vec<(u64, Vec<u8>)>,
    /// The block that the next reuse goes into.
    block: Option<Reuses>,
    ended: Option<(RunEnd, DateTime<Utc>)>,
}

impl Journals {
    /// Adds an event.
    pub(crate) fn event(
        &mut self,
        spill: &Spill,
        run: RunId,
        seq: u64,
        event: &StoredEvent,
    ) -> Result<(), StoreError> {
        let value = spill.value(event)?;
        self.0.entry(run).or_default().rows.push((seq, value));
        Ok(())
    }

    /// Adds a reuse: into the run's block, or a new one if that is full.
    pub(crate) fn reuse(
        &mut self,
        spill: &Spill,
        run: RunId,
        reuse: &Reuse,
    ) -> Result<(), StoreError> {
        let added = self.0.entry(run).or_default();
        if let Some(block) = &mut added.block
            && block.add(reuse)
        {
            return Ok(());
        }
        match added.block.replace(Reuses::begin(reuse)) {
            Some(full) => {
                let seq = full.last_seq();
                self.event(spill, run, seq, &StoredEvent::Reused(full))
            }
            None => Ok(()),
        }
    }

    /// Notes that a run is over.
    pub(crate) fn end(&mut self, run: RunId, end: RunEnd, at: DateTime<Utc>) {
        self.0.entry(run).or_default().ended = Some((end, at));
    }

    /// Writes everything that was added, and removes rows of journals that are folded.
    pub(crate) fn write(
        self,
        rows: &Rows,
        spill: &Spill,
        live: &mut BTreeMap<RunId, LiveRun>,
        batch: &mut RowBatch,
    ) -> Result<(), StoreError> {
        let mut ended = Vec::new();
        for (run, mut added) in self.0 {
            if let Some(block) = added.block.take() {
                let (seq, event) = (block.last_seq(), StoredEvent::Reused(block));
                added.rows.push((seq, spill.value(&event)?));
            }
            added.rows.sort_by_key(|(seq, _)| *seq);
            if let Some(end) = added.ended {
                // Last, when it is known how many rows may still be removed.
                ended.push((run, added.rows, end));
                continue;
            }
            for (seq, value) in added.rows {
                batch.put(keys::of_event(run, seq), value);
            }
            if let Some(live) = live.get(&run) {
                let progress = spill.value(&live.progress)?;
                batch.put(keys::of_run(keys::UNFINISHED, run), progress);
            }
        }
        for (run, added, (end, at)) in ended {
            let journal = fold(rows, spill, run, &added)?;
            if let Some(live) = live.remove(&run) {
                finish(spill, batch, &live, (end, at), journal)?;
            }
            let room = BATCH_ROWS_MAX.saturating_sub(batch.len());
            if !clear(rows, batch, run, room)? {
                let clearing = spill.value(&StoredClearing {})?;
                batch.put(keys::of_run(keys::CLEARING, run), clearing);
            }
        }
        Ok(())
    }
}

/// Writes the rows of a run's end.
fn finish(
    spill: &Spill,
    batch: &mut RowBatch,
    live: &LiveRun,
    (end, at): (RunEnd, DateTime<Utc>),
    journal: Digest,
) -> Result<(), StoreError> {
    let last_seq = live.progress.last_seq;
    let row = StoredFinish {
        end: end.into(),
        at: at.into(),
        started_at: live.progress.started_at,
        steps_added: live.progress.steps_added,
        last_seq,
        journal,
    };
    batch.put(keys::of_run(keys::FINISHED, live.run), spill.value(&row)?);
    let first_seq = live.first_seq;
    let last = spill.value(&StoredLast { first_seq })?;
    batch.put(keys::of_last(last_seq, live.run), last);
    batch.remove(keys::of_run(keys::UNFINISHED, live.run));
    Ok(())
}

/// Makes the folded journal: the rows that are committed, then those of this turn.
fn fold(
    rows: &Rows,
    spill: &Spill,
    run: RunId,
    added: &[(u64, Vec<u8>)],
) -> Result<Digest, StoreError> {
    let mut folding = Folding::begin(&spill.objects)?;
    for item in rows.tree.scan_prefix(keys::of_run(keys::JOURNAL, run)) {
        let (key, value) = item.map_err(read_failed)?;
        folding.row(keys::event_seq(&key).unwrap_or_default(), &value)?;
    }
    for (seq, value) in added {
        folding.row(*seq, value)?;
    }
    Ok(address(folding.finish()?))
}

/// Removes journal rows of runs that ended in earlier turns, a bounded number of them.
pub(crate) fn clear_earlier(rows: &Rows, batch: &mut RowBatch) -> Result<(), StoreError> {
    for key in rows.tree.scan_prefix([keys::CLEARING]).keys() {
        let key = key.map_err(read_failed)?;
        let room = BATCH_ROWS_MAX.saturating_sub(batch.len());
        let cleared = match keys::run_at_end(&key) {
            Some(run) => clear(rows, batch, run, room.min(CLEARED_ROWS_MAX))?,
            None => true,
        };
        if !cleared {
            break;
        }
        batch.remove(key);
    }
    Ok(())
}

/// Removes journal rows of a run, at most `room`; false if more are left.
fn clear(rows: &Rows, batch: &mut RowBatch, run: RunId, room: usize) -> Result<bool, StoreError> {
    let keys = rows
        .tree
        .scan_prefix(keys::of_run(keys::JOURNAL, run))
        .keys();
    for (removed, key) in keys.enumerate() {
        if removed == room {
            return Ok(false);
        }
        batch.remove(key.map_err(read_failed)?);
    }
    Ok(true)
}
