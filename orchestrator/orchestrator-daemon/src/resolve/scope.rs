//! What the expressions of a step may speak of.
//!
//! The environment, the inputs and the ended steps are put together only for a step that holds an
//! expression: most do not, and there may be ten thousand of them.

use std::collections::BTreeMap;
use std::path::Path;

use pipeline_plan::expression::{self, ExpressionError, Scope};
use pipeline_plan::{Node, NodeId};
use pipeline_spec::template::has_expression;
use run_engine::artifact::Artifact;
use run_engine::event::RunEnd;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use run_engine::state::{RunPhase, RunState, Step, StepPhase};
use run_engine::tasks::Expansion;
use serde_json::{Map, Value, json};

use super::inputs::FoundFiles;
use super::{FILES, Given, RunContext};

/// The names of one step's expressions.
pub(super) struct StepScope<'a> {
    context: &'a RunContext,
    state: &'a RunState,
    node: &'a Node,
    values: BTreeMap<String, Value>,
}

impl<'a> StepScope<'a> {
    /// The scope of a task with these inputs.
    pub(super) fn new(
        context: &'a RunContext,
        state: &'a RunState,
        task: NodeId,
        inputs: &BTreeMap<String, Vec<Given>>,
    ) -> Self {
        let node = state.planned(task);
        let mut values = BTreeMap::new();
        if holds_expression(node) {
            values = context.values.clone();
            if let (RunPhase::Finishing(end), Some(run)) = (state.phase, values.get_mut("run")) {
                run["state"] = end_word(end).into();
            }
            values.insert("inputs".to_owned(), inputs_value(context, node, inputs));
            if let Some(item) = state.tasks.item(task) {
                values.insert("item".to_owned(), item.value);
            }
        }
        Self {
            context,
            state,
            node,
            values,
        }
    }

    /// A text with its expressions resolved. `place` says where it stands, for the failure.
    pub(super) fn text(
        &self,
        text: &str,
        place: impl FnOnce() -> String,
    ) -> Result<String, Failure> {
        if !has_expression(text) {
            return Ok(text.to_owned());
        }
        self.with_scope(|scope| expression::resolve_text(text, scope))
            .map_err(|error| failure(self.node, &place(), &error))
    }

    /// Environment variables with their expressions resolved.
    pub(super) fn texts(
        &self,
        texts: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let texts = texts.iter();
        texts
            .map(|(name, text)| Ok((name.clone(), self.variable(name, text)?)))
            .collect()
    }

    /// A variable as it is recorded: what speaks of secrets stays as it is.
    fn variable(&self, name: &str, text: &str) -> Result<String, Failure> {
        if !has_expression(text) {
            return Ok(text.to_owned());
        }
        self.with_scope(|scope| expression::resolve_but_secrets(text, scope))
            .map_err(|error| failure(self.node, &format!("env.{name}"), &error))
    }

    /// Parameters with their expressions resolved.
    pub(super) fn values(
        &self,
        values: &BTreeMap<String, Value>,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let resolve = |(name, value): (&String, &Value)| {
            if !value_holds_expression(value) {
                return Ok((name.clone(), value.clone()));
            }
            let resolved = self.value(value, &format!("with.{name}"))?;
            Ok((name.clone(), resolved))
        };
        values.iter().map(resolve).collect()
    }

    /// A value with its expressions resolved.
    pub(super) fn value(&self, value: &Value, place: &str) -> Result<Value, Failure> {
        self.with_scope(|scope| expression::resolve_value(value, scope))
            .map_err(|error| failure(self.node, place, &error))
    }

