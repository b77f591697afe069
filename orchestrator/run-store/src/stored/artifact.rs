//! Artifacts and outputs as rows hold them.

use std::collections::BTreeMap;
use std::sync::Arc;

use run_engine::artifact::{Artifact, ArtifactFile, FileState, Outputs};
use run_engine::ids::{ArtifactId, RunId};
use run_engine::seams::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::digest::Digest;
use super::time::Micros;

/// An artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredArtifact {
    id: Uuid,
    #[serde(rename = "type")]
    type_name: String,
    type_version: u32,
    step: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item_index: Option<u32>,
    port: String,
    run: Uuid,
    path: String,
    digest: Digest,
    size_bytes: u64,
    files: Vec<StoredFile>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, Value>,
    created_at: Micros,
}

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredFile {
    path: String,
    digest: Digest,
    size_bytes: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: u64,
}

/// What a step gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredOutputs {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    artifacts: BTreeMap<String, StoredArtifact>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, Value>,
}

impl From<&Artifact> for StoredArtifact {
    fn from(artifact: &Artifact) -> Self {
        Self {
            id: artifact.id.0,
            type_name: artifact.type_name.clone(),
            type_version: artifact.type_version,
            step: artifact.step.clone(),
            item_index: artifact.item_index,
            port: artifact.port.clone(),
            run: artifact.run.0,
            path: artifact.path.clone(),
            digest: Digest::from(&artifact.digest),
            size_bytes: artifact.size_bytes,
            files: artifact.files.iter().map(StoredFile::from).collect(),
            properties: artifact.properties.clone(),
            created_at: artifact.created_at.into(),
        }
    }
}

impl TryFrom<StoredArtifact> for Artifact {
    type Error = StoreError;

    fn try_from(stored: StoredArtifact) -> Result<Self, StoreError> {
        Ok(Self {
            id: ArtifactId(stored.id),
            type_name: stored.type_name,
            type_version: stored.type_version,
            step: stored.step,
            item_index: stored.item_index,
            port: stored.port,
            run: RunId(stored.run),
            path: stored.path,
            digest: stored.digest.into(),
            size_bytes: stored.size_bytes,
            files: stored.files.into_iter().map(ArtifactFile::from).collect(),
            properties: stored.properties,
            created_at: stored.created_at.try_into()?,
        })
    }
}

impl From<&ArtifactFile> for StoredFile {
    fn from(file: &ArtifactFile) -> Self {
        Self {
            path: file.path.clone(),
            digest: Digest::from(&file.digest),
            size_bytes: file.state.size_bytes,
            mtime_ns: file.state.mtime_ns,
            ctime_ns: file.state.ctime_ns,
            inode: file.state.inode,
        }
    }
}

impl From<StoredFile> for ArtifactFile {
    fn from(stored: StoredFile) -> Self {
        Self {
            path: stored.path,
            digest: stored.digest.into(),
            state: FileState {
                size_bytes: stored.size_bytes,
                mtime_ns: stored.mtime_ns,
                ctime_ns: stored.ctime_ns,
                inode: stored.inode,
            },
        }
    }
}

impl From<&Outputs> for StoredOutputs {
    fn from(outputs: &Outputs) -> Self {
        let artifacts = outputs.artifacts.iter();
        Self {
            artifacts: artifacts
                .map(|(port, artifact)| (port.clone(), artifact.as_ref().into()))
                .collect(),
            parameters: outputs.parameters.clone(),
        }
    }
}

impl TryFrom<StoredOutputs> for Outputs {
    type Error = StoreError;

    fn try_from(stored: StoredOutputs) -> Result<Self, StoreError> {
        let artifacts = stored.artifacts.into_iter();
        Ok(Self {
            artifacts: artifacts
                .map(|(port, artifact)| Ok((port, Arc::new(artifact.try_into()?))))
                .collect::<Result<_, StoreError>>()?,
            parameters: stored.parameters,
        })
    }
}
