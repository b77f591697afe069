//! A store in memory that can lose or land the write at which a daemon dies.
//!
//! It can have the real store beside it, which is written and asked the same; then each answer of the one
//! is held against the other's.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use run_engine::artifact::{Artifact, Outputs};
use run_engine::event::{Event, StepStarted, Verdict};
use run_engine::ids::{ExecutionId, RunId};
use run_engine::reason::Reason;
use run_engine::seams::{
    Blessed, JournalEntry, Lookups, PortName, Pushed, Reusable, Store, StoreError, Turn,
};
use run_engine::state::RunState;
use run_engine::tasks::Tasks;
use run_store::RunStore;

/// What survives a daemon: everything that was committed.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Rows>>);

/// The rows, and what goes wrong next.
#[derive(Debug, Default)]
pub struct Rows {
    /// All events, ascending.
    pub entries: Vec<JournalEntry>,
    /// Number of events of each commit.
    pub commits: Vec<usize>,
    pub(super) blessings: Vec<Blessed>,
    pub(super) pushes: Vec<Pushed>,
    pub(super) reusable: BTreeMap<String, Reusable>,
    pub(super) executions: BTreeMap<ExecutionId, Reusable>,
    pub(super) starts: BTreeMap<(String, String), Arc<StepStarted>>,
    /// What steps gave, in order: pipeline, step, outputs.
    given: Vec<(String, String, Arc<Outputs>)>,
    /// What they gave last by pipeline, step and span, and whether it was refused.
    spans: BTreeMap<(String, String, i64), (Arc<Outputs>, bool)>,
    pipelines: BTreeMap<RunId, (Arc<pipeline_plan::Plan>, Tasks)>,
    crash: Option<Crash>,
    /// State folder of the real store.
    real: Option<PathBuf>,
}

/// The daemon dies at a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Commits that go well before it.
    pub after: usize,
    /// Whether the write at which it dies is on the disk.
    pub landed: bool,
}

/// A store on a disk.
#[derive(Debug)]
pub struct FakeStore {
    disk: Disk,
    real: Option<RunStore>,
}

impl Disk {
    /// A store on this disk, as a new daemon opens it.
    pub fn open(&self) -> FakeStore {
        let folder = self.rows().real.clone();
        let real = folder.map(|folder| RunStore::open(&folder).unwrap());
        if let Some(real) = &real {
            let journals = real.unfinished().unwrap().into_iter();
            let journals: Vec<_> = journals.map(|journal| journal.entries).collect();
            assert_eq!(
                journals,
                self.unfinished(),
                "what the real store holds unfinished"
            );
            assert_eq!(
                real.last_seq(),
                self.last_seq(),
                "the real store's last event"
            );
        }
        FakeStore {
            disk: self.clone(),
            real,
        }
    }

    /// A disk with a real store in this state folder beside it.
    pub fn beside(folder: PathBuf) -> Self {
        let disk = Self::default();
        disk.rows().real = Some(folder);
        disk
    }

    /// A disk that holds these events and nothing else.
    pub fn with(entries: &[JournalEntry]) -> Self {
        let disk = Self::default();
        disk.rows().write(&Turn {
            entries: entries.to_vec(),
            ..Turn::default()
        });
        disk
    }

    /// Lets a coming write be the last of its daemon.
    pub fn crash_at(&self, crash: Crash) {
        self.rows().crash = Some(crash);
    }

    /// The rows.
    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Journals of the runs that are not over, the oldest first.
    pub fn unfinished(&self) -> Vec<Vec<JournalEntry>> {
        let rows = self.rows();
        let mut journals: BTreeMap<RunId, Vec<JournalEntry>> = BTreeMap::new();
        for entry in &rows.entries {
            journals.entry(entry.run).or_default().push(entry.clone());
        }
        journals.retain(|_, journal| {
            let ended = |entry: &JournalEntry| matches!(entry.event, Event::RunEnded { .. });
            !journal.iter().any(ended)
        });
        journals.into_values().collect()
    }

    /// A run as its journal tells it.
    pub fn run(&self, run: RunId) -> RunState {
        let rows = self.rows();
        let events = rows.entries.iter().filter(|entry| entry.run == run);
        RunState::replay(events.map(|entry| &entry.event)).unwrap()
    }

    /// Number of the last event.
    pub fn last_seq(&self) -> u64 {
        self.rows().entries.last().map_or(0, |entry| entry.seq)
    }
}

