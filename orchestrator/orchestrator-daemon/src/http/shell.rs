//! What a step was given, for somebody to try it by hand.

use axum::Json;
use axum::extract::{Path, State};
use orchestrator_api::{DocumentVersion, StepShell};
use run_engine::seams::LaunchTask;
use run_engine::state::RunView;
use run_executor::DigestMemo;

use super::Api;
use super::find::task;
use super::problem::{Answer, Refusal};
use crate::documents::path_text;

#[utoipa::path(
    post,
    path = "/api/v1/runs/{run}/steps/{step}/shell",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("step" = String, Path, description = "Id of the step", example = "a")),
    responses((status = 200, description = "What the step was given", body = StepShell), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn shell(
    State(api): State<Api>,
    Path((run, id)): Path<(String, String)>,
) -> Answer<StepShell> {
    api.blocking(move |api| {
        let snapshot = api.find(&run)?;
        let launched = api.last_launch(&snapshot.run.view, &id)?;
        let memo = DigestMemo::new(&api.state_dir);
        let given = run_executor::by_hand(&launched, &api.component_argv, &memo);
        let given = given.map_err(|failure| {
            Refusal::conflict("not_prepared", failure.message).hint(failure.hint)
        })?;
        Ok(Json(StepShell {
            version: DocumentVersion,
            argv: given.argv,
            env: given.env.into_iter().collect(),
            cwd: path_text(&given.cwd),
            outputs: path_text(&given.outputs),
        }))
    })
    .await
}

impl Api {
    /// What the step was last started with: in this run, or in the one whose execution stands in.
    fn last_launch(&self, view: &RunView, id: &str) -> Result<LaunchTask, Refusal> {
        let node = task(view, id)?;
        let state = view.steps.get(node.0 as usize);
        if let Some(last) = state.attempts.last() {
            return Ok(LaunchTask::new(&view.created, &view.tasks, &last.started));
        }
        let never = || {
            let detail = format!(
                "step `{id}` has not been started in run {}",
                view.created.run
            );
            Refusal::conflict("not_started", detail)
                .hint("what it is given is known when it starts; `ropewalk status` says what it waits for")
        };
        let source = state.reused_from.ok_or_else(never)?;
        let source = self.snapshot(source)?;
        let source = &source.run.view;
        let stood_in = source
            .steps
            .iter()
            .find(|step| step.execution == state.execution);
        let last = stood_in
            .and_then(|step| step.attempts.last())
            .ok_or_else(never)?;
        Ok(LaunchTask::new(
            &source.created,
            &source.tasks,
            &last.started,
        ))
    }
}
