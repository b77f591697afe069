//! The `ExecutorInput` of an attempt: Kubeflow's form, our paths.

use component_api::contract::{
    ArtifactList, ExecutorInput, Inputs, OutputParameter, Outputs, RuntimeArtifact, RuntimeType,
};
use run_engine::artifact::Artifact;
use run_engine::plan::OutputKind;
use serde_json::{Map, Value};

use super::Attempt;

/// The parameter of a push that the engine gives: its frozen version.
const PUSH_VERSION: &str = "version";

pub(super) fn of(attempt: &Attempt<'_>) -> ExecutorInput {
    ExecutorInput {
        inputs: inputs(attempt),
        outputs: outputs(attempt),
    }
}

fn inputs(attempt: &Attempt<'_>) -> Inputs {
    let started = &attempt.task.started;
    let params = started.key.params.iter();
    let ports = started.inputs.iter().filter(|(_, given)| !given.is_empty());
    let artifacts = ports.map(|(port, given)| {
        let given = given.iter().map(|one| runtime(attempt, one));
        let artifacts = given.collect();
        (port.clone(), ArtifactList { artifacts })
    });
    let mut parameter_values: Map<String, Value> = params
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if let Some(version) = started.push_version {
        parameter_values.insert(PUSH_VERSION.to_owned(), version.into());
    }
    Inputs {
        parameter_values,
        artifacts: artifacts.collect(),
    }
}

fn runtime(attempt: &Attempt<'_>, artifact: &Artifact) -> RuntimeArtifact {
    let properties = artifact.properties.iter();
    let mut metadata: Map<String, Value> = properties
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    metadata.insert("digest".to_owned(), artifact.digest.clone().into());
    RuntimeArtifact {
        name: format!("{}.{}", artifact.step, artifact.port),
        artifact_type: runtime_type(&artifact.type_name),
        uri: absolute(attempt, &artifact.path),
        metadata,
    }
}

fn outputs(attempt: &Attempt<'_>) -> Outputs {
    let mut outputs = Outputs {
        output_file: absolute(attempt, &attempt.layout.executor_output()),
        ..Outputs::default()
    };
    for (port, plan) in &attempt.node.outputs {
        match plan.kind {
            OutputKind::Parameter => {
                let output_file = absolute(attempt, &attempt.layout.output_value(port));
                let parameter = OutputParameter { output_file };
                outputs.parameters.insert(port.clone(), parameter);
            }
            OutputKind::Artifact => {
                let artifact = RuntimeArtifact {
                    name: format!("{}.{port}", attempt.node.id),
                    artifact_type: runtime_type(&plan.type_name),
                    uri: absolute(attempt, &attempt.layout.output(port)),
                    metadata: Map::new(),
                };
                let artifacts = vec![artifact];
                outputs
                    .artifacts
                    .insert(port.clone(), ArtifactList { artifacts });
            }
        }
    }
    outputs
}

/// Our types by their own name. Where Kubeflow's SDK does not know it, as it does not know ours, an
/// artifact is of the class that the component's annotation names, and `Output[Metrics]` has its methods.
fn runtime_type(name: &str) -> RuntimeType {
    RuntimeType {
        schema_title: name.to_owned(),
        schema_version: "0.0.1".to_owned(),
    }
}

fn absolute(attempt: &Attempt<'_>, relative: &str) -> String {
    // Checked to be UTF-8 before.
    attempt.path(relative).to_string_lossy().into_owned()
}
