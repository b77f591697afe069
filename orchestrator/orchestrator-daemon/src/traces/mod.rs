//! Traces of runs, told to an OpenTelemetry collector: a run is a trace, an attempt a span.
//!
//! Spans are made of the events as they are told, under identities that follow from the run's own, so
//! nothing has to be remembered from an attempt's start to its end. That is all of OpenTelemetry that is
//! needed here: its SDK (contexts, samplers, clocks of its own) is not, and the messages are five small
//! ones. A collector that is slow or gone costs spans, which are counted, and never a run.

mod exporter;
mod otlp;
mod spans;

use std::collections::BTreeMap;
use std::sync::Arc;

use run_engine::event::Event;
use run_engine::ids::RunId;
use run_engine::seams::JournalEntry;
use run_store::StoreReader;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::following::{Takes, follow};
use crate::limits::{SPANS_FAREWELL, SPANS_QUEUED};
use crate::metrics::SpanCounters;
use crate::views::{LiveRun, Views};
use exporter::Exporter;
use otlp::Span;

/// Runs being told to a collector.
#[derive(Debug)]
pub(crate) struct Traces {
    /// Goes when no more is to be told.
    last: oneshot::Sender<()>,
    following: JoinHandle<()>,
    exporting: JoinHandle<()>,
}

impl Traces {
    /// Begins to tell the collector at this address, `http://HOST:PORT`, what happens from now on.
    pub(crate) fn begin(
        collector: &str,
        build: &str,
        views: &Arc<Views>,
        reader: StoreReader,
        counters: SpanCounters,
    ) -> Result<Self, reqwest::Error> {
        let (queue, queued) = mpsc::channel(SPANS_QUEUED);
        let exporter = Exporter::new(collector, build, counters.clone())?;
        let teller = Teller {
            views: Arc::clone(views),
            reader: reader.clone(),
            ended: BTreeMap::new(),
            queue,
            counters,
        };
        let (last, until) = oneshot::channel::<()>();
        let until = async move { drop(until.await) };
        Ok(Self {
            last,
            following: tokio::spawn(follow(views, reader, teller, until)),
            exporting: tokio::spawn(exporter.run(queued)),
        })
    }

    /// Tells what is left, if the collector takes it at once.
    pub(crate) async fn end(self) {
        drop(self.last);
        let told = async {
            // A task that panicked said so itself.
            let _ = self.following.await;
            let _ = self.exporting.await;
        };
        if timeout(SPANS_FAREWELL, told).await.is_err() {
            tracing::warn!("the collector of traces did not take the last of them");
        }
    }
}

/// Makes spans of events.
struct Teller {
    views: Arc<Views>,
    reader: StoreReader,
    /// Runs that ended, until their end is told.
    ended: BTreeMap<RunId, Arc<LiveRun>>,
    queue: mpsc::Sender<Span>,
    counters: SpanCounters,
}

impl Takes for Teller {
    fn take(&mut self, entry: &JournalEntry) {
        let event = &entry.event;
        let attempt = match event {
            Event::StepSucceeded(_)
            | Event::StepRefused { .. }
            | Event::StepFailed { .. }
            | Event::StepRetrying { .. }
            | Event::StepLost { .. }
            | Event::StepCancelled { .. }
            | Event::StepAbandoned { .. } => event.step(),
            Event::RunEnded { .. } => None,
            _ => return,
        };
        let Some(run) = self.run(entry.run) else {
            return;
        };
        let span = match attempt {
            Some((node, Some(number))) => spans::of_attempt(&run.view, node, number),
            Some((_, None)) => None,
            None => {
                self.ended.remove(&entry.run);
                spans::of_run(&run.view)
            }
        };
        let Some(span) = span else {
            return;
        };
        if self.queue.try_send(span).is_err() {
            self.counters.dropped.inc();
        }
    }
}

impl Teller {
    /// The run as it is now: as it is shown, or as its journal has it once it is over.
    fn run(&mut self, run: RunId) -> Option<Arc<LiveRun>> {
        if let Some(live) = self.views.get(run) {
            return Some(live);
        }
        if let Some(ended) = self.ended.get(&run) {
            return Some(Arc::clone(ended));
        }
        let journal = self.reader.journal(run).ok().flatten()?;
        let recorded = Arc::new(LiveRun::recorded(&journal).ok()?);
        self.ended.insert(run, Arc::clone(&recorded));
        Some(recorded)
    }
}
