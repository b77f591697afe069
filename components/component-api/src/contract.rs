//! The worker contract: what an attempt is given, and what it may answer.
//!
//! The JSON is Kubeflow Pipelines v2's `ExecutorInput` and `ExecutorOutput` (their names and
//! shapes: `pipeline_spec.proto` in kubeflow/pipelines), so that its components run unchanged.
//! It does not know who starts an attempt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Exit status of a refusal (`EX_DATAERR` in BSD's sysexits): outputs and reason are recorded.
pub const EXIT_REFUSED: i32 = 65;
/// Exit status that asks for another attempt (`EX_TEMPFAIL`).
pub const EXIT_TRY_AGAIN: i32 = 75;
/// Longest value put into an environment variable, in bytes: a single string of the kernel's
/// `execve` holds 128 KiB, and all of them together 2 MiB by default.
pub const VARIABLE_BYTES_MAX: usize = 32 * 1024;

/// What an attempt is given, as JSON in a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecutorInput {
    /// What it reads.
    #[serde(default)]
    pub inputs: Inputs,
    /// Where it writes.
    #[serde(default)]
    pub outputs: Outputs,
}

/// Parameters and artifacts that an attempt reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// Resolved parameters by name.
    #[serde(default)]
    pub parameter_values: Map<String, Value>,
    /// Input artifacts by port.
    #[serde(default)]
    pub artifacts: BTreeMap<String, ArtifactList>,
}

/// Places that an attempt writes to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Files for single parameter values, by port.
    #[serde(default)]
    pub parameters: BTreeMap<String, OutputParameter>,
    /// Output artifacts by port; their paths do not exist beforehand, the parents do.
    #[serde(default)]
    pub artifacts: BTreeMap<String, ArtifactList>,
    /// Where the attempt may leave its [`ExecutorOutput`].
    #[serde(default)]
    pub output_file: String,
}

/// A file for the value of one output parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputParameter {
    /// Absolute path; the value is the file's text, or JSON.
    pub output_file: String,
}

/// The artifacts of one port, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ArtifactList {
    /// Never empty for a port that is given.
    pub artifacts: Vec<RuntimeArtifact>,
}

/// One artifact as an attempt sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RuntimeArtifact {
    /// The producing step and port: `ingest.examples`.
    #[serde(default)]
    pub name: String,
    /// The artifact's type.
    #[serde(rename = "type", default)]
    pub artifact_type: RuntimeType,
    /// Absolute path of its file or folder.
    #[serde(default)]
    pub uri: String,
    /// Its properties.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// A type as Kubeflow names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeType {
    /// For example `Examples` or `system.Dataset`.
    #[serde(default)]
    pub schema_title: String,
    /// For example `0.0.1`.
    #[serde(default)]
    pub schema_version: String,
}

/// What an attempt may answer, beside the files it wrote.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorOutput {
    /// Values of output parameters by port.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameter_values: Map<String, Value>,
    /// Properties of output artifacts by port, in `metadata`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, ArtifactList>,
    /// Ours: why it failed or refused, in a sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Ours: what to do about it, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// A port's or parameter's name as part of an environment variable: upper-case, `-` becomes `_`.
///
/// ```
/// assert_eq!(component_api::contract::variable_name("INPUT", "raw-rows"), "INPUT_RAW_ROWS");
/// ```
pub fn variable_name(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", name.to_uppercase().replace('-', "_"))
}

/// A parameter's value as the text of an environment variable or file: strings as they are,
/// lists and maps as JSON.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
