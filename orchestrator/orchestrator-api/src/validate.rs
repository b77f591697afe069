//! What is wrong with pipeline files.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::version::DocumentVersion;
use crate::words::Severity;

/// The outcome of a look at pipeline files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// 1.
    pub version: DocumentVersion,
    /// Whether all of them can run.
    pub valid: bool,
    /// Everything found, file by file, in the order of the text.
    pub diagnostics: Vec<DiagnosticEntry>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiagnosticEntry {
    /// Its kind.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file as it was named.
    pub file: String,
    /// First line, from 1; null where it is about the file as a whole.
    pub line: Option<u64>,
    /// Column of the first character, from 1, counting characters.
    pub column: Option<u64>,
    /// Last line.
    pub end_line: Option<u64>,
    /// Column after the last character.
    pub end_column: Option<u64>,
    /// What to do about it.
    pub hint: Option<String>,
}
