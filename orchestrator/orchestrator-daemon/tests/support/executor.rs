//! A machine in memory: its keeper holds attempts, its files have contents, its steps do as told.
//!
//! It keeps the executor's promises: launching is idempotent, an exit status is kept until it is
//! acknowledged, and an attempt of a keeper that is gone is told as lost. Nothing happens by itself:
//! reports wait in [`Machine::take_reports`], attempts live until [`Machine::finish`].

mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use run_engine::decide::{AttemptOutcome, AttemptReport};
use run_engine::failure_code::FailureCode;
use run_engine::ids::{ArtifactId, AttemptId};
use run_engine::reason::Failure;
use run_engine::seams::{Effect, Executor, LaunchTask, PrepareTask, Report};
use serde_json::Value;

use steps::exit;

/// What survives a daemon: processes, files, and what steps are told to do.
#[derive(Debug, Clone, Default)]
pub struct Machine(Arc<Mutex<State>>);

/// What a step does whenever it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It gives what it declares; the content follows from what it depends on.
    Succeed,
    /// It gives what it declares, and refuses.
    Refuse(String),
    /// It ends with status 1.
    Fail,
    /// It ends with this status, until the attempt of that number, which succeeds.
    FailBefore {
        /// The exit status.
        status: i32,
        /// The attempt.
        attempt: u32,
    },
}

/// The machine's insides.
#[derive(Debug, Default)]
pub struct State {
    /// Counts keepers; the live one's instance is made of it.
    keeper: u32,
    /// Attempts of the live keeper.
    attempts: BTreeMap<AttemptId, Attempt>,
    /// Processes that outlived their keeper, until they are ended.
    remains: BTreeSet<AttemptId>,
    /// Attempts that no signal ends.
    deaf: BTreeSet<AttemptId>,
    /// Those of them that somebody tried to end.
    stuck: BTreeSet<AttemptId>,
    /// What should never have been, in sentences.
    pub problems: Vec<String>,
    /// How many effects were handed over each time.
    pub handed: Vec<usize>,
    /// The daemon dies while it hands effects over.
    cut: Option<Cut>,
    /// It did.
    died: bool,
    /// The keeper dies before it is handed the next effects.
    keeper_falls: bool,
    /// Everything that was ever started as a process, in order.
    pub launched: Vec<AttemptId>,
    ever: BTreeSet<AttemptId>,
    /// Effects of every kind by name, in order; see [`effect_name`].
    pub effects: Vec<String>,
    /// What was to be looked at, in order.
    pub prepared: Vec<PrepareTask>,
    /// Contents of external files by path.
    pub files: BTreeMap<String, String>,
    /// Digest of the project's files.
    pub project: String,
    /// Artifacts whose files are gone.
    pub gone: BTreeSet<ArtifactId>,
    /// Steps that do something else than succeed.
    pub acts: BTreeMap<String, Act>,
    /// Values that outputs of kind parameter have, by step and port.
    pub values: BTreeMap<(String, String), Value>,
    /// Properties of artifacts, by step and port.
    pub properties: BTreeMap<(String, String), BTreeMap<String, Value>>,
    reports: Vec<Report>,
}

/// The daemon dies after some of the effects of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// How often effects are handed over well before it.
    pub after: usize,
    /// How many effects of the next turn are still carried out.
    pub effects: usize,
}

#[derive(Debug)]
struct Attempt {
    pid: u32,
    task: LaunchTask,
    end: Option<AttemptReport>,
}

/// The executor of one daemon on a machine.
#[derive(Debug)]
pub struct FakeExecutor(Machine);

impl Machine {
    /// An executor on this machine, as a new daemon starts it. What an earlier one had not told yet
    /// is lost with it.
    pub fn executor(&self) -> FakeExecutor {
        self.state().reports.clear();
        FakeExecutor(self.clone())
    }