impl Rows {
    fn write(&mut self, turn: &Turn) {
        for key in &turn.forgotten_keys {
            self.reusable.remove(key);
        }
        for entry in &turn.entries {
            let last = self.entries.last().map_or(0, |entry| entry.seq);
            assert_eq!(entry.seq, last + 1, "events are numbered without a gap");
            self.index(entry);
            self.give(entry);
            for refused in turn.refused_spans.iter().filter(|r| r.seq == entry.seq) {
                let key = (refused.pipeline.clone(), refused.step.clone(), refused.span);
                let (outputs, is_refused) = self.spans.get_mut(&key).unwrap();
                let mut made = outputs.artifacts.values().map(|a| a.id.execution());
                *is_refused |= made.any(|execution| execution == refused.execution);
            }
            self.entries.push(entry.clone());
        }
        self.commits.push(turn.entries.len());
        self.blessings.extend(turn.blessings.iter().cloned());
        self.pushes.extend(turn.pushes.iter().cloned());
    }

    fn index(&mut self, entry: &JournalEntry) {
        match &entry.event {
            Event::RunCreated(created) => {
                let plan = Arc::clone(&created.plan);
                let tasks = Tasks::new(plan.nodes.len());
                self.pipelines.insert(entry.run, (plan, tasks));
            }
            Event::StepExpanded { node, items, .. } => {
                if let Some((_, tasks)) = self.pipelines.get_mut(&entry.run) {
                    tasks.expand(*node, items);
                }
            }
            Event::StepStarted(started) => self.started(entry.run, started),
            Event::ApprovalRequested(request) => self.started(entry.run, &request.intent),
            Event::ApprovalDecided {
                execution,
                decision,
                outputs,
                ..
            } => {
                let approved = decision.verdict == Verdict::Approved;
                let found = Reusable {
                    execution: *execution,
                    run: entry.run,
                    outputs: Arc::clone(outputs),
                    refused: (!approved).then(|| decision.reason()),
                };
                self.executions.insert(*execution, found);
            }
            Event::StepSucceeded(ended) => self.succeeded(entry.run, ended, None),
            Event::StepRefused { ended, reason } => {
                self.succeeded(entry.run, ended, Some(reason.clone()));
            }
            _ => {}
        }
    }

    /// What an event has a step give.
    fn give(&mut self, entry: &JournalEntry) {
        let (node, outputs) = match &entry.event {
            Event::StepSucceeded(ended) => (ended.node, &ended.outputs),
            Event::StepReused(reused) if reused.refused.is_none() => (reused.node, &reused.outputs),
            Event::ApprovalDecided { node, outputs, .. } if !outputs.artifacts.is_empty() => {
                (*node, outputs)
            }
            _ => return,
        };
        let (plan, tasks) = &self.pipelines[&entry.run];
        let step = plan.node(tasks.step(node)).id.clone();
        let pipeline = plan.name.clone();
        for span in outputs.artifacts.values().filter_map(|a| a.span()) {
            let key = (pipeline.clone(), step.clone(), span);
            self.spans.insert(key, (Arc::clone(outputs), false));
        }
        self.given.push((pipeline, step, Arc::clone(outputs)));
    }

    fn started(&mut self, run: RunId, started: &Arc<StepStarted>) {
        let (plan, tasks) = &self.pipelines[&run];
        let id = &plan.node(tasks.step(started.node)).id;
        let name = match tasks.item_index(started.node) {
            Some(index) => format!("{id}[{index}]"),
            None => id.clone(),
        };
        let key = (plan.name.clone(), name);
        self.starts.insert(key, Arc::clone(started));
    }

    fn succeeded(
        &mut self,
        run: RunId,
        ended: &run_engine::event::StepEnded,
        refused: Option<Reason>,
    ) {
        let found = Reusable {
            execution: ended.execution,
            run,
            outputs: Arc::clone(&ended.outputs),
            refused,
        };
        self.executions.insert(ended.execution, found.clone());
        if let Some(key) = &ended.reuse_key {
            self.reusable.insert(key.clone(), found);
        }
    }
}

impl FakeStore {
    /// Holds everything that ever happened to a run against what the real store tells of it.
    pub fn compare_journal(&self, run: RunId) {
        let rows = self.disk.rows();
        let entries = rows.entries.iter().filter(|entry| entry.run == run);
        let entries: Vec<JournalEntry> = entries.cloned().collect();
        self.agreed(Some(entries), |real| {
            let journal = real.reader().journal(run)?;
            Ok(journal.map(|journal| journal.entries))
        });
    }

