//! What every kind of file gives: rows as typed batches, block by block.
//!
//! It does not know where rows go.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use rayon::prelude::*;

use super::InputFile;
use crate::DataError;
use crate::error::{Position, RowError};
use crate::limits::BLOCKS_PER_THREAD;

/// Rows of one block, converted.
pub(super) struct Rows {
    pub(super) batch: RecordBatch,
    /// The hash of each row, where [`Key`] asks for one.
    pub(super) hashes: Vec<u64>,
    /// Where each row stands.
    pub(super) positions: Vec<Position>,
    /// Malformed rows, in order; they are not in the batch.
    pub(super) bad: Vec<RowError>,
    /// How many rows the block had, the malformed ones included.
    pub(super) read: u64,
}

/// What a row's hash is computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// No hash is needed.
    None,
    /// All cells.
    All,
    /// The cell of this column.
    Column(usize),
}

/// Files of one kind whose columns are known.
pub(super) trait Source: Sync {
    /// The columns that all the files have.
    fn columns(&self) -> &SchemaRef;

    /// Reads a file from its first row to its last: `place` is called in parallel, `take` in the order
    /// of the rows.
    fn read<T: Send>(
        &self,
        file: &InputFile,
        key: Key,
        place: impl Fn(Rows) -> Result<T, DataError> + Sync,
        take: impl FnMut(T) -> Result<(), DataError>,
    ) -> Result<(), DataError>;
}

/// Converts blocks in parallel and takes them in order.
pub(super) fn for_each_block<B: Send + Sync, T: Send>(
    mut next: impl FnMut() -> Result<Option<B>, DataError>,
    convert: impl Fn(&B) -> Result<T, DataError> + Sync,
    mut take: impl FnMut(T) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let at_once = rayon::current_num_threads().max(1) * BLOCKS_PER_THREAD;
    loop {
        let mut blocks = Vec::with_capacity(at_once);
        let mut failed = None;
        while blocks.len() < at_once {
            match next() {
                Ok(Some(block)) => blocks.push(block),
                Ok(None) => break,
                // Bad rows before it are told first.
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let last = blocks.len() < at_once;
        let converted: Vec<Result<T, DataError>> = blocks.par_iter().map(&convert).collect();
        drop(blocks);
        for part in converted {
            take(part?)?;
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if last {
            return Ok(());
        }
    }
}
