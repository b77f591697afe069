//! The parts of reuse keys as rows hold them.

use std::collections::BTreeMap;
use std::sync::Arc;

use component_api::files::FileEntry;
use run_engine::reuse::{FileSet, KeyParts};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::codec::Stored;
use super::digest::Digest;

/// Everything that a step's result depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    component: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    inputs: BTreeMap<String, Vec<Digest>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) files: Option<KeyFilesAt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workdir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_key: Option<String>,
    /// `null` is an item too.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    item: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Where the files of a key are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyFilesAt {
    /// In the row.
    Here(StoredFileSet),
    /// In the object of this address, which the steps of a pipeline share.
    Object(Digest),
}

/// The files that a command depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredFileSet {
    digest: Digest,
    files: Vec<StoredFileEntry>,
}

/// A file of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredFileEntry {
    path: String,
    size_bytes: u64,
    digest: Digest,
}

impl Stored for StoredFileSet {
    const WHAT: &'static str = "a set of key files";
}

impl StoredKey {
    /// The parts, whose files are told there.
    pub(crate) fn new(key: &KeyParts, files: Option<KeyFilesAt>) -> Self {
        let inputs = key.inputs.iter();
        Self {
            component: key.component.clone(),
            command: key.command.clone(),
            program: key.program.clone(),
            params: key.params.clone(),
            inputs: inputs
                .map(|(port, digests)| (port.clone(), digests.iter().map(Digest::from).collect()))
                .collect(),
            env: key.env.clone(),
            outputs: key.outputs.clone(),
            files,
            workdir: key.workdir.clone(),
            cache_key: key.cache_key.clone(),
            item: key.item.clone(),
        }
    }

    /// The parts, with the files that were found where `files` tells.
    pub(crate) fn with_files(self, files: Option<Arc<FileSet>>) -> KeyParts {
        let inputs = self.inputs.into_iter();
        KeyParts {
            component: self.component,
            command: self.command,
            program: self.program,
            params: self.params,
            inputs: inputs
                .map(|(port, digests)| (port, digests.into_iter().map(String::from).collect()))
                .collect(),
            env: self.env,
            outputs: self.outputs,
            files,
            workdir: self.workdir,
            cache_key: self.cache_key,
            item: self.item,
        }
    }
}

impl From<&FileSet> for StoredFileSet {
    fn from(set: &FileSet) -> Self {
        let files = set.files.iter();
        Self {
            digest: Digest::from(&set.digest),
            files: files
                .map(|file| StoredFileEntry {
                    path: file.path.clone(),
                    size_bytes: file.size_bytes,
                    digest: Digest::from(&file.digest),
                })
                .collect(),
        }
    }
}

impl From<StoredFileSet> for FileSet {
    fn from(stored: StoredFileSet) -> Self {
        let files = stored.files.into_iter();
        Self {
            digest: stored.digest.into(),
            files: files
                .map(|file| FileEntry {
                    path: file.path,
                    size_bytes: file.size_bytes,
                    digest: file.digest.into(),
                })
                .collect(),
        }
    }
}
