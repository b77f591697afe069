//! Resolving a ready step: from its plan to what it would be launched with, and its reuse key.
//!
//! The loop and `plan` call the same functions, so that a plan tells what a run would do. Nothing
//! here reads a file or changes a run: what was found in files is handed in, what was recorded
//! is asked through [`Lookups`].

mod condition;
mod context;
mod inputs;
mod items;
mod looked_up;
mod prepare;
mod reasons;
mod refusals;
mod scope;
mod start;

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline_plan::{Action, Node, NodeId};
use run_engine::failure_code::FailureCode;
use run_engine::reason::{Failure, Reason};
use run_engine::reuse::KeyParts;
use run_engine::seams::{Lookups, Prepared, StoreError};
use run_engine::state::RunState;
use serde_json::Value;

pub(crate) use condition::unmet_condition;
pub use context::ResolveSettings;
pub(crate) use context::RunContext;
pub(crate) use inputs::Given;
pub(crate) use items::{items, items_standing_in};
pub(crate) use prepare::prepare_task;
pub(crate) use reasons::{forced, gone, never_reused, stand_in_gone, why_it_runs};
pub(crate) use refusals::refused_by;
pub(crate) use start::{Intent, PushTarget, first_attempt, push_target};

use scope::StepScope;

/// Type of the artifact that external files become.
const FILES: &str = "Files";

/// Under which name what is asked stands among the parameters of a question.
const MESSAGE: &str = "message";
/// Types of artifact that tell how good a model is.
const EVALUATIONS: [&str; 2] = ["Evaluation", "Blessing"];

/// A ready step with everything that it depends on.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    /// What enters, by port.
    pub(crate) inputs: BTreeMap<String, Vec<Given>>,
    /// What its result depends on.
    pub(crate) key: Arc<KeyParts>,
    /// Whether an earlier execution may stand in.
    pub(crate) reuse: Reuse,
}

/// Whether an earlier execution may stand in for a step.
#[derive(Debug, Clone)]
pub(crate) enum Reuse {
    /// One with this key may.
    ByKey(String),
    /// None may this time, for this reason; its own success may be reused under this key.
    NotNow(String, Reason),
    /// None ever may, for this reason.
    Never(Reason),
}

/// Why a step could not be resolved.
#[derive(Debug)]
pub(crate) enum Unresolved {
    /// The step fails.
    Step(Failure),
    /// The step is skipped, for a step that it takes something of ended badly.
    Skip(Reason),
    /// The store cannot be read; that is no step's fault.
    Store(StoreError),
}

impl From<StoreError> for Unresolved {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for Unresolved {
    fn from(failure: Failure) -> Self {
        Self::Step(failure)
    }
}

impl Reuse {
    /// The key under which an earlier execution is looked up.
    pub(crate) fn looked_up(&self) -> Option<&str> {
        match self {
            Self::ByKey(key) => Some(key),
            Self::NotNow(..) | Self::Never(_) => None,
        }
    }

