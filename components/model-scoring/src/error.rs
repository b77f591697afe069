//! What can go wrong between a model folder and its predictions, in sentences for the person who reads them.

use std::path::PathBuf;

/// An error of this crate. Each variant says what failed and where; the text says what to do next
/// where that is not evident.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoringError {
    /// A file of a model or graph folder could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of a model or graph folder could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A JSON file has not the form it must have.
    #[error("{} is not a valid {what}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the file should have held.
        what: &'static str,
        /// What the parser said, with line and column.
        source: serde_json::Error,
    },
    /// A file was written by a newer version of this program.
    #[error(
        "{what} has format version {found}; this program reads up to {newest}: use a newer ropewalk"
    )]
    Newer {
        /// What was read.
        what: String,
        /// The version found.
        found: u32,
        /// The newest version that is understood.
        newest: u32,
    },
    /// A file does not hold what another file says it holds.
    #[error("{} was changed after it was written: its digest is {found}, expected {expected}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The digest of what is there.
        found: String,
        /// The digest that was recorded.
        expected: String,
    },
    /// A graph that contradicts itself.
    #[error("the transform graph is not valid: {0}")]
    Graph(String),
    /// A mistake in an expression that a user wrote.
    #[error("in the expression `{text}`, at character {position}: {message}")]
    Expression {
        /// The whole expression.
        text: String,
        /// Where in it, in characters, from 1.
        position: usize,
        /// What is wrong.
        message: String,
    },
    /// The rows lack a column that the features need.
    #[error("column `{column}` is missing: the model's features are computed from it")]
    MissingColumn {
        /// The column.
        column: String,
    },
    /// A column has a type that cannot stand for the one the graph was fitted with.
    #[error("column `{column}` is {found}, but the model was trained with {expected}")]
    ColumnType {
        /// The column.
        column: String,
        /// The type that was met.
        found: String,
        /// The type that is needed.
        expected: String,
    },
    /// An ONNX file that is damaged or outside what the evaluator runs.
    #[error("cannot run the ONNX model: {0}")]
    Onnx(String),
    /// The parts of a model folder do not fit together.
    #[error("the model folder is not valid: {0}")]
    Model(String),
    /// Rows cannot be told apart by a column.
    #[error("there is no column `{column}` to slice by, or it holds lists; there are {columns}")]
    SliceColumn {
        /// The column.
        column: String,
        /// Those that there are.
        columns: String,
    },
    /// Columns that have too many values to slice by.
    #[error(
        "slicing by {columns} gives more than {maximum} slices; slice by columns with fewer values"
    )]
    Slices {
        /// The columns.
        columns: String,
        /// The named limit.
        maximum: usize,
    },
    /// The model that another one is compared with.
    #[error("the baseline cannot be scored on these rows")]
    Baseline(#[source] Box<ScoringError>),
    /// Arrow refused to build or cast a column.
    #[error("cannot compute with the columns")]
    Arrow(#[from] arrow_schema::ArrowError),
}
