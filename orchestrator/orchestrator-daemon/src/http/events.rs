//! Events as they happen: what is stored, then what is told, without a gap or a repeat.
//!
//! The stream of what happens is joined before the store is read, so an event is in one of the two.
//! One that is in both is told once, by its number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use orchestrator_api::{EventLine, EventsQuery};
use pipeline_plan::Plan;
use run_engine::event::Event;
use run_engine::ids::RunId;
use run_engine::seams::JournalEntry;
use run_engine::tasks::Tasks;
use run_store::RunRow;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{interval, timeout};

use super::extract::{Params, whole_number};
use super::problem::Refusal;
use super::stream::{Broken, Pieces, answer};
use super::{Api, Engine, accept, prefer};
use crate::documents::event_line;
use crate::limits::{EVENTS_READ, HEARTBEAT, PIECE_BYTES, PLANS_REMEMBERED};

/// One server-sent event, for the API's description.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it is written by hand, line by line")]
struct ServerSentEvent {
    /// The event's `seq`.
    id: String,
    /// The event, an `EventLine` as JSON.
    data: String,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A document on each line.
    Lines,
    /// Server-sent events (HTML, section 9.2), whose ids are the events' numbers.
    ServerSent,
}

impl Form {
    const MEDIA_TYPES: [&str; 2] = ["text/event-stream", EventLine::MEDIA_TYPE];

    fn media_type(self) -> &'static str {
        match self {
            Self::ServerSent => Self::MEDIA_TYPES[0],
            Self::Lines => Self::MEDIA_TYPES[1],
        }
    }
}

/// What is to be told.
#[derive(Debug, Clone, Copy)]
struct Asked {
    form: Form,
    /// The only run that is told of; all if absent.
    run: Option<RunId>,
    /// Only what comes after the event of this number.
    after: u64,
    /// Whether what is still to happen is told.
    follow: bool,
    /// How long at the most.
    wait: Option<Duration>,
}

