//! What must be true of a world at every moment, whatever died in it and when.
//!
//! It reads what survives a daemon: the journals, and what was ever a process. It keeps its own states,
//! folded event by event, so that every prefix of every journal is looked at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use run_engine::event::Event;
use run_engine::ids::{AttemptId, ExecutionId, RunId};
use run_engine::invariants::violations;
use run_engine::seams::JournalEntry;
use run_engine::state::{AttemptEndKind, RunState};

use super::world::World;

/// What has been looked at so far.
#[derive(Debug, Default)]
pub struct Audit {
    seq: u64,
    runs: BTreeMap<RunId, RunState>,
    times: BTreeMap<RunId, DateTime<Utc>>,
    intents: BTreeSet<AttemptId>,
    executions: BTreeMap<ExecutionId, (RunId, u32)>,
    launched: usize,
    problems: Vec<String>,
}

impl Audit {
    /// Looks at what is new in the world; fails the test, saying what is wrong.
    #[track_caller]
    pub fn look(&mut self, world: &World) {
        // Events are numbered from 1 without a gap, which is looked at as well.
        let new: Vec<JournalEntry> = world.disk.rows().entries[self.seq as usize..].to_vec();
        for entry in &new {
            self.entry(entry);
        }
        self.processes(world);
        if world.is_alive() {
            self.views(world);
        }
        let problems = std::mem::take(&mut self.problems);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// A run as of its last event.
    pub fn run(&self, run: RunId) -> &RunState {
        &self.runs[&run]
    }

    /// All runs, the oldest first.
    pub fn runs(&self) -> impl Iterator<Item = &RunState> {
        self.runs.values()
    }

    fn entry(&mut self, entry: &JournalEntry) {
        let (run, event) = (entry.run, &entry.event);
        let name = run_engine::event_name(event);
        let what = format!("event {} ({name}) of run {run}", entry.seq);
        if entry.seq != self.seq + 1 {
            self.problems
                .push(format!("{what} follows event {}", self.seq));
        }
        self.seq = entry.seq;
        let last = self.times.insert(run, event.at());
        if last.is_some_and(|last| last > event.at()) {
            self.problems
                .push(format!("{what} is earlier than the one before it"));
        }
        if let Event::RunCreated(created) = event {
            let before = self.runs.insert(run, RunState::new(created.clone()));
            if before.is_some() {
                self.problems.push(format!("{what}: the run was there"));
            }
            return;
        }
        let Some(state) = self.runs.get_mut(&run) else {
            self.problems.push(format!("{what}: there is no such run"));
            return;
        };
        if let Err(error) = state.apply(event) {
            self.problems.push(format!("{what}: {error}"));
        }
        let broken = violations(state);
        self.problems
            .extend(broken.iter().map(|broken| format!("{what}: {broken}")));
        if let Event::StepStarted(started) = event {
            self.intents.insert(AttemptId {
                run,
                node: started.node,
                number: started.attempt,
            });
            let owner = (run, started.node.0);
            let first = *self.executions.entry(started.execution).or_insert(owner);
            if first != owner {
                self.problems
                    .push(format!("{what}: its execution is another step's"));
            }
        }
    }

    fn processes(&mut self, world: &World) {
        let state = world.machine.state();
        self.problems.extend(state.problems.iter().cloned());
        for attempt in &state.launched[self.launched..] {
            if !self.intents.contains(attempt) {
                self.problems
                    .push(format!("{attempt:?} was launched without its intent"));
            }
        }
        self.launched = state.launched.len();
        drop(state);
        let mut live = world.machine.live();
        live.retain(|attempt| !self.was_left_behind(*attempt));
        if live.len() > world.slots {
            self.problems.push(format!(
                "{} attempts live in {} slots",
                live.len(),
                world.slots
            ));
        }
        for attempt in live {
            let recorded = self.runs.get(&attempt.run);
            let recorded = recorded.and_then(|run| run.live_attempt(attempt.node));
            if recorded.is_none_or(|started| started.attempt != attempt.number) {
                self.problems
                    .push(format!("{attempt:?} lives and is not known to"));
            }
        }
    }

    /// Whether a run was ended without this attempt, which may live on.
    fn was_left_behind(&self, attempt: AttemptId) -> bool {
        let step = self
            .runs
            .get(&attempt.run)
            .map(|run| run.step(attempt.node));
        let recorded = step.and_then(|step| step.attempts.get(attempt.number as usize - 1));
        let end = recorded.and_then(|attempt| attempt.end.as_ref());
        end.is_some_and(|end| end.kind == AttemptEndKind::Abandoned)
    }

    /// Readers see the runs that have not ended as they are on the disk.
    fn views(&mut self, world: &World) {
        let shown = world.views.all();
        let unfinished = self.runs.values().filter(|run| !run.is_ended());
        let unfinished: Vec<&RunState> = unfinished.collect();
        let ids = shown.iter().map(|live| live.view.created.run);
        if !ids.eq(unfinished.iter().map(|run| run.id())) {
            let problem = "readers see other runs than those that have not ended";
            self.problems.push(problem.to_owned());
            return;
        }
        for (live, run) in shown.iter().zip(unfinished) {
            let seen = live.view.steps.iter().map(|step| step.phase);
            let same = seen.eq(run.steps.iter().map(|step| step.phase));
            if !same || live.view.phase != run.phase {
                let problem = format!("readers do not see run {} as it is", run.id());
                self.problems.push(problem);
            }
        }
        if world.views.seq() != self.seq {
            let problem = format!(
                "readers are at event {}, not {}",
                world.views.seq(),
                self.seq
            );
            self.problems.push(problem);
        }
    }
}
