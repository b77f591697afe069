//! Files of JSON in the folders of output artifacts.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::invocation::Failure;

/// Writes a document for people and programs into a folder, which is made if it is missing.
pub(crate) fn write_json(
    folder: &Path,
    file: &str,
    document: &impl Serialize,
) -> Result<(), Failure> {
    let cannot = |path: &Path, error: std::io::Error| {
        Failure::new(format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|e| cannot(folder, e))?;
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    let path = folder.join(file);
    fs::write(&path, text).map_err(|e| cannot(&path, e))
}