    /// The insides.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the executor tells next.
    pub fn take_reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.state().reports)
    }

    /// Attempts that live, in order of their identity.
    pub fn live(&self) -> Vec<AttemptId> {
        let state = self.state();
        let live = state.attempts.iter().filter(|(_, a)| a.end.is_none());
        live.map(|(id, _)| *id).collect()
    }

    /// Lets a live attempt do what its step is told to.
    pub fn finish(&self, attempt: AttemptId) {
        let mut state = self.state();
        let Some(task) = state.attempts.get(&attempt).map(|a| a.task.clone()) else {
            return;
        };
        let report = state.outcome(&task);
        state.end(attempt, report);
    }

    /// From now on no signal ends this attempt.
    pub fn deafen(&self, attempt: AttemptId) {
        self.state().deaf.insert(attempt);
    }

    /// Whether no signal ends this attempt.
    pub fn is_deaf(&self, attempt: AttemptId) -> bool {
        self.state().deaf.contains(&attempt)
    }

    /// The signals that deaf attempts were sent reach them; false if there were none.
    pub fn undeafen(&self) -> bool {
        let mut state = self.state();
        state.deaf.clear();
        let stuck = std::mem::take(&mut state.stuck);
        let any = !stuck.is_empty();
        for attempt in stuck {
            if state.remains.contains(&attempt) {
                state.end_remains(attempt);
            } else {
                state.kill(attempt);
            }
        }
        any
    }

    /// The keeper dies, and nothing is known of its attempts any more; another one takes its place.
    /// Their processes live on until somebody ends what remains of them.
    pub fn kill_keeper(&self) {
        let mut state = self.state();
        state.keeper += 1;
        let attempts = std::mem::take(&mut state.attempts);
        let live = attempts.into_iter().filter(|(_, a)| a.end.is_none());
        state.remains.extend(live.map(|(id, _)| id));
    }

    /// As [`Self::kill_keeper`], under a live daemon: its executor notices.
    pub fn kill_keeper_noticed(&self) {
        let live = self.live();
        self.kill_keeper();
        for attempt in live {
            self.state().end_remains(attempt);
        }
    }

    /// The keeper dies once effects were decided, before it is handed them; its executor notices.
    pub fn kill_keeper_before_effects(&self) {
        self.state().keeper_falls = true;
    }

    /// Lets the daemon die while it hands effects over.
    pub fn cut_at(&self, cut: Cut) {
        self.state().cut = Some(cut);
    }

    /// Whether the daemon died so since this was asked last.
    pub fn take_death(&self) -> bool {
        std::mem::take(&mut self.state().died)
    }

    /// Attempts that the keeper holds, ended or not.
    pub fn held(&self) -> Vec<AttemptId> {
        self.state().attempts.keys().copied().collect()
    }

    /// Attempts whose end nobody acknowledged.
    pub fn unacknowledged(&self) -> Vec<AttemptId> {
        let state = self.state();
        let ended = state.attempts.iter().filter(|(_, a)| a.end.is_some());
        ended.map(|(id, _)| *id).collect()
    }
}

impl Executor for FakeExecutor {
    fn keeper(&self) -> String {
        self.0.state().instance()
    }

    fn submit(&mut self, effects: Vec<Effect>) {
        if std::mem::take(&mut self.0.state().keeper_falls) {
            self.0.kill_keeper_noticed();
        }
        let mut state = self.0.state();
        state.handed.push(effects.len());
        for effect in effects {
            if state.dies() {
                return;
            }
            let name = effect_name(&effect);
            state.effects.push(name);
            match effect {
                Effect::Prepare(task) => {
                    let report = Report::Prepared {
                        run: task.run,
                        node: task.node,
                        result: state.prepare(&task).map(Box::new),
                    };
                    state.reports.push(report);
                    state.prepared.push(*task);
                }
                Effect::Verify(task) => {
                    let report = Report::Verified {
                        run: task.run,
                        node: task.node,
                        missing: state.verify(&task),
                    };
                    state.reports.push(report);
                }
                Effect::Launch(task) => state.launch(task),
                Effect::Kill(attempt) => state.kill(attempt),
                Effect::Acknowledge(attempt) => {
                    state.acknowledge(attempt);
                }
            }
        }
        // It may die after the last of them as well.
        state.dies();
        state.cut = state.cut.map(|cut| Cut {
            after: cut.after.saturating_sub(1),
            ..cut
        });
    }
}

impl State {
    fn instance(&self) -> String {
        format!("keeper-{}", self.keeper)
    }

    /// Whether the daemon dies before it hands over another effect.
    fn dies(&mut self) -> bool {
        match &mut self.cut {
            Some(Cut {
                after: 0,
                effects: 0,
            }) => {
                self.cut = None;
                self.died = true;
            }
            Some(Cut { after: 0, effects }) => *effects -= 1,
            _ => {}
        }
        self.died
    }

