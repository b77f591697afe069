//! Artifacts as documents.

use std::path::Path;

use orchestrator_api as api;
use run_engine::artifact::Artifact;

use super::path_text;

/// The type whose bytes lie outside of the state folder.
const FILES: &str = "Files";

/// An artifact as a document.
pub(crate) fn artifact(artifact: &Artifact, state_dir: &Path) -> api::Artifact {
    // Its own folder, if it has one at all, holds but the list of its files.
    let path = match artifact.path.as_str() {
        "" if artifact.type_name == FILES => None,
        path => Some(path_text(&state_dir.join(path))),
    };
    api::Artifact {
        artifact_id: artifact.id.0,
        artifact_type: artifact.type_name.clone(),
        name: artifact.port.clone(),
        run_id: artifact.run.0,
        step: artifact.step.clone(),
        item_index: artifact.item_index,
        path,
        digest: artifact.digest.clone(),
        size_bytes: artifact.size_bytes,
        state: api::ArtifactState::Live,
        properties: artifact.properties.clone(),
        created_at: artifact.created_at,
    }
}
