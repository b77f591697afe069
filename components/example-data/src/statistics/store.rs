//! A Statistics artifact's files: `Split-<name>/statistics.json` and `Split-<name>/sketch.bin`.

use std::fs;
use std::path::{Path, PathBuf};

use super::model::DatasetFeatureStatistics;
use super::sketch::SplitSketch;
use crate::DataError;
use crate::examples::{split_folder, split_names};

/// First bytes of a sketch's file: what it is and the version of its format.
const SKETCH_HEADER: &[u8] = b"ropewalk-sketch-1\n";

/// Writes one split's statistics into the artifact's folder.
pub fn write(folder: &Path, split: &str, sketch: &SplitSketch) -> Result<(), DataError> {
    let folder = split_folder(folder, split);
    fs::create_dir_all(&folder).map_err(|error| DataError::io("create", &folder, error))?;
    let path = statistics_file(&folder);
    let statistics = sketch.finish(split);
    let mut text = serde_json::to_string_pretty(&statistics)
        .map_err(|error| DataError::artifact(&path, format!("cannot be written: {error}")))?;
    text.push('\n');
    fs::write(&path, text).map_err(|error| DataError::io("write", &path, error))?;
    let path = sketch_file(&folder);
    let mut bytes = SKETCH_HEADER.to_vec();
    rmp_serde::encode::write_named(&mut bytes, sketch)
        .map_err(|error| DataError::artifact(&path, format!("cannot be written: {error}")))?;
    fs::write(&path, bytes).map_err(|error| DataError::io("write", &path, error))
}

/// Reads one split's statistics.
pub fn read(folder: &Path, split: &str) -> Result<DatasetFeatureStatistics, DataError> {
    let path = statistics_file(&split_folder(folder, split));
    let text = fs::read(&path).map_err(|error| DataError::io("read", &path, error))?;
    serde_json::from_slice(&text)
        .map_err(|error| DataError::artifact(&path, format!("not statistics: {error}")))
}

/// Reads one split's sketch, to merge it with others.
pub fn read_sketch(folder: &Path, split: &str) -> Result<SplitSketch, DataError> {
    let path = sketch_file(&split_folder(folder, split));
    let bytes = fs::read(&path).map_err(|error| DataError::io("read", &path, error))?;
    let body = bytes.strip_prefix(SKETCH_HEADER).ok_or_else(|| {
        DataError::artifact(
            &path,
            "not a sketch of a format that this version reads; compute the statistics again",
        )
    })?;
    rmp_serde::from_slice(body)
        .map_err(|error| DataError::artifact(&path, format!("a damaged sketch: {error}")))
}

/// The digest of a Statistics artifact: BLAKE3 over each split's name and statistics.
pub fn digest(folder: &Path) -> Result<String, DataError> {
    let mut hasher = blake3::Hasher::new();
    for split in split_names(folder)? {
        let path = statistics_file(&split_folder(folder, &split));
        let text = fs::read(&path).map_err(|error| DataError::io("read", &path, error))?;
        hasher.update(split.as_bytes());
        hasher.update(&[0]);
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(&text);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn statistics_file(folder: &Path) -> PathBuf {
    folder.join("statistics.json")
}

fn sketch_file(folder: &Path) -> PathBuf {
    folder.join("sketch.bin")
}