impl Asked {
    fn parse(
        headers: &HeaderMap,
        query: &EventsQuery,
        run: Option<RunId>,
    ) -> Result<Self, Refusal> {
        whole_number("after", query.after)?;
        let form = match accept::best(headers, &Form::MEDIA_TYPES) {
            EventLine::MEDIA_TYPE => Form::Lines,
            _ => Form::ServerSent,
        };
        // A browser that comes again says so by itself, and knows better than the address it has.
        let last = headers.get("last-event-id").map(|id| {
            let text = id.to_str().unwrap_or_default();
            text.parse().map_err(|_| {
                let detail = format!("`{text}` is no number of an event");
                Refusal::unprocessable("bad_last_event_id", detail)
            })
        });
        Ok(Self {
            form,
            run,
            after: last.transpose()?.or(query.after).unwrap_or(0),
            follow: query.follow || form == Form::ServerSent,
            wait: prefer::wait(headers),
        })
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}/events",
    params(("run" = String, Path, description = "An id, a unique prefix of at least 4, or `latest`", example = "latest"), EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "Only events after this one"), ("Prefer" = Option<String>, Header, description = "`wait=N`: what is followed ends after N seconds")),
    responses((status = 200, description = "Events, until the run is over or the wait is", content((ServerSentEvent = "text/event-stream"), (EventLine = "application/x-ndjson"))), (status = 204, description = "Nothing is left to be told"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn of_run(
    State(api): State<Api>,
    Path(run): Path<String>,
    headers: HeaderMap,
    Params(query): Params<EventsQuery>,
) -> Result<Response, Refusal> {
    let run = api.blocking(move |api| api.run_id(&run)).await?;
    let asked = Asked::parse(&headers, &query, Some(run))?;
    let after = asked.after;
    let row = api.blocking(move |api| Ok(api.reader.run(run)?)).await?;
    let nothing_left = row.is_some_and(|row| row.end.is_some() && row.last_seq <= after);
    if asked.form == Form::ServerSent && nothing_left {
        // So a browser is told not to come again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(tell(api, asked))
}

#[utoipa::path(
    get,
    path = "/api/v1/events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "Only events after this one"), ("Prefer" = Option<String>, Header, description = "`wait=N`: what is followed ends after N seconds")),
    responses((status = 200, description = "Events, until the run is over or the wait is", content((ServerSentEvent = "text/event-stream"), (EventLine = "application/x-ndjson"))), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn of_all(
    State(api): State<Api>,
    headers: HeaderMap,
    Params(query): Params<EventsQuery>,
) -> Result<Response, Refusal> {
    Ok(tell(api, Asked::parse(&headers, &query, None)?))
}

fn tell(api: Api, asked: Asked) -> Response {
    answer(asked.form.media_type(), move |pieces| async move {
        let mut teller = Teller {
            api: api.clone(),
            run: asked.run,
            seq: asked.after,
            form: asked.form,
            plans: BTreeMap::new(),
            pieces,
        };
        let Some(engine) = api.engine.as_ref().filter(|_| asked.follow) else {
            return teller.tell_stored().await.map(|_| ());
        };
        match asked.wait {
            // What is cut off by the end of the wait was not told, or told whole.
            Some(wait) => timeout(wait, teller.follow(engine)).await.unwrap_or(Ok(())),
            None => teller.follow(engine).await,
        }
    })
}

/// Writes the lines of one stream.
struct Teller {
    api: Api,
    /// The only run that is told of; all if absent.
    run: Option<RunId>,
    /// Number of the last event that was told.
    seq: u64,
    form: Form,
    plans: BTreeMap<RunId, Told>,
    pieces: Pieces,
}

/// A run's plan, and what the numbers of its tasks stand for.
type Told = (Arc<Plan>, Tasks);

/// Whether there is more to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    GoesOn,
    /// The run's last event was told.
    Over,
}

impl Teller {
    /// Tells until the run is over, the reader is gone, or the daemon ends.
    async fn follow(mut self, engine: &Engine) -> Result<(), Broken> {
        let mut events = engine.views.follow();
        let mut beat = interval(HEARTBEAT);
        if self.tell_stored().await? == Flow::Over {
            return Ok(());
        }
        if self.is_over(engine).await? {
            // It may have ended after the store was read; or before `after`, then nothing is left.
            self.tell_stored().await?;
            return Ok(());
        }
        let ending = engine.ending.clone();
        loop {
            let received = tokio::select! {
                received = events.recv() => received,
                _ = beat.tick(), if self.form == Form::ServerSent => {
                    // A comment; and so a listener that is gone is noticed.
                    self.send(b":\n\n".to_vec()).await?;
                    continue;
                }
                () = self.pieces.reader_gone() => return Ok(()),
                _ = ending.begun() => return Ok(()),
            };
            let flow = match received {
                Ok(entry) => self.tell_now(entry, &mut events).await?,
                // What was missed is in the store.
                Err(RecvError::Lagged(_)) => self.tell_stored().await?,
                Err(RecvError::Closed) => return Ok(()),
            };
            if flow == Flow::Over {
                return Ok(());
            }
        }
    }

    /// Whether the run, if it is one, is over.
    async fn is_over(&self, engine: &Engine) -> Result<bool, Broken> {
        let Some(run) = self.run else {
            return Ok(false);
        };
        if engine.views.get(run).is_some() {
            return Ok(false);
        }
        let shown = engine.views.seq();
        let row = self.api.blocking(move |api| Ok(api.reader.run(run)?));
        // An end that is not shown yet is told when it is published.
        let over = |row: RunRow| row.end.is_some() && row.last_seq <= shown;
        Ok(row.await?.is_none_or(over))
    }

    /// Tells what the store has after the last event that was told.
    ///
    /// For a moment after each commit the store is ahead of the views. Events of that moment are told
    /// when they are published; else who asks for a run's status because of one would find the run as
    /// it was before.
    async fn tell_stored(&mut self) -> Result<Flow, Broken> {
        loop {
            let (seq, run) = (self.seq, self.run);
            let engine = self.api.engine.as_ref();
            let shown = engine.map_or(u64::MAX, |engine| engine.views.seq());
            let read = move |api: &Api| Ok(api.reader.events_after(seq, run, EVENTS_READ)?);
            // Nobody closes the semaphore. It is held until only lines are left of what was read.
            let readers = Arc::clone(&self.api.0.event_readers);
            let reading = readers.acquire_owned().await.ok();
            let entries = self.api.blocking(read).await?;
            let mut lines = Lines::default();
            let mut pieces = Vec::new();
            for entry in entries.iter().take_while(|entry| entry.seq <= shown) {
                self.add(&mut lines, entry).await?;
                if lines.text.len() >= PIECE_BYTES {
                    pieces.push(std::mem::take(&mut lines.text));
                }
            }
            pieces.push(lines.text);
            let last = entries.last().map_or(u64::MAX, |entry| entry.seq);
            let is_all = entries.len() < EVENTS_READ || last > shown;
            // Only lines are held while the reader is waited for.
            drop((entries, reading));
            for piece in pieces {
                self.send(piece).await?;
            }
            if lines.over {
                return Ok(Flow::Over);
            }
            if is_all {
                return Ok(Flow::GoesOn);
            }
        }
    }

    /// Tells an event that just happened, with those that wait behind it.
    async fn tell_now(
        &mut self,
        first: Arc<JournalEntry>,
        events: &mut Receiver<Arc<JournalEntry>>,
    ) -> Result<Flow, Broken> {
        let mut lines = Lines::default();
        let mut next = Ok(first);
        while let Ok(entry) = next {
            self.add(&mut lines, &entry).await?;
            if lines.over || lines.text.len() >= PIECE_BYTES {
                next = Err(TryRecvError::Empty);
                break;
            }
            next = events.try_recv();
        }
        let over = lines.over;
        self.send(lines.text).await?;
        match next {
            _ if over => Ok(Flow::Over),
            // What was missed is in the store.
            Err(TryRecvError::Lagged(_)) => self.tell_stored().await,
            _ => Ok(Flow::GoesOn),
        }
    }

    async fn add(&mut self, lines: &mut Lines, entry: &JournalEntry) -> Result<(), Broken> {
        let is_wanted = self.run.is_none_or(|run| run == entry.run);
        if entry.seq <= self.seq || !is_wanted {
            return Ok(());
        }
        let (plan, tasks) = self.plan(entry).await?;
        let line = event_line(entry, &plan, &tasks);
        if self.form == Form::ServerSent {
            lines
                .text
                .extend_from_slice(format!("id: {}\ndata: ", entry.seq).as_bytes());
        }
        serde_json::to_writer(&mut lines.text, &line)
            .map_err(|error| Broken::Failed(error.to_string()))?;
        let end: &[u8] = match self.form {
            Form::Lines => b"\n",
            Form::ServerSent => b"\n\n",
        };
        lines.text.extend_from_slice(end);
        lines.over = self.run.is_some() && matches!(entry.event, Event::RunEnded { .. });
        self.seq = entry.seq;
        Ok(())
    }

    /// Sends lines. A listener of server-sent events that does not read them is dropped rather than
    /// waited for: it comes again with the number of the last one that it has.
    async fn send(&self, text: Vec<u8>) -> Result<(), Broken> {
        let sending = self.pieces.send(text);
        if self.form == Form::Lines {
            return Ok(sending.await?);
        }
        if let Ok(sent) = timeout(self.api.limits.listener, sending).await {
            return Ok(sent?);
        }
        if let Some(engine) = &self.api.engine {
            engine.metrics.listener_dropped();
        }
        Err(Broken::ReaderSlow)
    }

    /// The plan of an event's run, and its tasks, those that the event names among them.
    async fn plan(&mut self, entry: &JournalEntry) -> Result<Told, Broken> {
        let run = entry.run;
        let is_known = |(plan, tasks): &&Told| {
            let task = entry.event.step().map(|(task, _)| task);
            let step = task.map(|task| tasks.step(task).0 as usize);
            step.is_none_or(|step| step < plan.nodes.len())
        };
        if let Some(told) = self.plans.get(&run).filter(is_known) {
            return Ok(told.clone());
        }
        let plan = if let Event::RunCreated(created) = &entry.event {
            (
                Arc::clone(&created.plan),
                Tasks::new(created.plan.nodes.len()),
            )
        } else {
            let read = move |api: &Api| {
                let gone = || Refusal::internal(format!("the plan of run {run} is not there"));
                let plan = api.reader.plan(run)?.ok_or_else(gone)?;
                let tasks = if plan.nodes.iter().any(|node| node.foreach.is_some()) {
                    api.snapshot(run)?.run.view.tasks.clone()
                } else {
                    Tasks::new(plan.nodes.len())
                };
                Ok((plan, tasks))
            };
            self.api.blocking(read).await?
        };
        if self.plans.len() >= PLANS_REMEMBERED {
            self.plans.clear();
        }
        self.plans.insert(run, plan.clone());
        Ok(plan)
    }
}

/// Lines that are to be sent together.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    /// The last of them is the end of the run that is told of.
    over: bool,
}
