//! Reading what lies in artifacts: JSON files, splits, the folder itself.
//!
//! It knows where files lie, not what they mean. Nothing here fails: what is not there or cannot be
//! read is simply not shown.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::limits::{SHOWN_FILE_BYTES_MAX, SHOWN_LINES_MAX};

/// What a split's folder is called, before the split's name.
const SPLIT_PREFIX: &str = "Split-";

/// A JSON file below an artifact's path.
pub(crate) fn json(path: &Path, file: &str) -> Option<Value> {
    serde_json::from_slice(&bytes(&path.join(file))?).ok()
}

/// An artifact that is a JSON file, or a folder that holds one.
pub(crate) fn only_json(path: &Path) -> Option<Value> {
    let file = if path.is_dir() {
        let names = entries(path);
        names
            .into_iter()
            .find(|f| f.extension().is_some_and(|e| e == "json"))?
    } else {
        path.to_path_buf()
    };
    serde_json::from_slice(&bytes(&file)?).ok()
}

/// The first lines of a text file below an artifact's path.
pub(crate) fn text(path: &Path, file: &str) -> Option<String> {
    let bytes = bytes(&path.join(file))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<&str> = text.lines().take(SHOWN_LINES_MAX + 1).collect();
    if lines.len() > SHOWN_LINES_MAX {
        lines[SHOWN_LINES_MAX] = "...";
    }
    Some(lines.join("\n"))
}

/// The splits of an artifact: their names and folders.
pub(crate) fn splits(path: &Path) -> Vec<(String, PathBuf)> {
    let folders = entries(path).into_iter().filter_map(|folder| {
        let name = folder.file_name()?.to_str()?.strip_prefix(SPLIT_PREFIX)?;
        Some((name.to_owned(), folder.clone()))
    });
    folders.collect()
}

/// The files of an artifact with their sizes, by path, as many as are shown, and whether there are more.
pub(crate) fn listing(path: &Path) -> (Vec<(String, u64)>, bool) {
    let mut found = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder).into_iter().rev() {
            let Ok(data) = fs::symlink_metadata(&entry) else {
                continue;
            };
            if data.is_dir() {
                folders.push(entry);
            } else if let Ok(name) = entry.strip_prefix(path) {
                found.push((name.display().to_string(), data.len()));
            }
        }
        if found.len() > SHOWN_LINES_MAX {
            break;
        }
    }
    found.sort();
    let more = found.len() > SHOWN_LINES_MAX;
    found.truncate(SHOWN_LINES_MAX);
    (found, more)
}

/// What a folder holds, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = read.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    paths
}

/// A whole file, unless it is larger than anything that is shown.
fn bytes(file: &Path) -> Option<Vec<u8>> {
    let file = File::open(file).ok()?;
    if file.metadata().ok()?.len() > SHOWN_FILE_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(SHOWN_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}
