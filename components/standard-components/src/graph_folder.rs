//! What a graph's folder carries for the model beside the graph: statistics and a sample of the raw
//! rows.
//!
//! It does not know how a graph is fitted.

use std::fs;
use std::path::Path;

use example_data::examples::Examples;
use example_data::statistics::DatasetFeatureStatistics;
use model_scoring::rows::{self, Row, SAMPLE_FILE, SAMPLE_ROWS};

use crate::invocation::Failure;

/// The statistics of the raw training split.
const STATISTICS_FILE: &str = "statistics.json";

/// Writes the statistics of the raw training split.
pub(crate) fn write_statistics(
    folder: &Path,
    found: &DatasetFeatureStatistics,
) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(found)?;
    text.push('\n');
    let path = folder.join(STATISTICS_FILE);
    fs::write(&path, text)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

/// Writes the first raw rows of the eval split (the second of `splits`) or, where there are none, of
/// the training split, without the columns of `withheld`.
pub(crate) fn write_sample(
    folder: &Path,
    examples: &[Examples],
    splits: (&str, &str),
    withheld: &[String],
) -> Result<(), Failure> {
    let mut sample = first_rows(examples, splits.1)?;
    if sample.is_empty() {
        sample = first_rows(examples, splits.0)?;
    }
    for row in &mut sample {
        for column in withheld {
            row.remove(column);
        }
    }
    Ok(rows::write_jsonl(&folder.join(SAMPLE_FILE), &sample)?)
}

fn first_rows(examples: &[Examples], split: &str) -> Result<Vec<Row>, Failure> {
    let mut sample = Vec::new();
    let has_split = |some: &&Examples| some.splits().iter().any(|name| name == split);
    for some in examples.iter().filter(has_split) {
        for batch in some.read(split)? {
            let batch = batch?;
            let wanted = (SAMPLE_ROWS - sample.len()).min(batch.num_rows());
            sample.extend(rows::to_json(&batch.slice(0, wanted))?);
            if sample.len() == SAMPLE_ROWS {
                return Ok(sample);
            }
        }
    }
    Ok(sample)
}
