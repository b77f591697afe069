//! What readers see of the unfinished runs: snapshots, published after each commit.
//!
//! The loop writes, everyone else reads; a reader never waits for a turn. Finished runs are read
//! from the store. It does not know what a document looks like.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use pipeline_plan::NodeId;
use prometheus_client::metrics::histogram::Histogram;
use run_engine::ApplyError;
use run_engine::ids::RunId;
use run_engine::launch::Waiting;
use run_engine::seams::JournalEntry;
use run_engine::state::{RunState, RunView};
use run_store::Journal;
use tokio::sync::broadcast;

use crate::metrics::commits;

/// Events kept for a follower that lags. One that lags further reads what it missed from the store.
const EVENTS_KEPT: usize = 16_384;

/// The unfinished runs, and the stream of what happens.
#[derive(Debug)]
pub struct Views {
    runs: RwLock<BTreeMap<RunId, Arc<LiveRun>>>,
    seq: AtomicU64,
    events: broadcast::Sender<Arc<JournalEntry>>,
    commits: Histogram,
}

/// An unfinished run as of the event `seq`.
#[derive(Debug, Clone)]
pub struct LiveRun {
    /// The run.
    pub view: RunView,
    /// Number of the last event that it holds.
    pub seq: u64,
    /// Processes of its live attempts, as far as they are known to have begun.
    pub pids: Arc<BTreeMap<NodeId, u32>>,
    /// What steps wait for that could run.
    pub waiting: Arc<[Waiting]>,
}

impl LiveRun {
    /// A run as its journal has it: nothing of it lives here.
    pub(crate) fn recorded(journal: &Journal) -> Result<Self, ApplyError> {
        let events = journal.entries.iter().map(|entry| &entry.event);
        Ok(Self {
            view: RunState::replay(events)?.view(),
            seq: journal.entries.last().map_or(0, |entry| entry.seq),
            pids: Arc::new(BTreeMap::new()),
            waiting: Arc::default(),
        })
    }
}

impl Views {
    /// No runs; `seq` is the number of the store's last event.
    pub fn new(seq: u64) -> Self {
        Self::keeping(seq, EVENTS_KEPT)
    }

    /// As [`Self::new`], for followers who lag by so many events at the most.
    pub fn keeping(seq: u64, events: usize) -> Self {
        Self {
            runs: RwLock::new(BTreeMap::new()),
            seq: AtomicU64::new(seq),
            events: broadcast::Sender::new(events),
            commits: commits(),
        }
    }

    /// Shows runs as they are after a commit, forgets those that ended, then tells the events.
    pub fn publish(
        &self,
        changed: Vec<(RunId, LiveRun)>,
        ended: &[RunId],
        entries: impl IntoIterator<Item = Arc<JournalEntry>>,
    ) {
        let entries: Vec<Arc<JournalEntry>> = entries.into_iter().collect();
        {
            let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
            for (run, live) in changed {
                runs.insert(run, Arc::new(live));
            }
            for run in ended {
                runs.remove(run);
            }
            // With the runs: whoever sees them as they are after an event sees its number as well.
            if let Some(last) = entries.last() {
                self.seq.store(last.seq, Ordering::Release);
            }
        }
        for entry in entries {
            // Nobody may be listening.
            let _ = self.events.send(entry);
        }
    }

    /// Notes how long a commit took.
    pub(crate) fn committed(&self, took: Duration) {
        self.commits.observe(took.as_secs_f64());
    }

    /// How long commits took.
    pub(crate) fn commits(&self) -> Histogram {
        self.commits.clone()
    }

    /// An unfinished run.
    pub fn get(&self, run: RunId) -> Option<Arc<LiveRun>> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run).cloned()
    }

    /// All unfinished runs, the oldest first.
    pub fn all(&self) -> Vec<Arc<LiveRun>> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.values().cloned().collect()
    }

    /// Number of the last event that the runs are shown with.
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    /// Everything that is told from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<JournalEntry>> {
        self.events.subscribe()
    }
}
