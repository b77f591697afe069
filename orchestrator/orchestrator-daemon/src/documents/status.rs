//! The status document: a run, its steps and their attempts.

use std::collections::BTreeMap;
use std::path::Path;

use orchestrator_api as api;
use orchestrator_api::DocumentVersion;
use pipeline_plan::{Node, NodeId, Plan};
use run_engine::artifact::{Artifact, Outputs};
use run_engine::event::Verdict;
use run_engine::state::{Approval, Attempt, RunPhase, RunView, Step, StepPhase};
use run_executor::layout::AttemptLayout;
use serde_json::{Number, Value, json};

use super::words::{attempt_error, attempt_state, reason, run_state, step_state, trigger};
use super::{Snapshot, milliseconds, path_text, some_text};
use crate::views::LiveRun;

/// Types of artifact whose numeric properties are a step's metrics.
const METRIC_TYPES: [&str; 2] = ["Metrics", "Evaluation"];

/// A run as a document.
pub(crate) fn status(snapshot: &Snapshot, state_dir: &Path) -> api::Status {
    let live = &snapshot.run;
    let view = &live.view;
    let created = &view.created;
    let steps = view.tasks.shown().into_iter();
    let steps = steps.map(|node| step(snapshot, node, state_dir));
    api::Status {
        version: DocumentVersion,
        run_id: created.run.0,
        pipeline: created.plan.name.clone(),
        pipeline_file: path_text(&created.pipeline_file),
        plan_id: created.plan_id.clone(),
        state: run_state(view, snapshot.held),
        reason: run_reason(view)
            .or_else(|| is_stuck(view))
            .or_else(|| waits_for(live))
            .or_else(|| question(view)),
        trigger: trigger(&created.trigger),
        params: created.params.clone(),
        created_at: created.at,
        started_at: view.started_at,
        ended_at: view.ended_at,
        duration_ms: view.ended_at.map(|end| milliseconds(created.at, end)),
        retry_of: created.retry_of.map(|run| run.0),
        parent: None,
        steps: steps.collect(),
        seq: live.seq,
    }
}

/// What an unfinished run's steps wait for that could run.
fn waits_for(live: &LiveRun) -> Option<api::Reason> {
    let mut waiting = live.waiting.iter();
    let waiting = waiting.find(|waiting| !waiting.steps.is_empty())?;
    Some(reason(&waiting.why))
}

/// Which step of an unfinished run is stuck, if one is.
fn is_stuck(view: &RunView) -> Option<api::Reason> {
    let tasks = (0..view.steps.len() as u32).map(NodeId);
    let mut tasks = tasks.map(|task| (task, view.steps.get(task.0 as usize)));
    let (task, step) = tasks.find(|(_, step)| step.phase == StepPhase::Stuck)?;
    let why = reason(step.reason.as_ref()?);
    Some(api::Reason {
        text: format!("`{}` is stuck: {}", name(view, task), why.text),
        ..why
    })
}

/// What is asked first of a person without whom the run does not go on.
fn question(view: &RunView) -> Option<api::Reason> {
    if !view.waits {
        return None;
    }
    let mut steps = view.steps.iter();
    let asked = steps.find(|step| step.phase == StepPhase::AwaitingApproval)?;
    asked.reason.as_ref().map(reason)
}

/// Why a run ended badly: the first step, in topological order, that did so itself.
pub(crate) fn run_reason(view: &RunView) -> Option<api::Reason> {
    let RunPhase::Ended(_) = view.phase else {
        return None;
    };
    let phases = [StepPhase::Failed, StepPhase::Refused];
    let nodes = &view.created.plan.nodes;
    phases.iter().find_map(|phase| {
        let counts = |(step, node): (&Step, &Node)| {
            let is_allowed = step.phase == StepPhase::Failed && node.allow_failure;
            step.phase == *phase && !is_allowed
        };
        let index = view.steps.iter().zip(nodes).position(counts)?;
        let cause = view.steps.get(index).reason.as_ref()?;
        let id = &nodes[index].id;
        let verb = if *phase == StepPhase::Failed {
            "failed"
        } else {
            "refused"
        };
        Some(api::Reason {
            text: format!("`{id}` {verb}: {}", cause.text),
            detail: Some(id.clone()),
            ..reason(cause)
        })
    })
}

/// A step of a run, or an item of one.
pub(crate) fn step(snapshot: &Snapshot, node: NodeId, state_dir: &Path) -> api::Step {
    let live = &snapshot.run;
    let pid = live.pids.get(&node).copied();
    let mut step = recorded(&live.view, node, pid, state_dir);
    let mut waiting = live.waiting.iter();
    if let Some(waiting) = waiting.find(|waiting| waiting.steps.contains(&node)) {
        step.state = api::StepState::Waiting;
        step.reason = Some(reason(&waiting.why));
    }
    step
}

