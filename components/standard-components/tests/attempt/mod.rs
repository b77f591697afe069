//! A component run as the engine runs one: an `ExecutorInput` in, outputs and an exit status out.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};

use component_api::contract::{
    ArtifactList, ExecutorInput, ExecutorOutput, RuntimeArtifact, RuntimeType,
};
use component_api::files::{FileEntry, manifest_digest};
use serde_json::Value;

/// An attempt that is being prepared.
pub(crate) struct Attempt {
    component: String,
    input: ExecutorInput,
    folder: PathBuf,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) output: ExecutorOutput,
    pub(crate) folder: PathBuf,
}

impl Attempt {
    /// An attempt with a folder of its own, and the manifest's defaults as parameters.
    pub(crate) fn new(component: &str, folder: &Path) -> Self {
        let catalog = standard_components::catalog();
        let manifest = &catalog.get(component).unwrap().manifest;
        fs::create_dir_all(folder.join("outputs")).unwrap();
        let mut input = ExecutorInput::default();
        for (name, spec) in &manifest.params {
            if !spec.default.is_null() {
                let values = &mut input.inputs.parameter_values;
                values.insert(name.clone(), spec.default.clone());
            }
        }
        for (name, port) in &manifest.outputs {
            let path = folder.join("outputs").join(name);
            let list = artifact(&port.artifact_type, &path);
            input.outputs.artifacts.insert(name.clone(), list);
        }
        let output_file = folder.join("out.json");
        input.outputs.output_file = output_file.to_string_lossy().into_owned();
        Self {
            component: component.to_owned(),
            input,
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn input(mut self, port: &str, path: &Path) -> Self {
        let ports = &mut self.input.inputs.artifacts;
        let list = ports.entry(port.to_owned()).or_default();
        list.artifacts.extend(artifact("", path).artifacts);
        self
    }

    pub(crate) fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        let values = &mut self.input.inputs.parameter_values;
        values.insert(name.to_owned(), value.into());
        self
    }

    /// Writes what the attempt is given, for a process that is started with it.
    pub(crate) fn save(&self) -> PathBuf {
        let file = self.folder.join("in.json");
        fs::write(&file, serde_json::to_vec(&self.input).unwrap()).unwrap();
        file
    }

    pub(crate) fn run(self) -> Ended {
        let file = self.save();
        let arguments = [
            self.component,
            "--executor-input".to_owned(),
            file.to_string_lossy().into_owned(),
        ];
        let status = standard_components::run(&arguments);
        let output = fs::read(self.folder.join("out.json")).unwrap();
        Ended {
            status,
            output: serde_json::from_slice(&output).unwrap(),
            folder: self.folder,
        }
    }
}

impl Ended {
    pub(crate) fn path(&self, port: &str) -> PathBuf {
        self.folder.join("outputs").join(port)
    }

    pub(crate) fn property(&self, port: &str, name: &str) -> Value {
        let list = self.output.artifacts.get(port);
        let artifact = list.and_then(|list| list.artifacts.first());
        let value = artifact.and_then(|artifact| artifact.metadata.get(name));
        value.cloned().unwrap_or(Value::Null)
    }

    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, 0, "{}", self.output.reason);
        self
    }
}

fn artifact(type_name: &str, path: &Path) -> ArtifactList {
    ArtifactList {
        artifacts: vec![RuntimeArtifact {
            artifact_type: RuntimeType {
                schema_title: type_name.to_owned(),
                schema_version: "0.0.1".to_owned(),
            },
            uri: path.to_string_lossy().into_owned(),
            ..RuntimeArtifact::default()
        }],
    }
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The digest of a folder as the engine records it.
pub(crate) fn digest(folder: &Path) -> String {
    let mut entries = Vec::new();
    let mut rest = vec![folder.to_owned()];
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            rest.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            let content = fs::read(&path).unwrap();
            entries.push(FileEntry {
                path: path.strip_prefix(folder).unwrap().to_string_lossy().into(),
                size_bytes: content.len() as u64,
                digest: blake3::hash(&content).to_hex().to_string(),
            });
        }
    }
    manifest_digest(&entries)
}
