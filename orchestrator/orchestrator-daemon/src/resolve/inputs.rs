//! What enters a step: outputs of other steps, external files, and what is looked up beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use component_api::files::FilesManifest;
use component_api::span;
use pipeline_plan::{InputPlan, Node, NodeId, Source};
use run_engine::artifact::{Artifact, FileState, SPAN};
use run_engine::decide::upstream_reason;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use run_engine::seams::{Imported, Lookups, Prepared};
use run_engine::state::RunState;
use serde_json::Value;

use super::{Unresolved, looked_up};

/// One artifact that enters a step.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// It is recorded.
    Artifact(Arc<Artifact>),
    /// External files, which become an artifact of the step's execution.
    Files(Arc<FoundFiles>),
    /// Something made elsewhere, which becomes an artifact of the step's execution too.
    Imported(Arc<Imported>),
}

/// External files as they were found.
#[derive(Debug, Clone)]
pub(crate) struct FoundFiles {
    /// The files.
    pub(crate) manifest: FilesManifest,
    /// The state in which each was digested, in the manifest's order.
    pub(crate) states: Vec<FileState>,
}

impl Given {
    /// The digest of its content.
    pub(crate) fn digest(&self) -> String {
        match self {
            Self::Artifact(artifact) => artifact.digest.clone(),
            Self::Files(found) => found.manifest.digest(),
            Self::Imported(imported) => imported.digest.clone(),
        }
    }

    /// The span that it is of.
    pub(crate) fn span(&self) -> Option<i64> {
        match self {
            Self::Artifact(artifact) => artifact.span(),
            Self::Files(found) => found.manifest.span,
            Self::Imported(imported) => imported.properties.get(SPAN).and_then(Value::as_i64),
        }
    }

    /// What stands for it in the key: its digest, and with it what is told of its content but is
    /// no part of it, for what is made of it is told the same.
    fn key(&self) -> String {
        let version = match self {
            Self::Artifact(_) | Self::Imported(_) => None,
            Self::Files(found) => found.manifest.version,
        };
        match self.span() {
            Some(span) => format!("{} of span {}", self.digest(), span::words(span, version)),
            None => self.digest(),
        }
    }
}

/// Finds what enters each port of a step. Ports that stay empty are absent, but for empty lists.
pub(super) fn gather(
    state: &RunState,
    node: &Node,
    prepared: &Prepared,
    lookups: &impl Lookups,
) -> Result<BTreeMap<String, Vec<Given>>, Unresolved> {
    for input in node.inputs.values() {
        if let Some(need) = withheld(state, input) {
            return Err(Unresolved::Skip(upstream_reason(state, need)));
        }
    }
    let mut inputs = BTreeMap::new();
    for (port, input) in &node.inputs {
        let given = direct(state, port, input, prepared)?;
        if !given.is_empty() || takes_list(state, input) {
            inputs.insert(port.clone(), given);
        }
    }
    looked_up::add(state, node, lookups, &mut inputs)?;
    for (port, input) in &node.inputs {
        if !input.optional && !inputs.contains_key(port) {
            return Err(nothing_enters(state, port, input).into());
        }
    }
    Ok(inputs)
}

/// A step that ended badly and so does not give what the input takes of it. One that the step does
/// without may be missing, but a list is never given with a gap: what is checked by it would pass.
fn withheld(state: &RunState, input: &InputPlan) -> Option<NodeId> {
    if input.optional && !input.many {
        return None;
    }
    input.sources.iter().find_map(|source| match source {
        Source::Output { node, port } => {
            let is_good = state.step(*node).phase.is_good();
            let expansion = state.tasks.of_step(*node);
            let count = expansion.map_or(1, |expansion| expansion.items.len());
            (!is_good && output(state, *node, port).len() < count).then_some(*node)
        }
        _ => None,
    })
}

/// What enters, for the key.
pub(super) fn digests(inputs: &BTreeMap<String, Vec<Given>>) -> BTreeMap<String, Vec<String>> {
    let ports = inputs.iter();
    ports
        .map(|(port, given)| (port.clone(), given.iter().map(Given::key).collect()))
        .collect()
}

/// What enters a port from steps and files, in the order of its sources. All `files:` of a port
/// are one artifact, which stands where the first of them does.
fn direct(
    state: &RunState,
    port: &str,
    input: &InputPlan,
    prepared: &Prepared,
) -> Result<Vec<Given>, Failure> {
    let mut given = Vec::new();
    let mut found_files = false;
    let mut imports = prepared.imports.get(port).into_iter().flatten();
    for source in &input.sources {
        match source {
            Source::Output { node, port } => {
                given.extend(output(state, *node, port).into_iter().map(Given::Artifact));
            }
            Source::Files(globs) | Source::FilesOfSpan { globs, .. } if !found_files => {
                let Some((manifest, states)) = prepared.files.get(port) else {
                    let message =
                        format!("input `{port}`: nothing was found for {}", globs.join(", "));
                    return Err(Failure::new(FailureCode::NoMatch, message));
                };
                found_files = true;
                given.push(Given::Files(Arc::new(FoundFiles {
                    manifest: manifest.clone(),
                    states: states.clone(),
                })));
            }
            Source::Import { .. } => given.extend(imports.next().cloned().map(Given::Imported)),
            _ => {}
        }
    }
    Ok(given)
}

/// What a step gave at a port; of an expanded step what its items gave, in order.
pub(super) fn output(state: &RunState, node: NodeId, port: &str) -> Vec<Arc<Artifact>> {
    let given = state.given(node).into_iter();
    given
        .filter_map(|outputs| outputs.artifacts.get(port).cloned())
        .collect()
}

/// Whether a list enters that may have no item.
fn takes_list(state: &RunState, input: &InputPlan) -> bool {
    input.sources.iter().any(|source| match source {
        Source::Output { node, .. } => state.tasks.of_step(*node).is_some(),
        _ => false,
    })
}

/// Why a port that must be given stays empty.
fn nothing_enters(state: &RunState, port: &str, input: &InputPlan) -> Failure {
    let plan = state.plan();
    match input.sources.first() {
        Some(Source::Output { node, port: from }) => {
            let step = &plan.node(*node).id;
            let message = format!(
                "input `{port}`: step `{step}` ended well but did not give its optional output `{from}`"
            );
            let hint = format!(
                "let `{step}` always write `{from}`, or let the step that takes it do without it"
            );
            Failure::new(FailureCode::InputMissing, message).hint(hint)
        }
        Some(source) if source.is_looked_up() => looked_up::nothing(port, source),
        _ => Failure::new(
            FailureCode::InputMissing,
            format!("input `{port}` is empty"),
        ),
    }
}
