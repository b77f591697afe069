//! The steps of a run and their attempts: lists, and each by itself.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use orchestrator_api as api;
use orchestrator_api::{DocumentVersion, NumberedQuery};

use super::extract::Params;
use super::find::{page_rows, task};
use super::problem::{Answer, Refusal};
use super::{Api, etag};
use crate::documents;

#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}/steps",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), NumberedQuery),
    responses((status = 200, description = "Its steps, in topological order, and behind them the items of steps that are done for each item of a list", body = api::Steps), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(api): State<Api>,
    Path(run): Path<String>,
    Params(query): Params<NumberedQuery>,
) -> Answer<api::Steps> {
    api.blocking(move |api| {
        let snapshot = api.find(&run)?;
        let view = &snapshot.run.view;
        let created = &view.created;
        // Numbers never change, whatever becomes of the run meanwhile.
        let mut nodes = view.tasks.shown();
        nodes.sort_unstable();
        let (nodes, next_cursor) = page(nodes.into_iter(), &query, |node| node.0)?;
        let steps = nodes.into_iter();
        Ok(Json(api::Steps {
            version: DocumentVersion,
            run_id: created.run.0,
            steps: steps
                .map(|node| documents::step(&snapshot, node, &api.state_dir))
                .collect(),
            next_cursor,
        }))
    })
    .await
}

#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}/steps/{step}",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("step" = String, Path, description = "Id of the step", example = "a"), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has")),
    responses((status = 200, description = "The step", body = api::StepDocument), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(api): State<Api>,
    Path((run, step)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    api.blocking(move |api| etag::document(&headers, &api.step(&run, &step)?))
        .await
}

#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}/steps/{step}/attempts",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("step" = String, Path, description = "Id of the step", example = "a"), NumberedQuery),
    responses((status = 200, description = "Its attempts, the first first", body = api::Attempts), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn attempts(
    State(api): State<Api>,
    Path((run, step)): Path<(String, String)>,
    Params(query): Params<NumberedQuery>,
) -> Answer<api::Attempts> {
    api.blocking(move |api| {
        let document = api.step(&run, &step)?;
        let attempts = document.step.attempts.into_iter();
        let (attempts, next_cursor) = page(attempts, &query, |attempt| attempt.number)?;
        Ok(Json(api::Attempts {
            version: DocumentVersion,
            run_id: document.run_id,
            step: document.step.id,
            attempts,
            next_cursor,
        }))
    })
    .await
}

#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}/steps/{step}/attempts/{attempt}",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("step" = String, Path, description = "Id of the step", example = "a"), ("attempt" = u32, Path, description = "Its number, from 1", minimum = 1, example = 1), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has")),
    responses((status = 200, description = "The attempt", body = api::AttemptDocument), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn attempt(
    State(api): State<Api>,
    Path((run, step, number)): Path<(String, String, u32)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    api.blocking(move |api| {
        let document = api.step(&run, &step)?;
        let count = document.step.attempts.len();
        let mut attempts = document.step.attempts.into_iter();
        let found = attempts.find(|attempt| attempt.number == number);
        let attempt = found.ok_or_else(|| {
            let detail = format!("step `{step}` has no attempt {number}; it has {count}");
            Refusal::not_found("unknown_attempt", detail)
        })?;
        let document = api::AttemptDocument {
            version: DocumentVersion,
            run_id: document.run_id,
            step: document.step.id,
            attempt,
        };
        etag::document(&headers, &document)
    })
    .await
}

impl Api {
    /// A step of a run, both by what the client calls them.
    fn step(&self, run: &str, id: &str) -> Result<api::StepDocument, Refusal> {
        let snapshot = self.find(run)?;
        let view = &snapshot.run.view;
        let node = task(view, id)?;
        Ok(api::StepDocument {
            version: DocumentVersion,
            run_id: view.created.run.0,
            step: documents::step(&snapshot, node, &self.state_dir),
        })
    }
}

/// The page that is asked for of what is in the order of its numbers, and the cursor of the next one.
fn page<T>(
    all: impl Iterator<Item = T>,
    query: &NumberedQuery,
    number: impl Fn(&T) -> u32,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let limit = page_rows(query.limit)?;
    let rest = all.skip_while(|one| query.cursor.is_some_and(|cursor| number(one) <= cursor));
    // One more than the page holds tells whether there is another.
    let mut found: Vec<T> = rest.take(limit + 1).collect();
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next = last.map(|last| number(last).to_string());
    Ok((found, next))
}
