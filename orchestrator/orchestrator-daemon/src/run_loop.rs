//! The loop: one synchronous owner of every unfinished run.
//!
//! A turn drains inputs, lets the engine decide, starts or reuses what can be, commits all of it
//! as one batch, and only then lets anything leave the process: views, answers, effects. It is
//! generic over the three seams, so that a simulation drives [`RunLoop::turn`] by itself; the
//! daemon drives it on a thread, see [`start`].
//!
//! It knows neither HTTP nor processes nor files, and decides nothing about a run that the
//! engine could decide without a lookup.
//!
//! # Invariant
//!
//! Intent before effect: an effect is handed to the executor only after the turn that holds its
//! event was committed. After an error of the store nothing leaves the loop any more.

mod active_run;
mod admitting;
mod approvals;
mod commands;
mod draft;
mod given;
mod input;
mod launching;
pub mod limits;
mod recovery;
mod reports;
mod reusing;
mod settling;
mod soundness;
mod successes;
mod thread;
mod timers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use pipeline_plan::NodeId;
use run_engine::ApplyError;
use run_engine::event::Event;
use run_engine::ids::{AttemptId, RunId};
use run_engine::launch::{Capacity, LaunchQueue};
use run_engine::reason::Reason;
use run_engine::seams::{Clock, Executor, JournalEntry, Store, StoreError};

use crate::resolve::{PushTarget, ResolveSettings};
use crate::views::Views;
use active_run::ActiveRun;
use draft::{Draft, TurnLookups};
use timers::Timers;

pub use input::{LoopGone, LoopInput, LoopReceiver, LoopSender, channel};
pub use thread::{LoopHandle, start};

/// What the loop is told once.
#[derive(Debug, Clone)]
pub struct LoopSettings {
    /// What resolving steps takes.
    pub resolve: ResolveSettings,
    /// What there is for the attempts of all runs together.
    pub capacity: Capacity,
    /// Version of this binary; recorded with every run.
    pub ropewalk_version: String,
    /// Name of this machine; recorded with every run.
    pub host: String,
}

/// What a turn leaves to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned {
    /// The turn was full: another one is due, whether or not there is an input.
    pub more: bool,
    /// The loop was asked to end.
    pub stop: bool,
}

/// Why the loop cannot go on. The daemon ends rather than run ahead of its disk.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A journal holds what cannot have happened.
    #[error("the journal of run {run} cannot be replayed: the state folder is damaged")]
    Journal {
        /// The run.
        run: RunId,
        /// What cannot follow.
        source: ApplyError,
    },
    /// The engine decided what cannot follow: a defect of this program.
    #[error(
        "run {run} cannot go on: what was decided cannot follow (a defect of this program; please report it)"
    )]
    Decision {
        /// The run.
        run: RunId,
        /// What cannot follow.
        source: ApplyError,
    },
}

/// Every unfinished run of a state folder, and what it takes to move them on.
pub struct RunLoop<S, E, C> {
    runs: BTreeMap<RunId, ActiveRun>,
    /// What the keeper held before the journals were taken up.
    held: Vec<AttemptId>,
    bench: Bench<S, E, C>,
}

/// Everything of the loop but the runs, so that one run and all of this can be worked with at once.
struct Bench<S, E, C> {
    store: S,
    executor: E,
    clock: C,
    views: Arc<Views>,
    settings: LoopSettings,
    resolve: Arc<ResolveSettings>,
    /// Steps of all runs that wait for a slot.
    queue: LaunchQueue,
    /// Why nothing can be launched, if nothing can.
    hindrance: Option<Reason>,
    /// Live attempts over all runs.
    running: usize,
    /// Live pushes with the versions that they were given.
    live_pushes: BTreeMap<(RunId, NodeId), (PushTarget, i64)>,
    /// Attempts that were given up, or that a keeper holds for no run, until their end is heard of.
    left_behind: BTreeSet<AttemptId>,
    /// How many reuse keys were forgotten since the loop began.
    forgotten_keys: u64,
    /// What waits for time to pass.
    timers: Timers,
    /// Number of the last event.
    seq: u64,
    /// The time of this turn. It never goes back, though the machine's clock may.
    now: DateTime<Utc>,
    /// Runs from which something may follow.
    unsettled: BTreeSet<RunId>,
    draft: Draft,
}

