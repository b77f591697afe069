//! An Anomalies artifact's files: `Split-<name>/anomalies.json`.

use std::fs;
use std::path::{Path, PathBuf};

use super::model::Anomalies;
use crate::DataError;
use crate::examples::split_folder;

/// Writes one split's anomalies into the artifact's folder.
pub fn write(folder: &Path, split: &str, anomalies: &Anomalies) -> Result<(), DataError> {
    let path = file(folder, split);
    let parent = split_folder(folder, split);
    fs::create_dir_all(&parent).map_err(|error| DataError::io("create", &parent, error))?;
    let mut text = serde_json::to_string_pretty(anomalies)
        .map_err(|error| DataError::artifact(&path, format!("cannot be written: {error}")))?;
    text.push('\n');
    fs::write(&path, text).map_err(|error| DataError::io("write", &path, error))
}

/// Reads one split's anomalies.
pub fn read(folder: &Path, split: &str) -> Result<Anomalies, DataError> {
    let path = file(folder, split);
    let text = fs::read(&path).map_err(|error| DataError::io("read", &path, error))?;
    serde_json::from_slice(&text)
        .map_err(|error| DataError::artifact(&path, format!("not anomalies: {error}")))
}

fn file(folder: &Path, split: &str) -> PathBuf {
    split_folder(folder, split).join("anomalies.json")
}
