//! Rows for importances: evenly spaced over a split, as many as a second's work bears.

use arrow_array::{RecordBatch, UInt64Array};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;

use crate::error::ScoringError;

/// Most rows that importances look at: their digits get no surer with more.
const ROWS_MAX: u64 = 2_000;

/// Every so many rows of a split, collected batch by batch.
#[derive(Debug)]
pub struct Sample {
    every: u64,
    seen: u64,
    batches: Vec<RecordBatch>,
}

impl Sample {
    /// Of a split of so many rows.
    pub fn of(rows: u64) -> Self {
        Self {
            every: rows.div_ceil(ROWS_MAX).max(1),
            seen: 0,
            batches: Vec::new(),
        }
    }

    /// Takes its rows of the next batch.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ScoringError> {
        let rows = 0..batch.num_rows() as u64;
        let wanted = rows.filter(|row| (self.seen + row).is_multiple_of(self.every));
        let wanted = UInt64Array::from_iter_values(wanted);
        self.batches.push(take_record_batch(batch, &wanted)?);
        self.seen += batch.num_rows() as u64;
        Ok(())
    }

    /// The rows as one batch; `None` if there are none.
    pub fn batch(&self) -> Result<Option<RecordBatch>, ScoringError> {
        let Some(first) = self.batches.first() else {
            return Ok(None);
        };
        let batch = concat_batches(&first.schema(), &self.batches)?;
        Ok(Some(batch).filter(|batch| batch.num_rows() > 0))
    }
}
