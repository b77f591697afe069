//! Artifacts: a list, and one by its id or by the port that gave it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use component_api::artifact::{ARTIFACT_TYPES, find};
use orchestrator_api as api;
use orchestrator_api::{ArtifactsQuery, DocumentVersion};
use pipeline_plan::{Node, OutputKind};
use pipeline_spec::did_you_mean;
use run_engine::artifact::Artifact;
use run_engine::ids::ArtifactId;
use run_engine::state::{Step, StepPhase};
use run_store::ArtifactFilter;

use super::extract::Params;
use super::find::{cursor, page_rows, task};
use super::problem::{Answer, Refusal};
use super::{Api, etag};
use crate::documents;
use crate::limits::PREFIX_CHARACTERS_MIN;

#[utoipa::path(
    get,
    path = "/api/v1/artifacts",
    params(ArtifactsQuery),
    responses((status = 200, description = "Artifacts, the newest first", body = api::Artifacts), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(query): Params<ArtifactsQuery>,
) -> Answer<api::Artifacts> {
    api.blocking(move |api| Ok(Json(api.artifacts(&query)?)))
        .await
}

#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{artifact}",
    params(("artifact" = String, Path, description = "An id, a unique prefix of it, or `[RUN/]STEP.PORT`", example = "a.out"), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has")),
    responses((status = 200, description = "The artifact", body = api::ArtifactDocument), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(api): State<Api>,
    Path(artifact): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    api.blocking(move |api| {
        let artifact = api.artifact(&artifact)?;
        let document = api::ArtifactDocument {
            version: DocumentVersion,
            artifact: documents::artifact(&artifact, &api.state_dir),
        };
        etag::document(&headers, &document)
    })
    .await
}

impl Api {
    fn artifacts(&self, query: &ArtifactsQuery) -> Result<api::Artifacts, Refusal> {
        let run = query.run.as_deref().map(|run| self.run_id(run));
        let filter = ArtifactFilter {
            run: run.transpose()?,
            type_name: query.artifact_type.clone(),
        };
        let before = cursor(query.cursor.as_deref())?.map(ArtifactId);
        let rows = page_rows(query.limit)?;
        // One more than the page holds tells whether there is another.
        let mut found = self.reader.artifacts(&filter, before, rows + 1)?;
        if let (Some(name), []) = (&query.artifact_type, &found[..]) {
            // Component files have types of their own; one that nothing is of may be a slip.
            known_type(name)?;
        }
        let has_more = found.len() > rows;
        found.truncate(rows);
        let last = found.last().filter(|_| has_more);
        let artifacts = found.iter();
        Ok(api::Artifacts {
            version: DocumentVersion,
            next_cursor: last.map(|artifact| artifact.id.to_string()),
            artifacts: artifacts
                .map(|artifact| documents::artifact(artifact, &self.state_dir))
                .collect(),
        })
    }

    /// The artifact that is named by its id, a prefix of that, or `[RUN/]STEP.PORT`.
    pub(super) fn artifact(&self, text: &str) -> Result<Arc<Artifact>, Refusal> {
        if let Some((place, port)) = text.rsplit_once('.') {
            return match place.rsplit_once('/') {
                Some((run, step)) => self.artifact_of(run, step, port),
                None => self.artifact_of("latest", place, port),
            };
        }
        let unknown = |detail: String| {
            Refusal::not_found("unknown_artifact", detail).hint(
                "an artifact is named by its id or by the port that gave it: `STEP.PORT` of the latest run, or `RUN/STEP.PORT`",
            )
        };
        if text.chars().count() < PREFIX_CHARACTERS_MIN {
            return Err(unknown(format!(
                "`{text}` is too short for an artifact's id"
            )));
        }
        match &*self.reader.artifact_by_prefix(&text.to_ascii_lowercase())? {
            [] => Err(unknown(format!("there is no artifact `{text}`"))),
            [artifact] => Ok(Arc::clone(artifact)),
            _ => {
                let detail = format!("more than one artifact's id begins with `{text}`");
                Err(Refusal::not_found("ambiguous_artifact", detail)
                    .hint("give more characters of it"))
            }
        }
    }

    fn artifact_of(&self, run: &str, id: &str, port: &str) -> Result<Arc<Artifact>, Refusal> {
        let snapshot = self.find(run)?;
        let view = &snapshot.run.view;
        let node = task(view, id)?;
        let step = view.steps.get(node.0 as usize);
        if let Some(artifact) = given(step, port).or_else(|| taken(step, port)) {
            return Ok(artifact);
        }
        let run = view.created.run;
        Err(
            missing(view.created.plan.node(view.tasks.step(node)), step, port).unwrap_or_else(
                || Refusal::internal(format!("step `{id}` of run {run} lost `{port}`")),
            ),
        )
    }
}

/// What a step gave at a port.
fn given(step: &Step, port: &str) -> Option<Arc<Artifact>> {
    let outputs = step.outputs.as_deref()?;
    outputs.artifacts.get(port).cloned()
}

/// The external files that a step took at a port.
fn taken(step: &Step, port: &str) -> Option<Arc<Artifact>> {
    let started = &step.attempts.last()?.started;
    let artifacts = started.inputs.get(port)?;
    let mut files = artifacts.iter().filter(|taken| taken.port == port);
    files
        .find(|artifact| artifact.type_name == "Files")
        .cloned()
}

/// Why a step has no artifact at a port; none if it should have one.
fn missing(node: &Node, step: &Step, port: &str) -> Option<Refusal> {
    let id = &node.id;
    let refusal = |detail: String| Refusal::not_found("unknown_artifact", detail);
    if node.inputs.contains_key(port) && !node.outputs.contains_key(port) {
        let detail =
            format!("step `{id}` takes `{port}`, and no external files are recorded for it");
        return Some(refusal(detail).hint("name it by the step and port that gave it"));
    }
    let Some(output) = node.outputs.get(port) else {
        let ports = node.outputs.keys().map(String::as_str);
        let detail = format!("step `{id}` has no output `{port}`");
        return Some(refusal(detail).hint(did_you_mean(port, ports)));
    };
    if output.kind == OutputKind::Parameter {
        let detail = format!("`{id}.{port}` is a value and no artifact");
        return Some(refusal(detail).hint("`ropewalk status` shows it"));
    }
    let why = match step.phase {
        StepPhase::Waiting | StepPhase::Ready => "has not started",
        StepPhase::Backoff => "waits for its next attempt",
        StepPhase::AwaitingApproval => "waits for a person",
        StepPhase::Running | StepPhase::Expanded => "is still running",
        StepPhase::Stuck => "is stuck",
        StepPhase::Failed => "failed",
        StepPhase::Skipped => "was skipped",
        StepPhase::Cancelled => "was cancelled",
        StepPhase::Succeeded | StepPhase::Reused | StepPhase::Refused if output.optional => {
            "ended without it"
        }
        StepPhase::Refused if step.approval.is_some() => "was not approved",
        StepPhase::Succeeded | StepPhase::Reused | StepPhase::Refused => return None,
    };
    Some(refusal(format!(
        "there is no `{id}.{port}`: the step {why}"
    )))
}

fn known_type(name: &str) -> Result<(), Refusal> {
    if find(name).is_some() {
        return Ok(());
    }
    let names = ARTIFACT_TYPES.iter().map(|known| known.name);
    let detail = format!("there is no artifact type `{name}`");
    Err(Refusal::unprocessable("unknown_type", detail).hint(did_you_mean(name, names)))
}
