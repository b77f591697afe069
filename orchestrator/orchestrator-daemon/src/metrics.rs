//! Counters, gauges and durations of what the daemon does.
//!
//! What happened is counted from the events as they are published; what is, is looked up when it is
//! asked for. No run is a label: there would be ever more of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use chrono::{DateTime, Utc};
use pipeline_plan::NodeId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use run_engine::event::Event;
use run_engine::ids::RunId;
use run_engine::seams::JournalEntry;
use run_engine::state::StepPhase;
use run_executor::KeeperState;
use run_store::StoreReader;

use crate::documents::{hinders, run_state_word, step_state_word};
use crate::following::Takes;
use crate::views::{LiveRun, Views};

/// Of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPipeline {
    pipeline: String,
}

/// Of a pipeline, in a state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    pipeline: String,
    state: String,
}

/// Durations by pipeline.
type Durations = Family<OfPipeline, Histogram, fn() -> Histogram>;

/// From 10 ms to about three days: a step may take either.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 4.0, 13))
}

/// From 0.1 ms to about 6 s: a commit that takes longer than a second is a disk in distress.
pub(crate) fn commits() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 3.0, 11))
}

/// The metrics. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    runs: Family<InState, Gauge>,
    steps: Family<InState, Gauge>,
    queued: Gauge,
    launching: Gauge,
    keeper: Keeper,
    listeners_dropped: Counter,
    runs_finished: Family<InState, Counter>,
    steps_finished: Family<InState, Counter>,
    run_durations: Durations,
    step_durations: Durations,
    /// Held while gauges are set and written.
    scrape: Mutex<()>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// All of them, none counted yet. `commits`: the durations of the loop's commits. `extra` adds what only
    /// some daemons have.
    pub(crate) fn new(commits: Histogram, extra: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::with_prefix("ropewalk");
        let inner = Inner {
            runs: Family::default(),
            steps: Family::default(),
            queued: Gauge::default(),
            launching: Gauge::default(),
            keeper: Keeper::default(),
            listeners_dropped: Counter::default(),
            runs_finished: Family::default(),
            steps_finished: Family::default(),
            run_durations: Family::new_with_constructor(durations),
            step_durations: Family::new_with_constructor(durations),
            scrape: Mutex::new(()),
            registry: Registry::default(),
        };
        registry.register("runs", "Unfinished runs", inner.runs.clone());
        registry.register("steps", "Steps of unfinished runs", inner.steps.clone());
        registry.register(
            "queued_steps",
            "Steps that wait for a place",
            inner.queued.clone(),
        );
        registry.register(
            "launching",
            "Whether steps can be started: the keeper takes them, and the disk has room",
            inner.launching.clone(),
        );
        inner.keeper.register(&mut registry);
        registry.register(
            "listeners_dropped",
            "Listeners of events that did not read them",
            inner.listeners_dropped.clone(),
        );
        registry.register(
            "runs_finished",
            "Runs that ended",
            inner.runs_finished.clone(),
        );
        registry.register(
            "steps_finished",
            "Steps that ended",
            inner.steps_finished.clone(),
        );
        registry.register(
            "run_duration_seconds",
            "From a run's creation to its end",
            inner.run_durations.clone(),
        );
        registry.register(
            "step_duration_seconds",
            "From a step's last start to its end",
            inner.step_durations.clone(),
        );
        registry.register(
            "store_commit_duration_seconds",
            "How long a commit took until it was on the disk",
            commits,
        );
        extra(&mut registry);
        Self(Arc::new(Inner { registry, ..inner }))
    }

    /// All of them as text, with what the views show now, and how the keeper does.
    pub(crate) fn text(&self, views: &Views, keeper: KeeperState) -> Result<String, fmt::Error> {
        let _alone = self.0.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&views.all());
        self.0.keeper.set(keeper);
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(as_text_format(&text))
    }

    fn look(&self, unfinished: &[Arc<LiveRun>]) {
        let inner = &self.0;
        inner.runs.clear();
        inner.steps.clear();
        let mut queued = 0;
        let mut hindered = false;
        for live in unfinished {
            let pipeline = &live.view.created.plan.name;
            let label = |state: &str| InState {
                pipeline: pipeline.clone(),
                state: state.to_owned(),
            };
            let state = label(run_state_word(&live.view));
            inner.runs.get_or_create(&state).inc();
            for task in live.view.tasks.shown() {
                let step = live.view.steps.get(task.0 as usize);
                let state = label(step_state_word(step.phase));
                inner.steps.get_or_create(&state).inc();
                queued += i64::from(step.phase == StepPhase::Ready);
            }
            hindered |= live.waiting.iter().any(|waiting| hinders(&waiting.why));
        }
        inner.queued.set(queued);
        inner.launching.set(i64::from(!hindered));
    }

    /// Notes that a listener did not read.
    pub(crate) fn listener_dropped(&self) {
        self.0.listeners_dropped.inc();
    }

    /// What counts what happens. What is missed for want of speed is read from the store.
    pub(crate) fn counting(&self, reader: StoreReader) -> Counting {
        Counting {
            metrics: self.clone(),
            reader,
            runs: BTreeMap::new(),
        }
    }
}

