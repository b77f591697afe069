//! Whose data a refusal is about: what a step that refused was made of, as far as it is of a span.
//!
//! A `validate` that refuses refuses the examples that its statistics describe. A step that judges a
//! model says nothing of the data: that a model is not good enough makes no span a bad one.

use std::collections::BTreeSet;
use std::sync::Arc;

use pipeline_plan::{NodeId, Source};
use run_engine::artifact::Artifact;
use run_engine::state::{RunState, StepPhase};

use super::inputs::output;

/// Types of what is made by training: a step that takes one of them judges that.
const OF_MODELS: [&str; 8] = [
    "Blessing",
    "Evaluation",
    "HyperParameters",
    "Metrics",
    "Model",
    "Predictions",
    "PushedModel",
    "TransformGraph",
];

/// What of a span the refusal of a step is about: by step, what this run has of it.
pub(crate) fn refused_by(state: &RunState, node: NodeId) -> Vec<(NodeId, Arc<Artifact>)> {
    let mut found = Vec::new();
    if judges_models(state, node) {
        return found;
    }
    let mut seen = BTreeSet::new();
    let mut open = vec![node];
    while let Some(at) = open.pop() {
        for (source, port) in sources(state, at) {
            let mut artifacts = output(state, source, port);
            artifacts.retain(|artifact| artifact.span().is_some());
            if !artifacts.is_empty() && seen.insert((source, port)) {
                found.extend(artifacts.into_iter().map(|artifact| (source, artifact)));
                open.push(source);
            }
        }
    }
    found
}

/// Whether a step of the run refused what this step gave.
pub(super) fn is_refused(state: &RunState, giver: NodeId) -> bool {
    let tasks = state.task_ids();
    let mut refused = tasks.filter(|node| state.step(*node).phase == StepPhase::Refused);
    refused.any(|node| refused_by(state, node).iter().any(|(of, _)| *of == giver))
}

fn judges_models(state: &RunState, node: NodeId) -> bool {
    sources(state, node).any(|(source, port)| {
        let outputs = &state.plan().node(source).outputs;
        let type_name = outputs.get(port).map(|output| output.type_name.as_str());
        type_name.is_some_and(|name| OF_MODELS.contains(&name))
    })
}

/// The steps and ports from which a step takes something.
fn sources(state: &RunState, node: NodeId) -> impl Iterator<Item = (NodeId, &str)> {
    let inputs = state.planned(node).inputs.values();
    inputs
        .flat_map(|input| &input.sources)
        .filter_map(|source| match source {
            Source::Output { node, port } => Some((*node, port.as_str())),
            _ => None,
        })
}
