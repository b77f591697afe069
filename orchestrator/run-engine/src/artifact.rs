//! Artifacts as the engine knows them: where they lie, their digest, their properties.
//!
//! It does not know what is inside of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{ArtifactId, RunId};

/// What a step gave or took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its identity.
    pub id: ArtifactId,
    /// Name of its type.
    pub type_name: String,
    /// Version of the type's layout.
    pub type_version: u32,
    /// Producing step.
    pub step: String,
    /// The item of that step, from 0, if it was made for one.
    #[serde(default)]
    pub item_index: Option<u32>,
    /// Port of that step.
    pub port: String,
    /// Run in which it was made.
    pub run: RunId,
    /// Its file or folder, relative to the state folder.
    pub path: String,
    /// Digest over its files; see `component_api::files::manifest_digest`.
    pub digest: String,
    /// Sum of its files' sizes.
    pub size_bytes: u64,
    /// Its files, sorted by path. For type Files these are external, with absolute paths.
    pub files: Vec<ArtifactFile>,
    /// At most 64 values by name.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

impl Artifact {
    /// The span that it is of: its property of that name.
    pub fn span(&self) -> Option<i64> {
        self.properties.get(SPAN)?.as_i64()
    }
}

/// The property that names an artifact's span.
pub const SPAN: &str = "span";

/// A file of an artifact, and the state in which it was digested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactFile {
    /// Path below the artifact's folder; `.` where the artifact is one file.
    pub path: String,
    /// BLAKE3 of the content in hex.
    pub digest: String,
    /// What the file system said when it was digested.
    pub state: FileState,
}

/// What tells whether a file was touched since it was digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time of the last change of the content, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Time of the last change of the inode, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Inode number.
    pub inode: u64,
}

/// What a step gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outputs {
    /// Artifacts by port.
    pub artifacts: BTreeMap<String, Arc<Artifact>>,
    /// Values by port.
    pub parameters: BTreeMap<String, Value>,
}
