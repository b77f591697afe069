//! Events as they happen: what is stored, then what is told, without a gap or a repeat.
//!
//! The stream of what happens is joined before the store is read, so an event is in one of the two.
//! One that is in both is told once, by its number.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use orchestrator_api::EventsQuery;
use pipeline_plan::Plan;
use run_engine::event::Event;
use run_engine::ids::RunId;
use run_engine::seams::JournalEntry;
use run_store::RunRow;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::extract::Params;
use super::problem::Refusal;
use super::stream::{Broken, Pieces, answer};
use super::{Api, Engine};
use crate::documents::event_line;
use crate::limits::{EVENTS_READ, PIECE_BYTES, PLANS_REMEMBERED};

const MEDIA_TYPE: &str = "application/x-ndjson";

pub(super) async fn of_run(
    State(api): State<Api>,
    Path(run): Path<String>,
    Params(query): Params<EventsQuery>,
) -> Result<Response, Refusal> {
    let run = api.blocking(move |api| api.run_id(&run)).await?;
    Ok(tell(api, Some(run), &query))
}

pub(super) async fn of_all(
    State(api): State<Api>,
    Params(query): Params<EventsQuery>,
) -> Result<Response, Refusal> {
    Ok(tell(api, None, &query))
}

fn tell(api: Api, run: Option<RunId>, query: &EventsQuery) -> Response {
    let (seq, follow) = (query.after.unwrap_or(0), query.follow);
    answer(MEDIA_TYPE, move |pieces| async move {
        let mut teller = Teller {
            api: api.clone(),
            run,
            seq,
            plans: BTreeMap::new(),
            pieces,
        };
        match api.engine.as_ref().filter(|_| follow) {
            Some(engine) => teller.follow(engine).await,
            None => teller.tell_stored().await.map(|_| ()),
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
    plans: BTreeMap<RunId, Arc<Plan>>,
    pieces: Pieces,
}

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
            let entries = self.api.blocking(read).await?;
            let mut lines = Lines::default();
            for entry in entries.iter().take_while(|entry| entry.seq <= shown) {
                self.add(&mut lines, entry).await?;
            }
            let over = lines.over;
            self.pieces.send(lines.text).await?;
            if over {
                return Ok(Flow::Over);
            }
            let last = entries.last().map_or(u64::MAX, |entry| entry.seq);
            if entries.len() < EVENTS_READ || last > shown {
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
        self.pieces.send(lines.text).await?;
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
        let plan = self.plan(entry).await?;
        let line = event_line(entry, &plan);
        serde_json::to_writer(&mut lines.text, &line)
            .map_err(|error| Broken::Failed(error.to_string()))?;
        lines.text.push(b'\n');
        lines.over = self.run.is_some() && matches!(entry.event, Event::RunEnded { .. });
        self.seq = entry.seq;
        Ok(())
    }

    /// The plan of an event's run.
    async fn plan(&mut self, entry: &JournalEntry) -> Result<Arc<Plan>, Broken> {
        let run = entry.run;
        if let Some(plan) = self.plans.get(&run) {
            return Ok(Arc::clone(plan));
        }
        let plan = if let Event::RunCreated(created) = &entry.event {
            Arc::clone(&created.plan)
        } else {
            let read = move |api: &Api| {
                let snapshot = api.snapshot(run)?;
                Ok(Arc::clone(&snapshot.run.view.created.plan))
            };
            self.api.blocking(read).await?
        };
        if self.plans.len() >= PLANS_REMEMBERED {
            self.plans.clear();
        }
        self.plans.insert(run, Arc::clone(&plan));
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