    /// Proves an attempt of a keeper that is gone dead, and tells so.
    fn end_remains(&mut self, attempt: AttemptId) {
        if self.deaf.contains(&attempt) {
            self.is_stuck(attempt);
            return;
        }
        self.remains.remove(&attempt);
        self.reports.push(lost(attempt));
    }

    fn is_stuck(&mut self, attempt: AttemptId) {
        self.stuck.insert(attempt);
        let pids = vec![4712];
        self.reports.push(Report::Stuck { attempt, pids });
    }

    fn launch(&mut self, task: LaunchTask) {
        let id = task.attempt();
        if task.started.keeper != self.instance() {
            self.end_remains(id);
            return;
        }
        let adopted = self.attempts.contains_key(&id);
        if !adopted {
            self.expect_alone(id);
            self.launched.push(id);
        }
        let pid = self.launched.len() as u32;
        let attempt = self.attempts.entry(id).or_insert(Attempt {
            pid,
            task,
            end: None,
        });
        let report = match &attempt.end {
            None => Report::Launched {
                attempt: id,
                pid: attempt.pid,
                adopted,
            },
            Some(end) => Report::Ended {
                attempt: id,
                report: Box::new(end.clone()),
            },
        };
        self.reports.push(report);
        if self.stuck.contains(&id) {
            self.is_stuck(id);
        }
    }

    /// No other attempt of the step lives, nor was this one ever launched before.
    fn expect_alone(&mut self, id: AttemptId) {
        let step = AttemptId { number: 0, ..id }..=AttemptId {
            number: u32::MAX,
            ..id
        };
        let held = self.attempts.range(step.clone());
        let held = held
            .filter(|(_, a)| a.end.is_none())
            .map(|(other, _)| other);
        let others: Vec<u32> = held
            .chain(self.remains.range(step))
            .map(|a| a.number)
            .collect();
        if !others.is_empty() {
            let problem = format!("{id:?} began while these lived: {others:?}");
            self.problems.push(problem);
        }
        if !self.ever.insert(id) {
            self.problems.push(format!("{id:?} was launched twice"));
        }
    }

    /// Forgets an attempt whose end is recorded.
    fn acknowledge(&mut self, attempt: AttemptId) {
        if self.stuck.contains(&attempt) {
            // It was left behind, and is held until its end.
            return;
        }
        let known = self.attempts.remove(&attempt);
        if known.is_some_and(|known| known.end.is_none()) {
            let problem = format!("{attempt:?} was forgotten while it lived");
            self.problems.push(problem);
        }
    }

    fn kill(&mut self, attempt: AttemptId) {
        if self.deaf.contains(&attempt) && self.attempts.contains_key(&attempt) {
            self.is_stuck(attempt);
            return;
        }
        let failure = Failure::new(FailureCode::Killed, "it was ended");
        let report = AttemptReport {
            exit: Some(exit(None, Some(15))),
            outcome: AttemptOutcome::Failed(failure),
        };
        self.end(attempt, report);
    }

    fn end(&mut self, id: AttemptId, report: AttemptReport) {
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return;
        };
        // Asked again, it is told again.
        let report = attempt.end.get_or_insert(report).clone();
        self.deaf.remove(&id);
        self.stuck.remove(&id);
        self.reports.push(Report::Ended {
            attempt: id,
            report: Box::new(report),
        });
    }
}

fn lost(attempt: AttemptId) -> Report {
    Report::Lost {
        attempt,
        proof: "the keeper is gone".to_owned(),
    }
}

/// `launch 0.1`: what is to be done, the number of the step, that of the attempt.
fn effect_name(effect: &Effect) -> String {
    let of = |word: &str, id: &AttemptId| format!("{word} {}.{}", id.node.0, id.number);
    match effect {
        Effect::Prepare(task) => format!("prepare {}", task.node.0),
        Effect::Verify(task) => format!("verify {}", task.node.0),
        Effect::Launch(task) => of("launch", &task.attempt()),
        Effect::Kill(attempt) => of("kill", attempt),
        Effect::Acknowledge(attempt) => of("acknowledge", attempt),
    }
}
