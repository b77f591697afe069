//! A finished run is tried again: a new run, into which what succeeded is carried over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use orchestrator_api::{RetryRequest, Status};
use pipeline_plan::NodeId;
use pipeline_plan::selection::with_downstream;
use run_engine::event::{CarriedItem, RunEnd, Trigger};
use run_engine::ids::ExecutionId;
use run_engine::seams::LaunchTask;
use run_engine::state::{Attempt, AttemptEndKind, RunPhase, RunView, StepPhase};
use run_executor::may_live_on;

use super::Api;
use super::extract::Body;
use super::find::{step, task};
use super::idempotency::Key;
use super::problem::{Answer, Refusal};
use crate::command::{CommandError, NewRun};
use crate::documents;
use crate::git::git_state;

#[utoipa::path(
    post,
    path = "/api/v1/runs/{run}/retry",
    request_body = RetryRequest,
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("Idempotency-Key" = Option<String>, Header, description = "Who asks again with it is answered with the same run", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The new run", body = Status), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn retry(
    State(api): State<Api>,
    Path(run): Path<String>,
    headers: HeaderMap,
    Body(request): Body<RetryRequest>,
) -> Answer<Status> {
    api.engine()?;
    let key = Key::of(&headers, &api.state_dir, &(&run, &request))?;
    let new = move |api: &Api| {
        let snapshot = api.find(&run)?;
        let view = &snapshot.run.view;
        check_dead(view, &api.state_dir)?;
        new_run(view, request.step.as_deref())
    };
    let Json(started) = api.once(key, new).await?;
    Ok(Json(started.status))
}

fn new_run(view: &RunView, again: Option<&str>) -> Result<NewRun, Refusal> {
    let created = &view.created;
    let RunPhase::Ended(_) = view.phase else {
        let detail = format!(
            "run {} is not over; only a finished run is retried",
            created.run
        );
        let hint = format!(
            "wait for its end, or `ropewalk cancel {}` first",
            created.run
        );
        return Err(Refusal::conflict("run_unfinished", detail).hint(hint));
    };
    let plan = &created.plan;
    let item = again.filter(|id| id.ends_with(']'));
    let item = item.map(|id| task(view, id)).transpose()?;
    let again = match item {
        Some(item) => Some(view.tasks.step(item)),
        None => again.map(|id| step(plan, id)).transpose()?,
    };
    if let Some(node) = again.filter(|node| !created.is_selected(*node)) {
        let detail = format!(
            "run {} was not made of step `{}`",
            created.run,
            plan.node(node).id
        );
        let hint = "`ropewalk run FILE --from STEP` runs it and what depends on it";
        return Err(Refusal::conflict("not_selected", detail).hint(hint));
    }
    let mut anew = again.map_or_else(BTreeSet::new, |node| with_downstream(plan, node));
    let carried = carried(view, &anew);
    if let Some(item) = item {
        // The other items of its step are kept.
        anew.remove(&view.tasks.step(item));
        anew.insert(item);
    }
    let carried_items = carried_items(view, &anew);
    if view.phase == RunPhase::Ended(RunEnd::Succeeded) && again.is_none() {
        let detail = format!("run {} succeeded; nothing is left to retry", created.run);
        let hint = format!("`ropewalk retry {} STEP` runs a step again", created.run);
        return Err(Refusal::conflict("nothing_to_retry", detail).hint(hint));
    }
    // Who asks for another try does not want to be told of the last one's refusal.
    let refused = plan
        .node_ids()
        .filter(|node| view.steps.get(node.0 as usize).phase == StepPhase::Refused);
    Ok(NewRun {
        plan: Arc::clone(plan),
        plan_id: created.plan_id.clone(),
        pipeline_file: created.pipeline_file.clone(),
        params: created.params.clone(),
        trigger: Trigger {
            kind: "retry".to_owned(),
            detail: created.run.to_string(),
        },
        retry_of: Some(created.run),
        carried,
        carried_items,
        forced: refused.chain(again).collect(),
        selected: created.selected.clone(),
        slots: created.slots,
        environment: created.environment.clone(),
        git: created.pipeline_file.parent().and_then(git_state),
        attach: false,
    })
}

/// What was left behind when the run ended may live on in spite of everything; nothing is run beside it.
fn check_dead(view: &RunView, state_dir: &FilePath) -> Result<(), Refusal> {
    for (task, step) in view.steps.iter().enumerate() {
        let node = NodeId(task as u32);
        let last = step.attempts.last();
        let is_left = |attempt: &&Attempt| {
            let end = attempt.end.as_ref();
            end.is_some_and(|end| end.kind == AttemptEndKind::Abandoned)
        };
        if let Some(attempt) = last.filter(is_left)
            && may_live_on(
                state_dir,
                &LaunchTask::new(&view.created, &view.tasks, &attempt.started),
            )
        {
            let (run, step) = (view.created.run, documents::name(view, node));
            return Err(CommandError::Abandoned { run, step }.into());
        }
    }
    Ok(())
}

/// The executions that did what they promised, but for the steps that are to run anew.
fn carried(view: &RunView, anew: &BTreeSet<NodeId>) -> BTreeMap<NodeId, ExecutionId> {
    let nodes = view.created.plan.node_ids();
    nodes
        // Those of `finally` follow every run.
        .filter(|node| !anew.contains(node) && !view.created.plan.node(*node).finally)
        .filter_map(|node| {
            let step = view.steps.get(node.0 as usize);
            Some((node, step.execution.filter(|_| step.phase.is_good())?))
        })
        .collect()
}

/// The items of steps of which some did what they promised and others may not have.
fn carried_items(view: &RunView, anew: &BTreeSet<NodeId>) -> BTreeMap<NodeId, Vec<CarriedItem>> {
    let nodes = view.created.plan.node_ids();
    let nodes = nodes.filter(|node| !anew.contains(node) && !view.created.plan.node(*node).finally);
    nodes
        .filter_map(|node| {
            let tasks = view.tasks.of_step(node)?.tasks();
            let items = tasks.filter(|task| !anew.contains(task));
            let items = items.filter_map(|task| {
                let step = view.steps.get(task.0 as usize);
                Some(CarriedItem {
                    item: view.tasks.item(task)?,
                    execution: step.execution.filter(|_| step.phase.is_good())?,
                })
            });
            Some((node, items.collect()))
        })
        .collect()
}
