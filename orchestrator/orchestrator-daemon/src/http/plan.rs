//! What a run would do: with or without the loop, on the store as it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use orchestrator_api as api;
use orchestrator_api::{DocumentVersion, PlanDocument, PlanRequest};
use pipeline_plan::Plan;
use run_engine::reuse::KeyParts;
use run_executor::DigestMemo;

use super::Api;
use super::create::Asked;
use super::extract::Body;
use super::problem::{Answer, Refusal};
use crate::documents;
use crate::planning::{self, Files, PlannedAction, PlannedStep};

#[utoipa::path(
    post,
    path = "/api/v1/plan",
    request_body = PlanRequest,
    responses((status = 200, description = "What a run would do", body = PlanDocument), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn plan(
    State(api): State<Api>,
    Body(request): Body<PlanRequest>,
) -> Answer<PlanDocument> {
    api.blocking(move |api| Ok(Json(api.planned(request)?)))
        .await
}

impl Api {
    fn planned(&self, request: PlanRequest) -> Result<PlanDocument, Refusal> {
        let explain = request.explain;
        let run = self.compile(Asked {
            pipeline_file: request.pipeline_file,
            text: request.text,
            components: request.components,
            params: request.params,
            environment: request.environment,
            force: request.force,
            force_all: request.force_all,
            selection: request.selection,
        })?;
        let memo = DigestMemo::new(&self.state_dir);
        let files = Files {
            prepare: &|task| run_executor::prepare(task, &memo),
            verify: &|task| run_executor::verify(task, &memo),
        };
        let settings = Arc::clone(&self.resolve);
        let steps = planning::plan(&run, &settings, &self.reader, &files, Utc::now())?;
        let steps = steps.iter().map(|step| planned(&run.plan, step, explain));
        Ok(PlanDocument {
            version: DocumentVersion,
            pipeline: run.plan.name.clone(),
            plan_id: run.plan_id,
            steps: steps.collect(),
        })
    }
}

fn planned(plan: &Plan, step: &PlannedStep, explain: bool) -> api::PlanStep {
    api::PlanStep {
        id: match step.item_index {
            Some(index) => format!("{}[{index}]", plan.node(step.node).id),
            None => plan.node(step.node).id.clone(),
        },
        action: match step.action {
            PlannedAction::Run => api::Action::Run,
            PlannedAction::Reuse => api::Action::Reuse,
            PlannedAction::Skip => api::Action::Skip,
            PlannedAction::Unknown => api::Action::Unknown,
        },
        reason: documents::reason(&step.reason),
        reused_from: step
            .reused_from
            .map(|run| api::ReusedFrom { run_id: run.0 }),
        key: step.key.as_deref().filter(|_| explain).map(key),
    }
}

fn key(parts: &KeyParts) -> api::PlanKey {
    let files = parts.files.as_deref();
    api::PlanKey {
        component: parts.component.clone(),
        command: parts.command.clone(),
        program: parts.program.clone(),
        params: parts.params.clone(),
        inputs: parts.inputs.clone(),
        env: parts.env.clone(),
        outputs: parts.outputs.clone(),
        files: files.map(|set| set.files.iter().map(|file| file.path.clone()).collect()),
    }
}
