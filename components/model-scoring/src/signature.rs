//! `signature.json`: what a model takes and what it gives.
//!
//! It is the first file that anything reads from a model folder. It knows names, types and shapes; it
//! does not know how features are computed or predictions made.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::ScoringError;
use crate::graph::{newest, read_file, write_file};

/// The signature's file in a model folder.
pub const FILE: &str = "signature.json";
/// The newest format of `signature.json` that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Longest name of a model, in bytes: it names a folder, of which file systems take 255 bytes, and
/// leaves room for what is written beside it.
const MODEL_NAME_BYTES_MAX: usize = 100;

/// What a model may be called, for a hint.
pub const MODEL_NAME_HINT: &str =
    "use letters, digits, `.`, `_` and `-`, at most 100, beginning with a letter or digit";

/// Whether a text can name a model: a folder's name that no shell or URL has to quote.
pub fn is_model_name(name: &str) -> bool {
    name.len() <= MODEL_NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// What a model takes and gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// The version of this file's form.
    pub format_version: u32,
    /// The model's name: what resolvers and pushes know it by.
    pub name: String,
    /// What the model predicts.
    pub task: Task,
    /// How the model is stored and run: `onnx` for the built-in evaluator.
    pub flavour: String,
    /// The raw columns that the features are computed from; never the label.
    pub raw_inputs: Vec<RawInput>,
    /// The features, in the order of the input tensor.
    pub features: Vec<Feature>,
    /// What is predicted.
    pub label: Label,
    /// The values that a prediction holds.
    pub outputs: Vec<Output>,
    /// The digest of `transform.json`; `None`: the model itself takes the raw columns.
    pub transform_digest: Option<String>,
}

impl Signature {
    /// Reads the signature of a model folder.
    pub fn read(folder: &Path) -> Result<Self, ScoringError> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        let path = folder.join(FILE);
        let bytes = read_file(&path)?;
        let json = |source| ScoringError::Json {
            path: path.clone(),
            what: "signature",
            source,
        };
        let version: Version = serde_json::from_slice(&bytes).map_err(json)?;
        newest(
            &path.display().to_string(),
            version.format_version,
            FORMAT_VERSION,
        )?;
        serde_json::from_slice(&bytes).map_err(json)
    }

    /// Writes the signature into a model folder.
    pub fn write(&self, folder: &Path) -> Result<(), ScoringError> {
        let path = folder.join(FILE);
        let mut text = serde_json::to_string_pretty(self).map_err(|source| ScoringError::Json {
            path: path.clone(),
            what: "signature",
            source,
        })?;
        text.push('\n');
        write_file(&path, text.as_bytes())
    }
}

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
    /// A number.
    Regression,
}

/// A raw column that a model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawInput {
    /// The column.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether its values may be missing.
    pub nullable: bool,
}

/// The type of a raw column, as Examples hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// A 64-bit integer.
    Int64,
    /// A 64-bit float.
    Float64,
    /// UTF-8 text.
    String,
    /// True or false.
    Boolean,
    /// A moment in UTC, in microseconds.
    Timestamp,
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
        })
    }
}

/// A feature of the input tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The name of the graph's output.
    pub name: String,
    /// How many floats of the tensor it takes.
    pub width: usize,
}

/// What is predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The name of the graph's output with the role `label`.
    pub output: String,
    /// The type of the label's values before they became class indices.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// The classes in sorted order, which is the order of the probabilities; empty for a regression.
    pub classes: Vec<Class>,
}

/// A class of a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Class {
    /// Of a boolean label: false, true.
    Boolean(bool),
    /// Of an integer label.
    Integer(i64),
    /// Of a text label.
    Text(String),
}

impl Class {
    /// The class as a number, as a regression on an integer or boolean label needs it.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Boolean(value) => Some(f64::from(u8::from(*value))),
            Self::Integer(value) => Some(*value as f64),
            Self::Text(_) => None,
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// A value of a prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// `probability` (one per class, in label order) or `value`.
    pub name: String,
    /// How many numbers it holds.
    pub width: usize,
}
