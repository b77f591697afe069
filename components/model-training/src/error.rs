//! What can go wrong while training, in sentences for the person who set it up.

use std::path::PathBuf;

use example_data::DataError;
use model_scoring::ScoringError;

/// Why no model could be trained or written.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// There is nothing to learn from.
    #[error(
        "the training split has no rows; check the splits of `ingest` and the label: rows without a label are dropped"
    )]
    NoRows,
    /// There is nothing to learn with.
    #[error("there are no features; name at least one under `features`")]
    NoFeatures,
    /// The parts of a dataset do not have the same length.
    #[error("the dataset is inconsistent: {what} has {found} entries where {expected} belong")]
    Length {
        /// The part that differs.
        what: &'static str,
        /// What the number of rows and features asks for.
        expected: usize,
        /// What is there.
        found: usize,
    },
    /// More rows or features than the trainers count.
    #[error("{found} {what} are more than the {maximum} that the built-in trainers take")]
    TooMany {
        /// "rows" or "features".
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The named limit.
        maximum: usize,
    },
    /// A label outside what the task allows.
    #[error("the label of row {row} is {found}, which is not {expected}")]
    BadLabel {
        /// The row within the split, from 0.
        row: usize,
        /// The label as it was found.
        found: String,
        /// What the task allows.
        expected: String,
    },
    /// Nothing can be told apart with a single class.
    #[error(
        "every row of the training split has the same class, so there is nothing to tell apart; check the label and the split"
    )]
    OneClass,
    /// A weight that is no weight.
    #[error("the weight of row {row} is {found}; a weight is a finite number of at least 0")]
    BadWeight {
        /// The row within the split, from 0.
        row: usize,
        /// The weight as it was found.
        found: f64,
    },
    /// All rows count for nothing.
    #[error("all row weights are 0, so no row counts; check the weight column and `class_weight`")]
    NoWeight,
    /// A linear model met a missing value.
    #[error(
        "the feature `{feature}` has missing values, which {algorithm} models cannot take: add `{{ impute: mean }}` to its `ops` in the transform step, or use `algorithm: boosted_trees`, which learns where they go"
    )]
    Missing {
        /// The feature as its output is called.
        feature: String,
        /// "linear" or "logistic".
        algorithm: &'static str,
    },
    /// A linear model met an infinite value.
    #[error(
        "the feature `{feature}` has infinite values, which {algorithm} models cannot take: add `{{ clip: [LOW, HIGH] }}` to its `ops` in the transform step, or use `algorithm: boosted_trees`"
    )]
    Infinite {
        /// The feature as its output is called.
        feature: String,
        /// "linear" or "logistic".
        algorithm: &'static str,
    },
    /// A hyperparameter outside its range.
    #[error("`{name}` is {found}, but must be {expected}")]
    BadOption {
        /// The hyperparameter.
        name: &'static str,
        /// What was given.
        found: String,
        /// Its range in words.
        expected: &'static str,
    },
    /// The trainer does not do this kind of label.
    #[error("{algorithm} models cannot learn {label}; use `algorithm: {instead}`")]
    WrongLabel {
        /// "linear" or "logistic".
        algorithm: &'static str,
        /// "classes" or "a number".
        label: &'static str,
        /// What can.
        instead: &'static str,
    },
    /// The equations of a linear model have no single solution.
    #[error(
        "the features are linear combinations of each other, so the coefficients are not determined; set `l2` above 0"
    )]
    Singular,
    /// The graph says nothing about what is to be predicted.
    #[error("the transform graph has no label; name one in the transform step: `label: COLUMN`")]
    NoLabel,
    /// The label is not what the task predicts.
    #[error("{message}")]
    Task {
        /// What does not fit, and what to do.
        message: String,
    },
    /// The numbers grew beyond what a model can hold.
    #[error(
        "training gave numbers that are not finite after {iterations} iterations; the label or a feature may be extremely large: scale it (`z_score`) or lower `learning_rate`"
    )]
    Diverged {
        /// How far training came.
        iterations: usize,
    },
    /// A file of the model folder.
    #[error("cannot {action} {path}")]
    File {
        /// "read", "write", "copy" or "list".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The examples could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Scoring refused what was given to it.
    #[error(transparent)]
    Scoring(#[from] ScoringError),
}
