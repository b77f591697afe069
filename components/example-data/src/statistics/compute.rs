//! Computing statistics from batches, in order or on all cores.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use rayon::prelude::*;

use super::model::DatasetFeatureStatistics;
use super::sketch::SplitSketch;
use crate::DataError;
use crate::examples::Examples;
use crate::limits::ROW_GROUP_ROWS;
use crate::schema::Schema;

/// The statistics of batches, read once and one after the other.
pub fn compute(
    columns: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, DataError>>,
    schema: Option<&Schema>,
) -> Result<DatasetFeatureStatistics, DataError> {
    let mut sketch = SplitSketch::new(columns, schema)?;
    for batch in batches {
        let part = sketch.of(&batch?)?;
        sketch.merge(&part)?;
    }
    Ok(sketch.finish(""))
}

/// The sketch of a split of examples: row groups in parallel, merged in their order, so that the
/// result does not depend on the number of threads.
pub fn compute_split(
    examples: &Examples,
    split: &str,
    schema: Option<&Schema>,
) -> Result<SplitSketch, DataError> {
    let mut whole = SplitSketch::new(&examples.schema(), schema)?;
    let row_groups = examples.row_groups(split)?;
    let empty = whole.clone();
    // As many at a time as there are threads, so that memory does not grow with the data.
    for some in row_groups.chunks(rayon::current_num_threads().max(1)) {
        let parts: Vec<Result<SplitSketch, DataError>> = some
            .par_iter()
            .map(|row_group| {
                let mut part = empty.clone();
                for batch in examples.read_row_group(row_group, ROW_GROUP_ROWS)? {
                    part.merge(&empty.of(&batch?)?)?;
                }
                Ok(part)
            })
            .collect();
        for part in parts {
            whole.merge(&part?)?;
        }
    }
    Ok(whole)
}