    /// Holds an answer against the real store's.
    fn agreed<T: Debug + PartialEq>(
        &self,
        answer: T,
        ask: impl Fn(&RunStore) -> Result<T, StoreError>,
    ) -> T {
        if let Some(real) = &self.real {
            assert_eq!(ask(real).unwrap(), answer, "the real store answers");
        }
        answer
    }
}

impl Store for FakeStore {
    fn commit(&mut self, turn: &Turn) -> Result<(), StoreError> {
        let mut rows = self.disk.rows();
        let lost = rows
            .crash
            .is_some_and(|crash| crash.after == 0 && !crash.landed);
        if let Some(real) = &mut self.real
            && !lost
        {
            real.commit(turn).unwrap();
        }
        match rows.crash {
            Some(crash) if crash.after == 0 => {
                rows.crash = None;
                if crash.landed {
                    rows.write(turn);
                }
                Err(StoreError {
                    message: "the daemon died at a write".to_owned(),
                    source: None,
                })
            }
            _ => {
                if let Some(crash) = &mut rows.crash {
                    crash.after -= 1;
                }
                rows.write(turn);
                Ok(())
            }
        }
    }
}

impl Lookups for FakeStore {
    fn reusable(&self, key: &str) -> Result<Option<Reusable>, StoreError> {
        let found = self.disk.rows().reusable.get(key).cloned();
        Ok(self.agreed(found, |real| real.reusable(key)))
    }

    fn execution(&self, execution: ExecutionId) -> Result<Option<Reusable>, StoreError> {
        let found = self.disk.rows().executions.get(&execution).cloned();
        Ok(self.agreed(found, |real| real.execution(execution)))
    }

    fn newest_start(
        &self,
        pipeline: &str,
        step: &str,
    ) -> Result<Option<Arc<StepStarted>>, StoreError> {
        let key = (pipeline.to_owned(), step.to_owned());
        let found = self.disk.rows().starts.get(&key).cloned();
        Ok(self.agreed(found, |real| real.newest_start(pipeline, step)))
    }

    fn latest_blessed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        let rows = self.disk.rows();
        let mut newest = rows.blessings.iter().rev();
        let found = newest.find(|blessed| {
            blessed.model == model && !other_than.contains(&blessed.artifact.digest)
        });
        let found = found.map(|blessed| Arc::clone(&blessed.artifact));
        Ok(self.agreed(found, |real| real.latest_blessed(model, other_than)))
    }

    fn latest_pushed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError> {
        let rows = self.disk.rows();
        let models = rows.pushes.iter().rev().filter(|push| push.model == model);
        let mut models = models.filter_map(|push| push.artifact.clone());
        let found = models.find(|artifact| !other_than.contains(&artifact.digest));
        Ok(self.agreed(found, |real| real.latest_pushed(model, other_than)))
    }

    fn latest(&self, port: &PortName) -> Result<Option<Arc<Artifact>>, StoreError> {
        let rows = self.disk.rows();
        let mut given = rows.given.iter().rev();
        let found = given.find_map(|(pipeline, step, outputs)| {
            let is_its = *pipeline == port.pipeline && *step == port.step;
            is_its.then(|| outputs.artifacts.get(&port.port).cloned())?
        });
        Ok(self.agreed(found, |real| real.latest(port)))
    }

    fn spans(
        &self,
        port: &PortName,
        before: Option<i64>,
        count: usize,
    ) -> Result<Vec<Arc<Artifact>>, StoreError> {
        let rows = self.disk.rows();
        let of_step = rows
            .spans
            .iter()
            .rev()
            .filter(|((pipeline, step, span), _)| {
                *pipeline == port.pipeline
                    && *step == port.step
                    && before.is_none_or(|before| *span < before)
            });
        let found = of_step.filter_map(|((.., span), (outputs, refused))| {
            let artifact = outputs.artifacts.get(&port.port).cloned();
            artifact.filter(|artifact| !refused && artifact.span() == Some(*span))
        });
        let found: Vec<_> = found.take(count).collect();
        Ok(self.agreed(found, |real| real.spans(port, before, count)))
    }

    fn newest_push(&self, destination: &str, model: &str) -> Result<Option<i64>, StoreError> {
        let rows = self.disk.rows();
        let pushes = rows.pushes.iter();
        let versions = pushes
            .filter(|push| push.destination == destination && push.model == model)
            .map(|push| push.version);
        let newest = versions.max();
        Ok(self.agreed(newest, |real| real.newest_push(destination, model)))
    }
}