/// Spans of traces that a collector was told, and was not.
#[cfg(feature = "opentelemetry")]
#[derive(Debug, Clone, Default)]
pub(crate) struct SpanCounters {
    pub(crate) sent: Counter,
    pub(crate) dropped: Counter,
}

#[cfg(feature = "opentelemetry")]
impl SpanCounters {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "trace_spans_sent",
            "Spans that the collector of traces took",
            self.sent.clone(),
        );
        registry.register(
            "trace_spans_dropped",
            "Spans that the collector of traces did not take",
            self.dropped.clone(),
        );
    }
}

/// The keeper, which holds the processes of steps.
#[derive(Default)]
struct Keeper {
    up: Gauge,
    connected_since: Gauge<f64, AtomicU64>,
    replaced: Counter,
}

impl Keeper {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "keeper_up",
            "Whether the keeper, which holds the processes of steps, answered just now",
            self.up.clone(),
        );
        registry.register(
            "keeper_connection_start_time_seconds",
            "Since when the keeper is connected to; 0 while it is not",
            self.connected_since.clone(),
        );
        registry.register(
            "keeper_replacements",
            "Keepers that took the place of another since this daemon began",
            self.replaced.clone(),
        );
    }

    fn set(&self, state: KeeperState) {
        self.up.set(i64::from(state.answers));
        let since = state.connected_since;
        let since = since.and_then(|since| since.duration_since(UNIX_EPOCH).ok());
        self.connected_since
            .set(since.map_or(0.0, |since| since.as_secs_f64()));
        // A counter only counts on; nobody else counts this one.
        let more = state.replaced.saturating_sub(self.replaced.get());
        self.replaced.inc_by(more);
    }
}

/// What it takes to count.
pub(crate) struct Counting {
    metrics: Metrics,
    reader: StoreReader,
    runs: BTreeMap<RunId, Known>,
}

/// What is known of an unfinished run.
struct Known {
    pipeline: String,
    created_at: DateTime<Utc>,
    started: BTreeMap<NodeId, DateTime<Utc>>,
}

impl Takes for Counting {
    fn take(&mut self, entry: &JournalEntry) {
        let run = entry.run;
        if let Event::RunCreated(created) = &entry.event {
            let known = Known {
                pipeline: created.plan.name.clone(),
                created_at: created.at,
                started: BTreeMap::new(),
            };
            self.runs.insert(run, known);
            return;
        }
        if !self.runs.contains_key(&run)
            && let Ok(Some(row)) = self.reader.run(run)
        {
            let known = Known {
                pipeline: row.pipeline,
                created_at: row.created_at,
                started: BTreeMap::new(),
            };
            self.runs.insert(run, known);
        }
        let Some(known) = self.runs.get_mut(&run) else {
            return;
        };
        let inner = &self.metrics.0;
        match &entry.event {
            Event::StepStarted(started) => {
                known.started.insert(started.node, started.at);
            }
            Event::RunEnded { end, at } => {
                let state = crate::documents::run_end_word(*end);
                inner.runs_finished.get_or_create(&known.label(state)).inc();
                let durations = inner.run_durations.get_or_create(&known.of());
                durations.observe(seconds(known.created_at, *at));
                drop(durations);
                self.runs.remove(&run);
            }
            other => {
                let Some((node, state, at)) = step_end(other) else {
                    return;
                };
                inner
                    .steps_finished
                    .get_or_create(&known.label(state))
                    .inc();
                if let Some(start) = known.started.remove(&node) {
                    let durations = inner.step_durations.get_or_create(&known.of());
                    durations.observe(seconds(start, at));
                }
            }
        }
    }
}

impl Known {
    fn of(&self) -> OfPipeline {
        OfPipeline {
            pipeline: self.pipeline.clone(),
        }
    }

    fn label(&self, state: &str) -> InState {
        InState {
            pipeline: self.pipeline.clone(),
            state: state.to_owned(),
        }
    }
}

/// The step that an event ends, and how.
fn step_end(event: &Event) -> Option<(NodeId, &'static str, DateTime<Utc>)> {
    let phase = match event {
        Event::StepSucceeded(ended) => return Some((ended.node, "succeeded", ended.at)),
        Event::StepRefused { ended, .. } => return Some((ended.node, "refused", ended.at)),
        Event::StepReused(reused) => return Some((reused.node, "reused", reused.at)),
        Event::StepFailed { node, at, .. } => (*node, StepPhase::Failed, *at),
        Event::StepSkipped { node, at, .. } => (*node, StepPhase::Skipped, *at),
        Event::StepCancelled { node, at, .. } => (*node, StepPhase::Cancelled, *at),
        _ => return None,
    };
    Some((phase.0, step_state_word(phase.1), phase.2))
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).as_seconds_f64().max(0.0)
}

/// The `OpenMetrics` form as Prometheus' older text format, which names a counter with its `_total` throughout.
fn as_text_format(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
            continue;
        }
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let total = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.strip_suffix(" counter"));
        let mut put = |line: &str| {
            written.push_str(line);
            written.push('\n');
        };
        if let Some(help) = help.take() {
            match total {
                Some(name) => put(&help.replacen(name, &format!("{name}_total"), 1)),
                None => put(help),
            }
        }
        match total {
            Some(name) => put(&format!("# TYPE {name}_total counter")),
            None => put(line),
        }
    }
    written
}