impl<S: Store, E: Executor, C: Clock> RunLoop<S, E, C> {
    /// A loop without runs. `last_seq` is the number of the store's last event.
    pub fn new(
        store: S,
        executor: E,
        clock: C,
        views: Arc<Views>,
        last_seq: u64,
        settings: LoopSettings,
    ) -> Self {
        let bench = Bench {
            queue: LaunchQueue::new(settings.capacity.clone()),
            hindrance: None,
            resolve: Arc::new(settings.resolve.clone()),
            now: clock.now(),
            store,
            executor,
            clock,
            views,
            settings,
            running: 0,
            live_pushes: BTreeMap::new(),
            left_behind: BTreeSet::new(),
            forgotten_keys: 0,
            timers: Timers::default(),
            seq: last_seq,
            unsettled: BTreeSet::new(),
            draft: Draft::default(),
        };
        Self {
            runs: BTreeMap::new(),
            held: Vec::new(),
            bench,
        }
    }

    /// One turn: takes these inputs (at most [`limits::TURN_INPUTS_MAX`]), lets everything follow,
    /// commits, and then tells and does what was decided.
    ///
    /// After an error the loop must be dropped: what it holds in memory is ahead of the store.
    pub fn turn(
        &mut self,
        inputs: impl IntoIterator<Item = LoopInput>,
    ) -> Result<Turned, LoopError> {
        self.bench.begin();
        self.strike()?;
        let mut stop = false;
        for input in inputs {
            match input {
                LoopInput::Command(command) => stop |= self.command(command)?,
                LoopInput::Report(report) => self.report(report)?,
            }
        }
        self.finish()?;
        let more = !self.bench.unsettled.is_empty();
        Ok(Turned { more, stop })
    }

    /// Lets everything follow from what was taken, commits it, tells and does it.
    fn finish(&mut self) -> Result<(), LoopError> {
        self.settle()?;
        if cfg!(debug_assertions) {
            self.assert_sound();
        }
        let draft = std::mem::take(&mut self.bench.draft);
        if draft.writes() {
            let began = Instant::now();
            self.bench.store.commit(&draft.turn)?;
            self.bench.views.committed(began.elapsed());
        }
        let changed = draft.changed.iter().filter_map(|run| {
            let active = self.runs.get(run).filter(|run| !run.state.is_ended())?;
            Some((*run, active.live(self.bench.waiting(active))))
        });
        let entries = draft.turn.entries.into_iter().map(Arc::new);
        self.bench
            .views
            .publish(changed.collect(), &draft.ended, entries);
        for run in &draft.ended {
            self.runs.remove(run);
        }
        // Whoever is answered finds what it is told in the views already.
        for reply in draft.replies {
            reply.send();
        }
        if !draft.effects.is_empty() {
            self.bench.executor.submit(draft.effects);
        }
        Ok(())
    }
}

impl<S: Store, E: Executor, C: Clock> Bench<S, E, C> {
    /// A turn begins.
    fn begin(&mut self) {
        self.now = self.clock.now().max(self.now);
    }

    /// Whether this turn holds as much as a turn may.
    fn is_full(&self) -> bool {
        self.draft.turn.entries.len() >= limits::TURN_EVENTS_MAX
    }

    /// An event happens: the one way in which the loop changes a run.
    fn record(&mut self, run: &mut ActiveRun, event: Event) -> Result<(), LoopError> {
        let id = run.id();
        let before = run.state.running_count();
        let applied = run.state.apply(&event);
        applied.map_err(|source| LoopError::Decision { run: id, source })?;
        self.running = self.running + run.state.running_count() - before;
        if run.state.running_count() < before
            && let Some((node, _)) = event.step()
        {
            self.queue.release(id, node);
        }
        if let Event::StepAbandoned { node, attempt, .. } = event {
            self.release_version(id, node);
            self.left_behind.insert(AttemptId {
                run: id,
                node,
                number: attempt,
            });
        }
        self.time(id, &event);
        self.append(run, event);
        Ok(())
    }

    /// Notes an event that is part of the run's state already.
    fn append(&mut self, run: &mut ActiveRun, event: Event) {
        self.seq += 1;
        run.seq = self.seq;
        self.note_given(run, &event);
        let run = run.id();
        self.draft.turn.entries.push(JournalEntry {
            run,
            seq: self.seq,
            event,
        });
        self.draft.changed.insert(run);
        self.unsettled.insert(run);
    }

    /// Lookups that see this turn and everything committed.
    fn lookups(&self) -> TurnLookups<'_, S> {
        TurnLookups {
            draft: &self.draft,
            store: &self.store,
        }
    }
}
