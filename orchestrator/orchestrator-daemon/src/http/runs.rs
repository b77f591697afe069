//! Runs: one, a list, and what ends one or takes it up again.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use orchestrator_api as api;
use orchestrator_api::{DocumentVersion, RunState, RunsQuery};
use run_engine::event::RunEnd;
use run_engine::ids::RunId;
use run_store::{Ended, RunFilter, RunRow};

use super::extract::{Body, Params};
use super::find::{cursor, page_rows};
use super::problem::{Answer, Refusal};
use super::{Api, etag};
use crate::command::Command;
use crate::documents;
use crate::limits::COLUMNS_MAX;

/// Rows that are read at once while a page is filled.
const ROWS_READ: usize = 200;

#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has")),
    responses((status = 200, description = "The run", body = api::Status), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn status(
    State(api): State<Api>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    api.blocking(move |api| etag::document(&headers, &api.status(api.run_id(&run)?)?))
        .await
}

#[utoipa::path(
    post,
    path = "/api/v1/runs/{run}/cancel",
    request_body = api::CancelRequest,
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest")),
    responses((status = 200, description = "The run as it is now", body = api::Status), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn cancel(
    State(api): State<Api>,
    Path(run): Path<String>,
    Body(request): Body<api::CancelRequest>,
) -> Answer<api::Status> {
    api.engine()?;
    let run = api.blocking(move |api| api.run_id(&run)).await?;
    api.taken_up(run)?;
    let abandon = request.abandon;
    let command = |reply| Command::Cancel {
        run,
        abandon,
        reply,
    };
    api.ask(command).await?;
    api.blocking(move |api| Ok(Json(api.status(run)?))).await
}

/// A daemon resumes every unfinished run at its start, so what is left is to take what the client has
/// for it, and to say how the run stands.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{run}/resume",
    request_body = api::ResumeRequest,
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest")),
    responses((status = 200, description = "The run as it is now", body = api::Status), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn resume(
    State(api): State<Api>,
    Path(run): Path<String>,
    Body(request): Body<api::ResumeRequest>,
) -> Answer<api::Status> {
    api.engine()?;
    api.blocking(move |api| {
        let status = api.status(api.run_id(&run)?)?;
        if status.state.is_ended() {
            let detail = format!("run {} is over: it {}", status.run_id, ended(status.state));
            let hint = format!("`ropewalk retry {}` makes a new run of it", status.run_id);
            return Err(Refusal::conflict("run_ended", detail).hint(hint));
        }
        api.taken_up(RunId(status.run_id))?;
        let file = std::path::Path::new(&status.pipeline_file);
        api.engine()?.secrets.hold(file, request.secrets);
        Ok(Json(status))
    })
    .await
}

/// How a run that is over ended, as a verb.
pub(super) fn ended(state: RunState) -> &'static str {
    match state {
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Refused => "was refused",
        _ => "was cancelled",
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/runs",
    params(RunsQuery),
    responses((status = 200, description = "Runs, the newest first", body = api::Runs), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(query): Params<RunsQuery>,
) -> Answer<api::Runs> {
    api.blocking(move |api| {
        let asked = Asked::parse(&query)?;
        let before = cursor(query.cursor.as_deref())?.map(RunId);
        let page = api.page(&asked, before)?;
        Ok(Json(page))
    })
    .await
}

/// Which runs are asked for, and what of each.
struct Asked {
    filter: RunFilter,
    /// The state in full; the filter knows of an unfinished run only that it is one.
    state: Option<RunState>,
    columns: Vec<documents::Column>,
    rows: usize,
}

impl Asked {
    fn parse(query: &RunsQuery) -> Result<Self, Refusal> {
        let state = query.status.as_deref().map(state).transpose()?;
        let names = query.columns.iter().flat_map(|names| names.split(','));
        let columns = names
            .map(|name| {
                documents::Column::parse(name).ok_or_else(|| {
                    let detail = format!("`{name}` is no column of a list of runs");
                    Refusal::unprocessable("bad_column", detail)
                        .hint("there are `params.NAME`, `metrics.NAME` and `metrics.STEP.NAME`")
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if columns.len() > COLUMNS_MAX {
            let detail = format!("more than {COLUMNS_MAX} columns are asked for");
            return Err(Refusal::unprocessable("bad_column", detail));
        }
        Ok(Self {
            filter: RunFilter {
                pipeline: query.pipeline.clone(),
                ended: state.map(filter),
            },
            state,
            columns,
            rows: page_rows(query.limit)?,
        })
    }
}

fn state(word: &str) -> Result<RunState, Refusal> {
    RunState::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = RunState::ALL.iter().map(|state| state.word()).collect();
        let detail = format!("`{word}` is no state of a run");
        Refusal::bad_request("bad_status", detail).hint(format!("there are {}", words.join(", ")))
    })
}

fn filter(state: RunState) -> Ended {
    match state {
        RunState::Succeeded => Ended::As(RunEnd::Succeeded),
        RunState::Failed => Ended::As(RunEnd::Failed),
        RunState::Refused => Ended::As(RunEnd::Refused),
        RunState::Cancelled => Ended::As(RunEnd::Cancelled),
        RunState::Queued
        | RunState::Running
        | RunState::Waiting
        | RunState::Interrupted
        | RunState::Cancelling => Ended::Unfinished,
    }
}

impl Api {
    pub(super) fn status(&self, run: RunId) -> Result<api::Status, Refusal> {
        Ok(documents::status(&self.snapshot(run)?, &self.state_dir))
    }

    fn page(&self, asked: &Asked, mut before: Option<RunId>) -> Result<api::Runs, Refusal> {
        let mut runs = Vec::new();
        // One more than the page holds tells whether there is another.
        while runs.len() <= asked.rows {
            let rows = self.reader.runs(&asked.filter, before, ROWS_READ)?;
            for row in &rows {
                let summary = self.summary(row, &asked.columns);
                if asked.state.is_none_or(|state| state == summary.state) {
                    runs.push(summary);
                }
                if runs.len() > asked.rows {
                    break;
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() == ROWS_READ) else {
                break;
            };
            before = Some(last.run);
        }
        let has_more = runs.len() > asked.rows;
        runs.truncate(asked.rows);
        let last = runs.last().filter(|_| has_more);
        Ok(api::Runs {
            version: DocumentVersion,
            next_cursor: last.map(|run| run.run_id.to_string()),
            runs,
        })
    }

    /// A run of a list, with these columns besides.
    pub(super) fn summary(&self, row: &RunRow, columns: &[documents::Column]) -> api::RunSummary {
        // Only a run that succeeded needs no more than its row.
        let row_is_enough =
            columns.is_empty() && row.end.is_some_and(|(end, _)| end == RunEnd::Succeeded);
        let snapshot = if row_is_enough {
            None
        } else {
            // One that cannot be read is listed all the same; its own document says why.
            self.snapshot(row.run).ok()
        };
        let held = self.engine.is_some();
        documents::summary(row, held, snapshot.as_ref(), columns)
    }
}
