//! One run of a component: its inputs, outputs and parameters, and how it may end.
//!
//! It does not know any component.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use component_api::contract::{ExecutorInput, ExecutorOutput, RuntimeArtifact};
use component_api::files::{ExternalFile, FilesManifest};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The file that names the external files of an artifact of type Files.
const FILES_MANIFEST: &str = "files.json";

/// What a component is given, and where it says more than its files do.
pub(crate) struct Invocation {
    input: ExecutorInput,
    output: ExecutorOutput,
}

/// How a component ends when it did its work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its outputs are what was asked for.
    Succeeded,
    /// Its outputs are complete and say that the data or model is not good enough (exit 65).
    Refused {
        /// With the value and the bound.
        reason: String,
    },
}

/// Why a component could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What failed, where and why, in a sentence.
    pub(crate) message: String,
    /// What to do about it, or empty.
    pub(crate) hint: String,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: String::new(),
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Any error of the crates below is a failure, told with all of its causes.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(message)
    }
}

impl Invocation {
    pub(crate) fn new(input: ExecutorInput) -> Self {
        Self {
            input,
            output: ExecutorOutput::default(),
        }
    }

    /// The artifacts that came in at a port; none if it was not given.
    pub(crate) fn artifacts(&self, port: &str) -> &[RuntimeArtifact] {
        self.input
            .inputs
            .artifacts
            .get(port)
            .map_or(&[], |list| &list.artifacts)
    }

    /// The paths of a port's artifacts.
    pub(crate) fn input_paths(&self, port: &str) -> Vec<PathBuf> {
        let artifacts = self.artifacts(port).iter();
        artifacts.map(|a| PathBuf::from(&a.uri)).collect()
    }

    /// The path of an optional input.
    pub(crate) fn optional_input(&self, port: &str) -> Option<&Path> {
        self.artifacts(port).first().map(|a| Path::new(&a.uri))
    }

    /// The path of a required input.
    pub(crate) fn input(&self, port: &str) -> Result<&Path, Failure> {
        self.optional_input(port).ok_or_else(|| {
            Failure::new(format!("the input `{port}` was not given"))
                .hint(format!("by hand: --input {port}=PATH"))
        })
    }

    /// The external files of a port of type Files: those that its manifests name or, by hand, the
    /// files themselves.
    pub(crate) fn files(&self, port: &str) -> Result<FilesManifest, Failure> {
        let mut all = FilesManifest {
            format_version: 1,
            span: None,
            version: None,
            files: Vec::new(),
        };
        self.input(port)?;
        for artifact in self.artifacts(port) {
            let path = Path::new(&artifact.uri);
            if !path.is_dir() {
                all.files.push(ExternalFile {
                    path: artifact.uri.clone(),
                    name: artifact.uri.clone(),
                    size_bytes: 0,
                    digest: String::new(),
                });
                continue;
            }
            let file = path.join(FILES_MANIFEST);
            let text = fs::read(&file).map_err(|error| {
                Failure::new(format!("cannot read {}: {error}", file.display()))
                    .hint(format!("by hand name each file: --input {port}=FILE"))
            })?;
            let manifest: FilesManifest = serde_json::from_slice(&text).map_err(|error| {
                Failure::new(format!(
                    "{} is no manifest of files: {error}",
                    file.display()
                ))
            })?;
            all.span = all.span.or(manifest.span);
            all.version = all.version.or(manifest.version);
            all.files.extend(manifest.files);
        }
        Ok(all)
    }

    /// A property of the first artifact of a port; null if it has none.
    pub(crate) fn input_property(&self, port: &str, name: &str) -> Value {
        let first = self.artifacts(port).first();
        let value = first.and_then(|artifact| artifact.metadata.get(name));
        value.cloned().unwrap_or_default()
    }

    /// Where an output goes: it does not exist yet, its parent does.
    pub(crate) fn output(&self, port: &str) -> Result<PathBuf, Failure> {
        let artifacts = self.input.outputs.artifacts.get(port);
        let path = artifacts
            .and_then(|list| list.artifacts.first())
            .map(|a| PathBuf::from(&a.uri))
            .ok_or_else(|| {
                Failure::new(format!("no place was given for the output `{port}`"))
                    .hint(format!("by hand: --output {port}=PATH"))
            })?;
        if path.exists() {
            // What lay there before would be taken for a part of the output.
            return Err(Failure::new(format!(
                "the place of the output `{port}`, {}, exists already",
                path.display()
            ))
            .hint("name another place, or remove what is there"));
        }
        Ok(path)
    }

    /// Tells the person who reads the step's log.
    #[expect(
        clippy::unused_self,
        reason = "where the log goes is the invocation's affair"
    )]
    pub(crate) fn note(&self, text: &str) {
        // Nothing can be told to anyone when standard error itself is gone.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// The parameters as they came.
    pub(crate) fn params(&self) -> &Map<String, Value> {
        &self.input.inputs.parameter_values
    }

    /// The parameters as a type of the component's own.
    pub(crate) fn params_as<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(Value::Object(self.params().clone()))
            .map_err(|e| Failure::new(format!("the parameters do not fit: {e}")))
    }

    /// Records a property of an output artifact.
    pub(crate) fn set_property(&mut self, port: &str, name: &str, value: impl Into<Value>) {
        let list = self.output.artifacts.entry(port.to_owned()).or_default();
        if list.artifacts.is_empty() {
            list.artifacts.push(RuntimeArtifact::default());
        }
        list.artifacts[0]
            .metadata
            .insert(name.to_owned(), value.into());
    }

    /// Records what every Examples artifact says of itself: its splits and their rows.
    pub(crate) fn set_examples_properties(&mut self, port: &str, splits: &[(String, u64)]) {
        let names: Vec<&str> = splits.iter().map(|(name, _)| name.as_str()).collect();
        let counts: Map<String, Value> = splits
            .iter()
            .map(|(name, rows)| (name.clone(), Value::from(*rows)))
            .collect();
        let rows: u64 = splits.iter().map(|(_, rows)| rows).sum();
        self.set_property(port, "split_names", names);
        self.set_property(port, "row_counts", counts);
        self.set_property(port, "rows", rows);
    }

    /// The input and what was said about the outputs, when the component is done.
    pub(crate) fn finish(self) -> (ExecutorInput, ExecutorOutput) {
        (self.input, self.output)
    }
}
