//! A person answers a step that asks: approve it, or reject it.
//!
//! What an approval gives is written before the loop is told, so that its record never names what is
//! not there. Nobody may be there to hear it any more: then it is garbage, like that of an attempt.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use orchestrator_api::{AnswerRequest, Status};
use pipeline_plan::NodeId;
use run_engine::artifact::Outputs;
use run_engine::ids::RunId;
use run_engine::state::{RunView, Step, StepPhase};
use run_executor::DigestMemo;

use super::Api;
use super::extract::Body;
use super::find::task;
use super::problem::{Answer, Refusal};
use crate::command::{Command, PersonsAnswer};

#[utoipa::path(
    post,
    path = "/api/v1/runs/{run}/steps/{step}/approve",
    request_body = AnswerRequest,
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("step" = String, Path, description = "Id of the step", example = "a")),
    responses((status = 200, description = "The run after the answer", body = Status), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn approve(
    State(api): State<Api>,
    Path((run, step)): Path<(String, String)>,
    Body(request): Body<AnswerRequest>,
) -> Answer<Status> {
    api.answer(run, step, request, true).await
}

#[utoipa::path(
    post,
    path = "/api/v1/runs/{run}/steps/{step}/reject",
    request_body = AnswerRequest,
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("step" = String, Path, description = "Id of the step", example = "a")),
    responses((status = 200, description = "The run after the answer", body = Status), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn reject(
    State(api): State<Api>,
    Path((run, step)): Path<(String, String)>,
    Body(request): Body<AnswerRequest>,
) -> Answer<Status> {
    api.answer(run, step, request, false).await
}

impl Api {
    async fn answer(
        &self,
        run: String,
        step: String,
        request: AnswerRequest,
        approves: bool,
    ) -> Answer<Status> {
        self.engine()?;
        let prepared = self.blocking(move |api| api.prepared(&run, &step, request, approves));
        let (run, answer) = prepared.await?;
        self.ask(|reply| Command::Answer { run, answer, reply })
            .await?;
        self.blocking(move |api| Ok(Json(api.status(run)?))).await
    }

    /// The answer with everything that it takes.
    fn prepared(
        &self,
        run: &str,
        id: &str,
        request: AnswerRequest,
        approves: bool,
    ) -> Result<(RunId, PersonsAnswer), Refusal> {
        if request.by.trim().is_empty() {
            let detail = "the answer does not say who gives it";
            return Err(Refusal::bad_request("nobody", detail));
        }
        let run = self.run_id(run)?;
        self.taken_up(run)?;
        let snapshot = self.snapshot(run)?;
        let view = &snapshot.run.view;
        let node = task(view, id)?;
        let asked = view.steps.get(node.0 as usize);
        if asked.phase != StepPhase::AwaitingApproval {
            return Err(not_asked(id, asked));
        }
        let outputs = if approves {
            self.approved(view, node, asked)?
        } else {
            Outputs::default()
        };
        let answer = PersonsAnswer {
            node,
            approves,
            by: request.by,
            comment: request.reason,
            outputs: Arc::new(outputs),
        };
        Ok((run, answer))
    }

    /// What a step gives once it is approved: a blessing, if it is about a model.
    fn approved(&self, view: &RunView, node: NodeId, asked: &Step) -> Result<Outputs, Refusal> {
        let mut outputs = Outputs::default();
        let Some(approval) = &asked.approval else {
            return Ok(outputs);
        };
        let memo = DigestMemo::new(&self.state_dir);
        let step = &view.created.plan.node(view.tasks.step(node)).id;
        let of = (step.as_str(), view.tasks.item_index(node));
        let blessing = run_executor::bless(&view.created, of, &approval.request, &memo);
        let blessing = blessing.map_err(|failure| Refusal::internal(failure.message))?;
        let blessing = blessing.map(|blessing| (blessing.port.clone(), Arc::new(blessing)));
        outputs.artifacts.extend(blessing);
        Ok(outputs)
    }
}

fn not_asked(id: &str, step: &Step) -> Refusal {
    let decision = step
        .approval
        .as_ref()
        .and_then(|asked| asked.decision.as_ref());
    let detail = match decision {
        Some(decision) => format!(
            "step `{id}` was decided already: {}",
            decision.reason().text
        ),
        None if step.phase.is_ended() => format!("step `{id}` is over and does not ask"),
        None => format!("step `{id}` does not ask, or not yet"),
    };
    Refusal::conflict("not_asked", detail)
}
