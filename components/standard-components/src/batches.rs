//! Batches of a split worked on by all cores and taken in order, a few at a time, so that memory does
//! not grow with the split.
//!
//! It does not know what the work is.

use arrow_array::RecordBatch;
use example_data::DataError;
use rayon::prelude::*;

use crate::invocation::Failure;

/// Batches that are worked on at the same time for each thread: enough to keep the threads busy, few
/// enough that memory stays flat.
const BATCHES_PER_THREAD: usize = 2;

/// Does `work` on every batch and hands what came of it to `done`, in the order of the batches.
pub(crate) fn for_each<T: Send>(
    mut batches: impl Iterator<Item = Result<RecordBatch, DataError>>,
    work: impl Fn(&RecordBatch) -> Result<T, Failure> + Sync,
    mut done: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let at_once = rayon::current_num_threads().max(1) * BATCHES_PER_THREAD;
    loop {
        let next: Vec<RecordBatch> = batches
            .by_ref()
            .take(at_once)
            .collect::<Result<_, DataError>>()?;
        if next.is_empty() {
            return Ok(());
        }
        let results: Vec<Result<T, Failure>> = next.par_iter().map(&work).collect();
        for result in results {
            done(result?)?;
        }
    }
}
