//! Whether what an execution gave is still as it was recorded.

use std::io;
use std::path::Path;

use run_engine::artifact::{Artifact, ArtifactFile};
use run_engine::seams::VerifyTask;

use crate::memo::{DigestError, DigestMemo, file_state};

/// None if every recorded file is there and unchanged; else a sentence that says what is not.
///
/// A file in the recorded state is taken as unchanged; any other is digested again.
pub fn verify(task: &VerifyTask, memo: &DigestMemo) -> Option<String> {
    let mut artifacts = task.outputs.artifacts.values();
    artifacts.find_map(|artifact| verify_artifact(artifact, memo))
}

/// The same of one artifact.
pub(crate) fn verify_artifact(artifact: &Artifact, memo: &DigestMemo) -> Option<String> {
    let root = memo.state_dir().join(&artifact.path);
    if artifact.files.is_empty() && !root.is_dir() {
        return Some(sentence(artifact, &root, "is gone"));
    }
    artifact.files.iter().find_map(|file| {
        let path = match file.path.as_str() {
            "." => root.clone(),
            path => root.join(path),
        };
        let what = look(&path, file, memo)?;
        Some(sentence(artifact, &path, &what))
    })
}

/// What is wrong with a file, if anything is.
fn look(path: &Path, recorded: &ArtifactFile, memo: &DigestMemo) -> Option<String> {
    let unreadable = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => "is gone".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    match std::fs::symlink_metadata(path) {
        Ok(now) if now.is_file() && file_state(&now) == recorded.state => return None,
        Ok(now) if now.is_file() => {}
        Ok(_) => return Some("is no file any more".to_owned()),
        Err(error) => return Some(unreadable(&error)),
    }
    match memo.digest_anew(path) {
        Ok(digested) if digested.digest == recorded.digest => None,
        Ok(_) | Err(DigestError::Changing) => Some("was changed since it was recorded".to_owned()),
        Err(DigestError::Io(error)) => Some(unreadable(&error)),
        Err(error @ DigestError::Interrupted) => Some(format!("cannot be read: {error}")),
    }
}

fn sentence(artifact: &Artifact, path: &Path, what: &str) -> String {
    format!(
        "{}.{}: {} {what}",
        artifact.step,
        artifact.port,
        path.display()
    )
}