    fn with_scope<T>(&self, resolve: impl FnOnce(&Scope<'_>) -> T) -> T {
        // A step that is named is needed: there is no need to search the whole plan.
        let step = |id: &str| {
            let plan = self.state.plan();
            let mut needs = self.node.needs.iter();
            let need = needs.find(|need| is_named(&plan.node(**need).id, id))?;
            let state_dir = &self.context.settings.state_dir;
            Some(match self.state.tasks.of_step(*need) {
                Some(expansion) => list_value(state_dir, self.state, expansion),
                None => step_value(state_dir, self.state.step(*need)),
            })
        };
        resolve(&Scope {
            params: &self.context.created.params,
            step: &step,
            values: &self.values,
        })
    }
}

/// Whether an expression means the step of this id by `name`: it writes `_` where an id has `-`.
fn is_named(id: &str, name: &str) -> bool {
    let written = id.bytes().map(|b| if b == b'-' { b'_' } else { b });
    id == name || written.eq(name.bytes())
}

/// A text that speaks of the run's parameters alone; none if it speaks of more.
pub(super) fn text_of_params(text: &str, params: &BTreeMap<String, Value>) -> Option<String> {
    if !has_expression(text) {
        return Some(text.to_owned());
    }
    let scope = Scope {
        params,
        step: &|_| None,
        values: &BTreeMap::new(),
    };
    expression::resolve_text(text, &scope).ok()
}

fn failure(node: &Node, place: &str, error: &ExpressionError) -> Failure {
    let message = format!("`{place}` of step `{}`: {error}", node.id);
    let hint = match error.hint.as_str() {
        "" => {
            "look at the values with `ropewalk status`, and guard it: `x | default(0)`, `n > 0 and ...`"
        }
        hint => hint,
    };
    Failure::new(FailureCode::Expression, message).hint(hint)
}

fn holds_expression(node: &Node) -> bool {
    node.condition.is_some()
        || node.foreach.is_some()
        || node.params.values().any(value_holds_expression)
        || node.env.values().any(|text| has_expression(text))
        || node
            .cache_key
            .as_ref()
            .is_some_and(|key| has_expression(key))
        || node.action.texts().iter().any(|text| has_expression(text))
}

fn value_holds_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => has_expression(text),
        Value::Array(items) => items.iter().any(value_holds_expression),
        Value::Object(entries) => entries.values().any(value_holds_expression),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// An ended step: its state and what it gave.
fn step_value(state_dir: &Path, step: &Step) -> Value {
    let mut outputs = Map::new();
    if let Some(given) = &step.outputs {
        for (port, artifact) in &given.artifacts {
            outputs.insert(port.clone(), artifact_value(state_dir, artifact));
        }
        for (port, value) in &given.parameters {
            outputs.insert(port.clone(), value.clone());
        }
    }
    json!({ "state": state_word(step.phase), "outputs": outputs })
}

/// An expanded step: its state, and the lists of what its items gave, in order. What an item did not
/// give is null.
fn list_value(state_dir: &Path, state: &RunState, expansion: &Expansion) -> Value {
    let items: Vec<Value> = expansion
        .tasks()
        .map(|task| step_value(state_dir, state.step(task)))
        .collect();
    let ports = state.planned(expansion.step).outputs.keys();
    let outputs: Map<String, Value> = ports
        .map(|port| {
            let values = items.iter().map(|item| item["outputs"][port].clone());
            (port.clone(), values.collect())
        })
        .collect();
    let phase = state.step(expansion.step).phase;
    json!({ "state": state_word(phase), "outputs": outputs })
}

/// The word for a state, as documents have it.
fn state_word(phase: StepPhase) -> &'static str {
    match phase {
        StepPhase::Waiting => "waiting",
        StepPhase::Ready => "ready",
        StepPhase::Running | StepPhase::Expanded => "running",
        StepPhase::Stuck => "stuck",
        StepPhase::Backoff => "backoff",
        StepPhase::AwaitingApproval => "awaiting_approval",
        StepPhase::Succeeded => "succeeded",
        StepPhase::Reused => "reused",
        StepPhase::Failed => "failed",
        StepPhase::Refused => "refused",
        StepPhase::Skipped => "skipped",
        StepPhase::Cancelled => "cancelled",
    }
}

/// The word for the way in which a run is about to end.
fn end_word(end: RunEnd) -> &'static str {
    match end {
        RunEnd::Succeeded => "succeeded",
        RunEnd::Failed => "failed",
        RunEnd::Refused => "refused",
        RunEnd::Cancelled => "cancelled",
    }
}

/// An artifact: its properties, and what is reserved beside them.
fn artifact_value(state_dir: &Path, artifact: &Artifact) -> Value {
    let uri = if artifact.type_name == FILES {
        let paths = artifact.files.iter().map(|file| file.path.as_str());
        paths.collect::<Vec<_>>().join("\n")
    } else {
        state_dir
            .join(&artifact.path)
            .to_string_lossy()
            .into_owned()
    };
    let name = format!("{}.{}", artifact.step, artifact.port);
    object(
        &artifact.properties,
        &uri,
        &artifact.digest,
        &name,
        &artifact.type_name,
    )
}

/// External files: `uri` holds their paths, one per line, for they have no folder of their own
/// before an attempt is started.
fn files_value(node: &Node, port: &str, found: &FoundFiles) -> Value {
    let files = &found.manifest.files;
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let properties = super::start::files_properties(found);
    let name = format!("{}.{port}", node.id);
    object(
        &properties,
        &paths.join("\n"),
        &found.manifest.digest(),
        &name,
        FILES,
    )
}

fn object(
    properties: &BTreeMap<String, Value>,
    uri: &str,
    digest: &str,
    name: &str,
    type_name: &str,
) -> Value {
    let properties = properties.iter();
    let mut object: Map<String, Value> = properties
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, value) in [
        ("uri", uri),
        ("digest", digest),
        ("name", name),
        ("type", type_name),
    ] {
        object.insert(key.to_owned(), value.into());
    }
    Value::Object(object)
}

/// Inputs by port: an artifact, or a list where the port takes many.
fn inputs_value(context: &RunContext, node: &Node, inputs: &BTreeMap<String, Vec<Given>>) -> Value {
    let ports = inputs.iter().map(|(port, given)| {
        let mut values = given.iter().map(|given| match given {
            Given::Artifact(artifact) => artifact_value(&context.settings.state_dir, artifact),
            Given::Files(found) => files_value(node, port, found),
            Given::Imported(imported) => object(
                &imported.properties,
                &imported.path,
                &imported.digest,
                &format!("{}.{port}", node.id),
                &imported.type_name,
            ),
        });
        let many = node.inputs.get(port).is_some_and(|input| input.many);
        let value = if many {
            values.collect()
        } else {
            values.next().unwrap_or_default()
        };
        (port.clone(), value)
    });
    Value::Object(ports.collect())
}