    /// The key under which the step's own success may be reused.
    pub(crate) fn recorded(&self) -> Option<&str> {
        match self {
            Self::ByKey(key) | Self::NotNow(key, _) => Some(key),
            Self::Never(_) => None,
        }
    }
}

/// Resolves a step whose needs have all ended well.
pub(crate) fn resolve(
    context: &RunContext,
    state: &RunState,
    id: NodeId,
    prepared: &Prepared,
    lookups: &impl Lookups,
) -> Result<Resolved, Unresolved> {
    let node = state.planned(id);
    let inputs = inputs::gather(state, node, prepared, lookups)?;
    let scope = StepScope::new(context, state, id, &inputs);
    let env = scope.texts(&node.env)?;
    let cache_key = node.cache_key.as_ref();
    let cache_key = cache_key.map(|text| scope.text(text, || "cache.key".to_owned()));
    let key = Arc::new(KeyParts {
        component: component(context, node),
        command: command(&scope, node)?,
        program: prepared.program.clone(),
        params: params(&scope, node)?,
        inputs: digests(state, node, &inputs),
        env,
        outputs: output_types(node),
        files: prepared.key_files.clone(),
        workdir: node.workdir.clone(),
        cache_key: cache_key.transpose()?,
        item: state.tasks.item(id).map(|item| item.value),
    });
    let reuse = reuse(context, node, state.tasks.step(id), prepared, &key);
    Ok(Resolved { inputs, key, reuse })
}

fn reuse(
    context: &RunContext,
    node: &Node,
    id: NodeId,
    prepared: &Prepared,
    key: &KeyParts,
) -> Reuse {
    if let Some(reason) = never_reused(node) {
        return Reuse::Never(reason);
    }
    if let Some(why) = &prepared.unkeyable {
        return Reuse::Never(reasons::unkeyable(why));
    }
    let digest = key.digest();
    if context.created.forced.contains(&id) {
        return Reuse::NotNow(digest, forced());
    }
    Reuse::ByKey(digest)
}

/// Resolved parameters; of a question, what is asked. Nobody but this checks what enters a component file's command.
fn params(scope: &StepScope<'_>, node: &Node) -> Result<BTreeMap<String, Value>, Failure> {
    let mut params = scope.values(&node.params)?;
    if let Action::Approve(message) = &node.action {
        let message = scope.text(message, || "approve".to_owned())?;
        params.insert(MESSAGE.to_owned(), message.into());
    }
    for (name, spec) in node.component.iter().flat_map(|file| &file.params) {
        if let Some(value) = params.get(name)
            && let Err(wrong) = spec.check(value)
        {
            let message = format!("`with.{name}` of step `{}`: {wrong}", node.id);
            return Err(Failure::new(FailureCode::Expression, message));
        }
    }
    Ok(params)
}

/// Name and version of the component, with the build where builds of one version differ.
fn component(context: &RunContext, node: &Node) -> String {
    match &node.action {
        Action::Component { name, version } if context.settings.build.is_empty() => {
            format!("{name} {version}")
        }
        Action::Component { name, version } => {
            format!("{name} {version} {}", context.settings.build)
        }
        Action::Command(_) | Action::Shell(_) => match &node.component {
            Some(file) => format!("{} {} {}", file.name, file.version, file.digest),
            None => "command".to_owned(),
        },
        Action::Approve(_) => "approve".to_owned(),
    }
}

/// The resolved command; empty for a component.
fn command(scope: &StepScope<'_>, node: &Node) -> Result<Vec<String>, Failure> {
    match &node.action {
        Action::Component { .. } | Action::Approve(_) => Ok(Vec::new()),
        Action::Command(words) => {
            let words = words.iter().enumerate();
            words
                .map(|(index, word)| scope.text(word, || format!("run[{index}]")))
                .collect()
        }
        Action::Shell(text) => Ok(shell(text)),
    }
}

/// Digests of what enters; for a question also those of the evaluations that it follows, for an
/// answer holds for the same model and the same evaluation.
fn digests(
    state: &RunState,
    node: &Node,
    inputs: &BTreeMap<String, Vec<Given>>,
) -> BTreeMap<String, Vec<String>> {
    let mut digests = inputs::digests(inputs);
    if !matches!(node.action, Action::Approve(_)) {
        return digests;
    }
    for need in &node.needs {
        let outputs = state.given(*need).into_iter();
        for (port, artifact) in outputs.flat_map(|outputs| &outputs.artifacts) {
            if EVALUATIONS.contains(&&*artifact.type_name) {
                let name = format!("{}.{port}", state.plan().node(*need).id);
                let given: &mut Vec<String> = digests.entry(name).or_default();
                given.push(artifact.digest.clone());
            }
        }
    }
    digests
}

/// What a resolved question asks.
pub(crate) fn question(resolved: &Resolved) -> String {
    let message = resolved.key.params.get(MESSAGE).and_then(Value::as_str);
    message.unwrap_or_default().to_owned()
}

/// A command as text is executed by a shell that stops at the first error and at an unset variable.
fn shell(text: &str) -> Vec<String> {
    ["sh", "-eu", "-c", text].map(str::to_owned).to_vec()
}

fn output_types(node: &Node) -> BTreeMap<String, String> {
    let outputs = node.outputs.iter();
    outputs
        .map(|(port, output)| (port.clone(), output.type_name.clone()))
        .collect()
}
