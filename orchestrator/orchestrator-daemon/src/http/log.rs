//! The log of a step's attempt: as it is, or as it grows.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use orchestrator_api::LogQuery;
use pipeline_plan::NodeId;
use run_engine::ids::RunId;
use run_engine::state::{RunView, Step, StepPhase};
use run_executor::layout::AttemptLayout;
use tokio::sync::broadcast::error::RecvError;

use super::extract::Params;
use super::find::step;
use super::log_file::LogFile;
use super::problem::Refusal;
use super::stream::{Broken, Pieces, answer};
use super::{Api, Engine};
use crate::limits::LOG_POLL;
use crate::views::LiveRun;

const MEDIA_TYPE: &str = "application/octet-stream";

pub(super) async fn log(
    State(api): State<Api>,
    Path((run, id)): Path<(String, String)>,
    Params(query): Params<LogQuery>,
) -> Result<Response, Refusal> {
    let snapshot = api.blocking(move |api| api.find(&run)).await?;
    let node = step(&snapshot.run.view.created.plan, &id)?;
    let mut live = snapshot.run;
    let attempt = loop {
        match choose(&live.view, node, query.attempt) {
            Ok(attempt) => break attempt,
            Err(refusal) => {
                let engine = api.engine.as_ref().filter(|_| query.follow);
                let next = match engine {
                    Some(engine) => next_change(engine, live.view.created.run, live.seq).await,
                    None => None,
                };
                live = next.ok_or(refusal)?;
            }
        }
    };
    let run = live.view.created.run;
    let path = api
        .state_dir
        .join(AttemptLayout::new(run, &id, attempt).log());
    let log = LogFile::new(path, query.tail);
    Ok(answer(MEDIA_TYPE, move |pieces| async move {
        match api.engine.as_ref().filter(|_| query.follow) {
            Some(engine) => {
                let attempt = Attempt {
                    run,
                    node,
                    number: attempt,
                };
                follow(log, engine, attempt, &pieces).await
            }
            None => tell(log, &pieces).await,
        }
    }))
}

/// The attempt that is asked for; a problem if the step has none (yet).
fn choose(view: &RunView, node: NodeId, asked: Option<u32>) -> Result<u32, Refusal> {
    let step = view.steps.get(node.0 as usize);
    let count = u32::try_from(step.attempts.len()).unwrap_or(u32::MAX);
    let number = asked.unwrap_or(count.max(1));
    if (1..=count).contains(&number) {
        return Ok(number);
    }
    let id = &view.created.plan.node(node).id;
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