/// A step as its run's events have it.
fn recorded(view: &RunView, node: NodeId, pid: Option<u32>, state_dir: &Path) -> api::Step {
    let created = &view.created;
    let plan = &created.plan;
    let (planned, step) = (
        plan.node(view.tasks.step(node)),
        view.steps.get(node.0 as usize),
    );
    let item = view.tasks.item(node);
    let started_at = step.attempts.first().map(|attempt| attempt.started.at);
    let duration = started_at.zip(step.ended_at);
    let attempts = step.attempts.iter();
    api::Step {
        id: planned.id.clone(),
        item_index: item.as_ref().map(|item| item.index),
        item: item.map(|item| item.value),
        state: step_state(step.phase),
        reason: step.reason.as_ref().map(reason),
        error: step.failure.as_deref().map(attempt_error),
        needs: needs(plan, planned),
        reused_from: step
            .reused_from
            .map(|run| api::ReusedFrom { run_id: run.0 }),
        outputs: if view
            .tasks
            .of_step(node)
            .is_some_and(|all| all.items.is_empty())
        {
            let ports = planned.outputs.keys();
            ports.map(|port| (port.clone(), json!([]))).collect()
        } else {
            outputs(step, state_dir)
        },
        approval: step.approval.as_deref().map(approval),
        metrics: step.outputs.as_deref().map(metrics).unwrap_or_default(),
        attempts: attempts
            .map(|each| attempt(view, node, (each, step.phase), pid, state_dir))
            .collect(),
        started_at,
        ended_at: step.ended_at,
        duration_ms: duration.map(|(start, end)| milliseconds(start, end)),
    }
}

fn approval(approval: &Approval) -> api::Approval {
    let (request, decision) = (&approval.request, approval.decision.as_ref());
    api::Approval {
        message: request.message.clone(),
        requested_at: request.intent.at,
        expires_at: request.expires.map(|expires| expires.due),
        approved: decision.map(|decision| decision.verdict == Verdict::Approved),
        by: decision.and_then(|decision| some_text(&decision.by)),
        reason: decision.and_then(|decision| some_text(&decision.comment)),
        decided_at: decision.map(|decision| decision.at),
    }
}

/// Ids of the steps that a step needs.
pub(super) fn needs(plan: &Plan, node: &Node) -> Vec<String> {
    let needs = node.needs.iter();
    needs.map(|need| plan.node(*need).id.clone()).collect()
}

fn outputs(step: &Step, state_dir: &Path) -> BTreeMap<String, Value> {
    let Some(outputs) = &step.outputs else {
        return BTreeMap::new();
    };
    let artifacts = outputs.artifacts.iter();
    let artifacts = artifacts.map(|(port, artifact)| (port.clone(), brief(artifact, state_dir)));
    artifacts.chain(outputs.parameters.clone()).collect()
}

/// An artifact within a status document.
fn brief(artifact: &Artifact, state_dir: &Path) -> Value {
    json!({
        "artifact_id": artifact.id.0,
        "type": artifact.type_name,
        "path": path_text(&state_dir.join(&artifact.path)),
        "digest": artifact.digest,
    })
}

/// The numbers among the properties of what tells metrics.
pub(super) fn metrics(outputs: &Outputs) -> BTreeMap<String, Number> {
    let artifacts = outputs.artifacts.values();
    artifacts
        .filter(|artifact| METRIC_TYPES.contains(&artifact.type_name.as_str()))
        .flat_map(|artifact| &artifact.properties)
        .filter_map(|(name, value)| Some((name.clone(), value.as_number()?.clone())))
        .collect()
}

/// What a task is called: `train`, or `train[3]` for an item.
pub(crate) fn name(view: &RunView, task: NodeId) -> String {
    let id = &view.created.plan.node(view.tasks.step(task)).id;
    match view.tasks.item_index(task) {
        Some(index) => format!("{id}[{index}]"),
        None => id.clone(),
    }
}

fn attempt(
    view: &RunView,
    node: NodeId,
    (attempt, phase): (&Attempt, StepPhase),
    pid: Option<u32>,
    state_dir: &Path,
) -> api::Attempt {
    let (started, end) = (&attempt.started, attempt.end.as_ref());
    let exit = end.and_then(|end| end.exit);
    let failure = end.and_then(|end| end.failure.as_ref());
    let layout = AttemptLayout::new(view.created.run, &name(view, node), started.attempt);
    api::Attempt {
        number: started.attempt,
        state: attempt_state(end, phase),
        pid: pid.filter(|_| end.is_none()),
        exit_code: exit.and_then(|exit| exit.code),
        signal: exit.and_then(|exit| exit.signal),
        error: failure.map(attempt_error),
        log_path: Some(path_text(&state_dir.join(layout.log()))),
        // Until the process's own start is known, its intent's time is told.
        started_at: Some(exit.map_or(started.at, |exit| exit.started_at)),
        ended_at: end.map(|end| exit.map_or(end.at, |exit| exit.ended_at)),
        cpu_ms: exit.map(|exit| exit.cpu_ms),
        memory_max_bytes: exit.map(|exit| exit.memory_max_bytes),
    }
}
