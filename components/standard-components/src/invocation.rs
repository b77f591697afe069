//! One run of a component: its inputs, outputs and parameters, and how it may end.
//!
//! It does not know any component.

use std::path::{Path, PathBuf};

use component_api::contract::{ExecutorInput, ExecutorOutput, RuntimeArtifact};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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

    /// Where an output goes: it does not exist yet, its parent does.
    pub(crate) fn output(&self, port: &str) -> Result<PathBuf, Failure> {
        let artifacts = self.input.outputs.artifacts.get(port);
        artifacts
            .and_then(|list| list.artifacts.first())
            .map(|a| PathBuf::from(&a.uri))
            .ok_or_else(|| {
                Failure::new(format!("no place was given for the output `{port}`"))
                    .hint(format!("by hand: --output {port}=PATH"))
            })
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

    /// The input and what was said about the outputs, when the component is done.
    pub(crate) fn finish(self) -> (ExecutorInput, ExecutorOutput) {
        (self.input, self.output)
    }
}
