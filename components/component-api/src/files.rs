//! Manifests of files: what an artifact consists of, and the digest over it.
//!
//! It does not read files; it is told their digests.

use serde::{Deserialize, Serialize};

/// One file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path below the artifact's folder with `/`; `.` where the artifact is a single file.
    pub path: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// BLAKE3 of the content, 64 hex digits.
    pub digest: String,
}

/// The digest of an artifact: BLAKE3 over the lines `path NUL size NUL hex LF`, sorted by path bytes.
///
/// ```
/// use component_api::files::{FileEntry, manifest_digest};
/// let one = |path: &str| FileEntry { path: path.into(), size_bytes: 0, digest: "00".into() };
/// assert_eq!(manifest_digest(&[one("b"), one("a")]), manifest_digest(&[one("a"), one("b")]));
/// ```
pub fn manifest_digest(files: &[FileEntry]) -> String {
    let mut sorted: Vec<&FileEntry> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    let mut hasher = blake3::Hasher::new();
    for file in sorted {
        hasher.update(file.path.as_bytes());
        hasher.update(b"\0");
        hasher.update(file.size_bytes.to_string().as_bytes());
        hasher.update(b"\0");
        hasher.update(file.digest.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

/// The content of a `Files` artifact, `files.json`: external files that were found and fingerprinted.
///
/// ```json
/// {"format_version": 1, "span": null, "version": null, "files": [
///   {"path": "/data/penguins.csv", "name": "penguins.csv", "size_bytes": 15241, "digest": "9f..."}]}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesManifest {
    /// 1.
    pub format_version: u32,
    /// The span that a pattern with `{SPAN}` resolved to.
    #[serde(default)]
    pub span: Option<i64>,
    /// The version within the span.
    #[serde(default)]
    pub version: Option<i64>,
    /// Sorted by name.
    pub files: Vec<ExternalFile>,
}

/// A file outside of the state folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalFile {
    /// Absolute path.
    pub path: String,
    /// Path relative to the pipeline file's folder, or the absolute path if it lies elsewhere.
    pub name: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// BLAKE3 of the content, 64 hex digits.
    pub digest: String,
}

impl FilesManifest {
    /// The digest of the files by name, size and content: where they lie is no part of it.
    pub fn digest(&self) -> String {
        let entries: Vec<FileEntry> = self
            .files
            .iter()
            .map(|f| FileEntry {
                path: f.name.clone(),
                size_bytes: f.size_bytes,
                digest: f.digest.clone(),
            })
            .collect();
        manifest_digest(&entries)
    }
}
