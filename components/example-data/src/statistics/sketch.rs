//! The mergeable form of a split's statistics.

use arrow_array::RecordBatch;
use arrow_schema::Schema as ArrowSchema;
use serde::{Deserialize, Serialize};

use super::accumulator::FeatureAccumulator;
use super::model::DatasetFeatureStatistics;
use crate::DataError;
use crate::schema::Schema;

/// What one pass over a split leaves behind: from it the statistics are read, and with that of
/// another part of the data it merges without reading either again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitSketch {
    num_examples: u64,
    features: Vec<FeatureAccumulator>,
}

impl SplitSketch {
    /// A sketch of no rows with these columns; the schema says which integers are categories.
    pub fn new(columns: &ArrowSchema, schema: Option<&Schema>) -> Result<Self, DataError> {
        let features = columns
            .fields()
            .iter()
            .map(|field| {
                let categorical = schema.is_some_and(|schema| schema.is_categorical(field.name()));
                FeatureAccumulator::new(field, categorical)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            num_examples: 0,
            features,
        })
    }

    /// The sketch of one batch with the columns of this one, to be merged.
    pub fn of(&self, batch: &RecordBatch) -> Result<Self, DataError> {
        if batch.num_columns() != self.features.len() {
            return Err(DataError::Request(format!(
                "a batch of {} columns does not belong to statistics of {}",
                batch.num_columns(),
                self.features.len()
            )));
        }
        let features = self
            .features
            .iter()
            .zip(batch.columns())
            .map(|(feature, column)| feature.of(column))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            num_examples: batch.num_rows() as u64,
            features,
        })
    }

    /// Takes another part of the data in. Merge in the data's order: counts do not depend on it,
    /// the last bits of means do.
    pub fn merge(&mut self, other: &Self) -> Result<(), DataError> {
        if self.features.len() != other.features.len() {
            return Err(DataError::Request(
                "cannot merge the statistics of data with different columns".to_owned(),
            ));
        }
        self.num_examples += other.num_examples;
        for (feature, more) in self.features.iter_mut().zip(&other.features) {
            feature.merge(more)?;
        }
        Ok(())
    }

    /// The statistics, under the split's name.
    pub fn finish(&self, split: &str) -> DatasetFeatureStatistics {
        DatasetFeatureStatistics {
            name: split.to_owned(),
            num_examples: self.num_examples,
            features: self
                .features
                .iter()
                .map(FeatureAccumulator::finish)
                .collect(),
        }
    }
}
