//! The digest of an artifact's folder, as the engine computes it when it records one.
//!
//! By it a blessing names the model that it judges, and a push knows the model again.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use component_api::files::{FileEntry, manifest_digest};

use crate::invocation::Failure;

/// Deepest folder below an artifact: a deeper one is nearly always a mistake, and each level is a
/// call on the stack.
const DEPTH_MAX: usize = 64;

/// The digest over the files of a folder, or of a single file.
pub(crate) fn folder_digest(path: &Path) -> Result<String, Failure> {
    Ok(manifest_digest(&files(path)?))
}

/// The files of a folder with their digests, sorted; a single file is called `.`.
pub(crate) fn files(path: &Path) -> Result<Vec<FileEntry>, Failure> {
    let mut entries = Vec::new();
    let metadata = fs::symlink_metadata(path).map_err(|e| cannot_read(path, &e))?;
    if metadata.is_dir() {
        collect(path, "", 0, &mut entries)?;
    } else {
        entries.push(entry(path, ".")?);
    }
    entries.sort();
    Ok(entries)
}

fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    entries: &mut Vec<FileEntry>,
) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        return Err(Failure::new(format!(
            "{} lies more than {DEPTH_MAX} folders deep",
            folder.display()
        )));
    }
    for found in fs::read_dir(folder).map_err(|e| cannot_read(folder, &e))? {
        let found = found.map_err(|e| cannot_read(folder, &e))?;
        let path = found.path();
        let name = found.file_name().into_string().map_err(|_| {
            Failure::new(format!("{}: the file's name is not UTF-8", path.display()))
        })?;
        let relative = format!("{prefix}{name}");
        let kind = found.file_type().map_err(|e| cannot_read(&path, &e))?;
        if kind.is_dir() {
            collect(&path, &format!("{relative}/"), depth + 1, entries)?;
        } else {
            entries.push(entry(&path, &relative)?);
        }
    }
    Ok(())
}

fn entry(path: &Path, name: &str) -> Result<FileEntry, Failure> {
    let metadata = fs::symlink_metadata(path).map_err(|e| cannot_read(path, &e))?;
    if !metadata.is_file() {
        return Err(Failure::new(format!(
            "{} is a link or a device, and artifacts hold files and folders only",
            path.display()
        ))
        .hint("put the file itself there"));
    }
    let mut file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    let mut hasher = blake3::Hasher::new();
    let size_bytes = io::copy(&mut file, &mut hasher).map_err(|e| cannot_read(path, &e))?;
    Ok(FileEntry {
        path: name.to_owned(),
        size_bytes,
        digest: hasher.finalize().to_hex().to_string(),
    })
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", path.display()))
}
