//! The rows by which what a step gave is found again: by its pipeline and step, and by its span.
//!
//! What an unchanged run gives once more is in its rows already, so that it costs a read and no row.

use std::collections::BTreeMap;

use run_engine::artifact::Outputs;
use run_engine::ids::ExecutionId;
use run_engine::seams::{RefusedSpan, StoreError};

use crate::batch::{RowBatch, Spill};
use crate::keys;
use crate::reader::rows::{Rows, read_failed};
use crate::stored::index::{StoredGiven, StoredSpan};

/// What the rows of this turn say already, by the beginnings of their keys.
#[derive(Debug, Default)]
pub(crate) struct GivenRows {
    newest: BTreeMap<Vec<u8>, ExecutionId>,
    spans: BTreeMap<Vec<u8>, StoredSpan>,
}

/// A step gave something.
pub(crate) struct Gift {
    pub(crate) pipeline: String,
    pub(crate) step: String,
    /// Number of the event.
    pub(crate) seq: u64,
    /// The execution that made it.
    pub(crate) execution: ExecutionId,
}

impl GivenRows {
    /// A step gave these outputs.
    pub(crate) fn give(
        &mut self,
        rows: &Rows,
        spill: &Spill,
        batch: &mut RowBatch,
        gift: &Gift,
        outputs: &Outputs,
    ) -> Result<(), StoreError> {
        let prefix = keys::of_given(&gift.pipeline, &gift.step);
        if self.newest(rows, &prefix)? != Some(gift.execution) {
            let row = StoredGiven {
                execution: gift.execution.0,
            };
            let key = keys::of_given_at(&gift.pipeline, &gift.step, gift.seq);
            batch.put(key, spill.value(&row)?);
        }
        self.newest.insert(prefix, gift.execution);
        let row = StoredSpan {
            execution: gift.execution.0,
            refused: false,
        };
        for span in outputs.artifacts.values().filter_map(|a| a.span()) {
            let key = keys::of_span(&gift.pipeline, &gift.step, span);
            self.span(rows, spill, batch, key, &row)?;
        }
        Ok(())
    }

    /// What was given of a span was refused, unless something else was given of it since.
    pub(crate) fn refuse(
        &mut self,
        rows: &Rows,
        spill: &Spill,
        batch: &mut RowBatch,
        refused: &RefusedSpan,
    ) -> Result<(), StoreError> {
        let key = keys::of_span(&refused.pipeline, &refused.step, refused.span);
        let row = StoredSpan {
            execution: refused.execution.0,
            refused: true,
        };
        match self.held(rows, &key)? {
            Some(held) if held.execution == row.execution => {
                self.span(rows, spill, batch, key, &row)
            }
            _ => Ok(()),
        }
    }

    fn newest(&self, rows: &Rows, prefix: &[u8]) -> Result<Option<ExecutionId>, StoreError> {
        if let Some(execution) = self.newest.get(prefix) {
            return Ok(Some(*execution));
        }
        let Some(last) = rows.tree.scan_prefix(prefix).next_back() else {
            return Ok(None);
        };
        let row: StoredGiven = rows.value(&last.map_err(read_failed)?.1)?;
        Ok(Some(ExecutionId(row.execution)))
    }

    fn held(&self, rows: &Rows, key: &[u8]) -> Result<Option<StoredSpan>, StoreError> {
        match self.spans.get(key) {
            Some(row) => Ok(Some(row.clone())),
            None => rows.get(key),
        }
    }

    /// Writes a row unless it stands there so.
    fn span(
        &mut self,
        rows: &Rows,
        spill: &Spill,
        batch: &mut RowBatch,
        key: Vec<u8>,
        row: &StoredSpan,
    ) -> Result<(), StoreError> {
        if self.held(rows, &key)?.as_ref() != Some(row) {
            batch.put(key.clone(), spill.value(row)?);
            self.spans.insert(key, row.clone());
        }
        Ok(())
    }
}
