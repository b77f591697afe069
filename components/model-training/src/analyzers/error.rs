//! What can go wrong while a graph is fitted, in sentences for the person who wrote the step.

use example_data::DataError;
use model_scoring::ScoringError;

/// Why no graph could be fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// A feature's operations do not fit its data.
    #[error("{place}: {message}")]
    Feature {
        /// Where in the parameters, with the column: `features[1].ops[0], column company`.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The label, weight or key cannot be what it should be.
    #[error("{what}: {message}")]
    Role {
        /// `label`, `weight` or `key`.
        what: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The examples given together have columns that cannot be one.
    #[error(
        "column `{column}` is {first} in one of the examples and {other} in another: give ingest a schema, so that its type is fixed"
    )]
    Columns {
        /// The column.
        column: String,
        /// Its type in the first examples.
        first: String,
        /// Its type in others.
        other: String,
    },
    /// There is nothing to analyse.
    #[error("the split `{0}` has no rows, so nothing can be fitted to it")]
    NoRows(String),
    /// The examples could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The graph refused.
    #[error(transparent)]
    Scoring(#[from] ScoringError),
}
