//! The intent to launch a resolved step: what is known only when it starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use component_api::catalog::PUSH;
use pipeline_plan::{Action, Node, NodeId};
use run_engine::artifact::{Artifact, ArtifactFile};
use run_engine::event::StepStarted;
use run_engine::ids::{ExecutionId, FIRST_FILES_NUMBER};
use run_engine::reason::Reason;
use run_engine::reuse::KeyParts;
use run_engine::seams::Imported;
use run_engine::state::RunState;
use run_executor::layout::AttemptLayout;
use serde_json::Value;

use super::inputs::FoundFiles;
use super::{FILES, Given, Resolved};

/// Where a push goes: its versions are counted per destination and model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushTarget {
    /// The destination as the pipeline names it.
    pub(crate) destination: String,
    /// The model's name.
    pub(crate) model: String,
}

/// What is known of an attempt when it starts.
#[derive(Debug)]
pub(crate) struct Intent {
    /// Identity of the step's execution.
    pub(crate) execution: ExecutionId,
    /// The keeper that is to hold it.
    pub(crate) keeper: String,
    /// Version of a push.
    pub(crate) push_version: Option<i64>,
    /// The numbers of the GPUs that are its own.
    pub(crate) gpus: Vec<u32>,
    /// Why it runs.
    pub(crate) reason: Reason,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

impl PushTarget {
    /// Where a step that was started pushes to, if it is a push.
    pub(crate) fn of(started: &StepStarted) -> Option<Self> {
        started.push_version?;
        let model = started.inputs.get("model")?.first()?;
        Self::new(&started.key, &model.properties)
    }

    fn new(key: &KeyParts, model: &BTreeMap<String, Value>) -> Option<Self> {
        Some(Self {
            destination: key.params.get("destination")?.as_str()?.to_owned(),
            model: model.get("name")?.as_str()?.to_owned(),
        })
    }
}

/// Where a resolved step pushes to, if it is a push.
pub(crate) fn push_target(node: &Node, resolved: &Resolved) -> Option<PushTarget> {
    if !matches!(&node.action, Action::Component { name, .. } if name == PUSH) {
        return None;
    }
    match resolved.inputs.get("model")?.first()? {
        Given::Artifact(model) => PushTarget::new(&resolved.key, &model.properties),
        Given::Imported(model) => PushTarget::new(&resolved.key, &model.properties),
        Given::Files(_) => None,
    }
}

/// The intent for the first attempt of a step.
pub(crate) fn first_attempt(
    state: &RunState,
    node: NodeId,
    resolved: &Resolved,
    intent: Intent,
) -> StepStarted {
    let mut number = FIRST_FILES_NUMBER;
    let mut inputs = BTreeMap::new();
    for (port, given) in &resolved.inputs {
        let place = Place { state, node, port };
        let artifacts = given.iter().map(|given| {
            let artifact = match given {
                Given::Artifact(artifact) => return Arc::clone(artifact),
                Given::Files(found) => files_artifact(&place, number, found, &intent),
                Given::Imported(found) => imported_artifact(&place, number, found, &intent),
            };
            number = number.saturating_add(1);
            Arc::new(artifact)
        });
        inputs.insert(port.clone(), artifacts.collect());
    }
    StepStarted {
        node,
        attempt: 1,
        execution: intent.execution,
        keeper: intent.keeper,
        inputs,
        key: Arc::clone(&resolved.key),
        reuse_key: resolved.reuse.recorded().map(str::to_owned),
        push_version: intent.push_version,
        gpus: intent.gpus,
        reason: intent.reason,
        at: intent.at,
    }
}

/// The input port that an artifact enters.
struct Place<'a> {
    state: &'a RunState,
    node: NodeId,
    port: &'a str,
}

fn files_artifact(place: &Place<'_>, number: u16, found: &FoundFiles, intent: &Intent) -> Artifact {
    let (state, node) = (place.state, place.node);
    let files = found.manifest.files.iter().zip(&found.states);
    Artifact {
        id: intent.execution.artifact(number),
        type_name: FILES.to_owned(),
        type_version: 1,
        step: state.planned(node).id.clone(),
        item_index: state.tasks.item_index(node),
        port: place.port.to_owned(),
        run: state.id(),
        // That of the first attempt: a later one takes the same artifact.
        path: AttemptLayout::new(state.id(), &state.name(node), 1).files_input(place.port),
        digest: found.manifest.digest(),
        size_bytes: found.manifest.files.iter().map(|f| f.size_bytes).sum(),
        files: files
            .map(|(file, state)| ArtifactFile {
                path: file.path.clone(),
                digest: file.digest.clone(),
                state: *state,
            })
            .collect(),
        properties: files_properties(found),
        created_at: intent.at,
    }
}

fn imported_artifact(
    place: &Place<'_>,
    number: u16,
    found: &Imported,
    intent: &Intent,
) -> Artifact {
    Artifact {
        id: intent.execution.artifact(number),
        type_name: found.type_name.clone(),
        type_version: found.type_version,
        step: place.state.planned(place.node).id.clone(),
        item_index: place.state.tasks.item_index(place.node),
        port: place.port.to_owned(),
        run: place.state.id(),
        // Absolute: it stays where it lies.
        path: found.path.clone(),
        digest: found.digest.clone(),
        size_bytes: found.files.iter().map(|f| f.state.size_bytes).sum(),
        files: found.files.clone(),
        properties: found.properties.clone(),
        created_at: intent.at,
    }
}

/// The properties of a Files artifact.
pub(super) fn files_properties(found: &FoundFiles) -> BTreeMap<String, Value> {
    let manifest = &found.manifest;
    let bytes: u64 = manifest.files.iter().map(|f| f.size_bytes).sum();
    let mut properties = BTreeMap::from([
        ("count".to_owned(), Value::from(manifest.files.len())),
        ("bytes".to_owned(), Value::from(bytes)),
    ]);
    for (name, value) in [("span", manifest.span), ("version", manifest.version)] {
        if let Some(value) = value {
            properties.insert(name.to_owned(), value.into());
        }
    }
    properties
}
