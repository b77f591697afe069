//! Artifacts: what steps gave and took.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::timestamp;
use crate::version::DocumentVersion;
use crate::words::ArtifactState;

/// A page of artifacts, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Artifacts {
    /// 1.
    pub version: DocumentVersion,
    /// The artifacts.
    pub artifacts: Vec<Artifact>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// One artifact as a document of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactDocument {
    /// 1.
    pub version: DocumentVersion,
    /// The artifact.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// A page of an artifact's files, by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactFiles {
    /// 1.
    pub version: DocumentVersion,
    /// The files.
    pub files: Vec<ArtifactFile>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactFile {
    /// Its path within the artifact, with `/`.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// Its identity.
    pub artifact_id: Uuid,
    /// Name of its type.
    #[serde(rename = "type")]
    pub artifact_type: String,
    /// The port that gave it, or for Files the port that took it.
    pub name: String,
    /// Run in which it was made.
    pub run_id: Uuid,
    /// Id of the step of that port.
    pub step: String,
    /// That step's item, from 0.
    pub item_index: Option<u32>,
    /// Absolute path of its file or folder; null for external files without one.
    pub path: Option<String>,
    /// Digest over its files.
    pub digest: String,
    /// Sum of its files' sizes.
    pub size_bytes: u64,
    /// Whether its bytes are there.
    pub state: ArtifactState,
    /// Values by name.
    pub properties: BTreeMap<String, Value>,
    /// When it was recorded.
    #[serde(with = "timestamp")]
    pub created_at: DateTime<Utc>,
}
