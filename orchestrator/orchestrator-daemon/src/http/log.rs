//! The log of a step's attempt: as it is, or as it grows.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use orchestrator_api::LogQuery;
use pipeline_plan::NodeId;
use run_engine::ids::RunId;
use run_engine::state::{RunView, Step, StepPhase};
use run_executor::layout::AttemptLayout;
use tokio::fs::File;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::extract::{Params, whole_number};
use super::find::task;
use super::log_file::{self, LogFile};
use super::problem::Refusal;
use super::stream::{Broken, Pieces, answer};
use super::{Api, Engine, etag, file_answer, prefer};
use crate::documents;
use crate::limits::LOG_POLL;
use crate::views::LiveRun;

const MEDIA_TYPE: &str = "application/octet-stream";

#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}/steps/{step}/log",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), ("step" = String, Path, description = "Id of the step", example = "a"), LogQuery, ("Range" = Option<String>, Header, description = "A part of it: `bytes=0-99`"), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has"), ("Prefer" = Option<String>, Header, description = "`wait=N`: what is followed ends after N seconds")),
    responses((status = 200, description = "The log", body = Vec<u8>, content_type = "application/octet-stream"), (status = 206, description = "The part that was asked for", body = Vec<u8>, content_type = "application/octet-stream"), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn log(
    State(api): State<Api>,
    Path((run, id)): Path<(String, String)>,
    headers: HeaderMap,
    Params(query): Params<LogQuery>,
) -> Result<Response, Refusal> {
    whole_number("tail", query.tail)?;
    let wait = prefer::wait(&headers);
    let snapshot = api.blocking(move |api| api.find(&run)).await?;
    let node = task(&snapshot.run.view, &id)?;
    let mut live = snapshot.run;
    let attempt = loop {
        match choose(&live.view, node, query.attempt) {
            Ok(attempt) => break attempt,
            Err(refusal) => {
                let engine = api.engine.as_ref().filter(|_| query.follow);
                let next = match engine {
                    Some(engine) => {
                        let change = next_change(engine, live.view.created.run, live.seq);
                        in_time(wait, change).await.flatten()
                    }
                    None => None,
                };
                live = next.ok_or(refusal)?;
            }
        }
    };
    let run = live.view.created.run;
    let path = api
        .state_dir
        .join(AttemptLayout::new(run, &documents::name(&live.view, node), attempt).log());
    let attempt = Attempt {
        run,
        node,
        number: attempt,
    };
    if !query.follow && query.tail.is_none() {
        let is_over = api
            .engine
            .as_ref()
            .is_none_or(|engine| attempt.is_over(engine));
        let name = path.to_string_lossy().into_owned();
        // What an attempt wrote does not change once it is over.
        let tag = is_over.then(|| etag::tag(&[name.as_bytes()]));
        let file = opened(&path).await?;
        // One whose middle was taken out is told piece by piece, for that is to be said in it.
        if let Some(file) = file.filter(log_file::is_whole) {
            return file_answer::file(file, &headers, tag.as_deref()).await;
        }
    }
    let log = LogFile::new(path, query.tail);
    Ok(answer(MEDIA_TYPE, move |pieces| async move {
        match api.engine.as_ref().filter(|_| query.follow) {
            Some(engine) => {
                let following = follow(log, engine, attempt, &pieces);
                in_time(wait, following).await.unwrap_or(Ok(()))
            }
            None => tell(log, &pieces).await,
        }
    }))
}

/// The log, if it is there: an attempt that is about to be launched has none yet.
async fn opened(path: &std::path::Path) -> Result<Option<File>, Refusal> {
    match File::open(path).await {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Refusal::reading(&error)),
    }
}

/// What comes of a wait; none if it is over before, where it has an end.
async fn in_time<T>(wait: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match wait {
        Some(wait) => timeout(wait, work).await.ok(),
        None => Some(work.await),
    }
}

/// The attempt that is asked for; a problem if the step has none (yet).
fn choose(view: &RunView, node: NodeId, asked: Option<u32>) -> Result<u32, Refusal> {
    let step = view.steps.get(node.0 as usize);
    let count = u32::try_from(step.attempts.len()).unwrap_or(u32::MAX);
    let number = asked.unwrap_or(count.max(1));
    if (1..=count).contains(&number) {
        return Ok(number);
    }
    let id = &documents::name(view, node);
    if count > 0 {
        let detail = format!("step `{id}` has no attempt {number}; it has {count}");
        return Err(Refusal::not_found("unknown_attempt", detail));
    }
    Err(no_attempt(id, step))
}

/// Why a step has no log.
fn no_attempt(id: &str, step: &Step) -> Refusal {
    let refusal = |why: &str| {
        let detail = format!("step `{id}` has no log: it {why}");
        Refusal::not_found("no_log", detail)
    };
    if let Some(run) = step.reused_from {
        return refusal(&format!("was reused from run {run}"))
            .hint(format!("`ropewalk logs {run} {id}`"));
    }
    match step.phase {
        StepPhase::Waiting
        | StepPhase::Ready
        | StepPhase::Running
        | StepPhase::Stuck
        | StepPhase::Backoff => refusal("has not started").hint("`--follow` waits for it"),
        StepPhase::Expanded => refusal("is done for each of its items"),
        _ if step.approval.is_some() => refusal("asks a person and runs no program"),
        StepPhase::Failed => refusal("failed before it could start"),
        StepPhase::Cancelled => refusal("was cancelled before it started"),
        _ => refusal("was skipped"),
    }
}

/// The run after its next event, if it is one that may start an attempt. None once the run is over or
/// the daemon ends.
async fn next_change(engine: &Engine, run: RunId, seen: u64) -> Option<Arc<LiveRun>> {
    let mut events = engine.views.follow();
    loop {
        let live = engine.views.get(run)?;
        if live.seq > seen {
            return Some(live);
        }
        tokio::select! {
            received = events.recv() => if let Err(RecvError::Closed) = received {
                return None;
            },
            _ = engine.ending.begun() => return None,
        }
    }
}

/// Which attempt's end is waited for.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    run: RunId,
    node: NodeId,
    number: u32,
}

impl Attempt {
    fn is_over(self, engine: &Engine) -> bool {
        // A run without a view is over.
        engine.views.get(self.run).is_none_or(|live| {
            let step = live.view.steps.get(self.node.0 as usize);
            let attempt = step.attempts.get(self.number as usize - 1);
            attempt.is_none_or(|attempt| attempt.end.is_some())
        })
    }
}

/// Tells what is there.
async fn tell(mut log: LogFile, pieces: &Pieces) -> Result<(), Broken> {
    loop {
        let piece = log.read().await?;
        if piece.is_empty() {
            return Ok(());
        }
        pieces.send(piece).await?;
    }
}

/// Tells what is there and what comes, until the attempt is over.
async fn follow(
    mut log: LogFile,
    engine: &Engine,
    attempt: Attempt,
    pieces: &Pieces,
) -> Result<(), Broken> {
    loop {
        // Asked before the read: what an attempt wrote before its end is then told.
        let is_over = attempt.is_over(engine);
        let piece = log.read().await?;
        if !piece.is_empty() {
            pieces.send(piece).await?;
            continue;
        }
        if is_over {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(LOG_POLL) => {}
            () = pieces.reader_gone() => return Ok(()),
            _ = engine.ending.begun() => return Ok(()),
        }
    }
}
