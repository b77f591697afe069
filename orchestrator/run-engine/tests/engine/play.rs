//! A run that is played to its end in memory: the loop without its seams.
//!
//! Deterministic: what a step does depends on the step and on how often it was tried, never on when.

use std::collections::BTreeMap;
use std::sync::Arc;

use run_engine::decide::{Input, decide, follow};
use run_engine::event::Event;
use run_engine::launch::{Capacity, Demand, LaunchQueue, RunLoad};
use run_engine::state::{RunPhase, RunState};

use crate::notation::{assert_holds, created, event, input, parts, show_step, time};

/// Steps after which a run that does not end is given up.
const MOVES_MAX: usize = 10_000;

/// What is played: a plan, what its steps do, and what the user does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// Its name.
    pub(crate) name: &'static str,
    /// The plan.
    pub(crate) plan: &'static str,
    /// What steps do, other than to succeed: `a reuse, b exit 1, c lost lost exit 0`.
    pub(crate) acts: &'static str,
    /// The run is cancelled when this step has ended; empty if it never is.
    pub(crate) cancelled_after: &'static str,
}

/// Every scenario.
pub(crate) const SCENARIOS: [Scenario; 21] = [
    scenario("linear", "a, b<a, c<b", ""),
    scenario("diamond", "a, b<a, c<a, d<b c", ""),
    scenario("fan out", "a, b<a, c<a, d<a, e<a, f<b c d e", ""),
    scenario("reuse", "a, b<a, c<b", "a reuse, b reuse"),
    scenario("reused refusal", "a, b<a, c", "a reuse_refused"),
    scenario("failure", "a, b<a, c<b, d", "a exit 1"),
    scenario("refusal", "a, b<a, c<b, d<a", "b exit 65"),
    scenario("unstartable", "a, b<a, c", "a cannot_start"),
    scenario("lost attempts", "a, b<a", "a lost; lost; exit 0, b lost"),
    scenario(
        "lost too often",
        "a, b<a",
        "a lost; lost; lost; lost; lost; exit 0",
    ),
    scenario("failed attempt", "a, b<a", "a exit 75; exit 75; exit 0"),
    scenario("condition", "a, if b<a, c<b, d<a", "b skip"),
    scenario("allowed failure", "may_fail a, b<a?, c<a", "a exit 1"),
    scenario("condition on a failure", "a, always b<a, c<b", "a exit 1"),
    scenario(
        "approvals",
        "a, ask b<a, c<b, ask d<c, e<d, ask f",
        "b approve, d reject, f reuse",
    ),
    scenario(
        "items",
        "each a, b<a, each c<b, d<c",
        "a expand 3, a[1] reuse, c expand 0",
    ),
    scenario(
        "failing items",
        "each a, b<a, may_fail each c, d<c?, finally each z",
        "a expand 4, a[0] exit 1, a[2] exit 65, c expand 2, c[0] lost; exit 1, z expand 1",
    ),
    Scenario {
        cancelled_after: "a[0]",
        ..scenario("cancelled items", "each a, b<a, finally z", "a expand 5")
    },
    scenario("finally", "a, b<a, finally y, finally z<y", "a exit 1"),
    Scenario {
        cancelled_after: "a",
        ..scenario("cancel, finally", "a, b<a, finally z", "")
    },
    Scenario {
        cancelled_after: "b",
        ..scenario("cancel", "a, b, c<a, d<b", "c exit 1")
    },
];

const fn scenario(name: &'static str, plan: &'static str, acts: &'static str) -> Scenario {
    Scenario {
        name,
        plan,
        acts,
        cancelled_after: "",
    }
}

/// A run in progress.
pub(crate) struct Play {
    scenario: Scenario,
    acts: BTreeMap<String, Vec<String>>,
    slots: usize,
    moves: usize,
    /// The run as of its last event.
    pub(crate) state: RunState,
    /// What happened, in groups that are committed together.
    pub(crate) turns: Vec<Vec<Event>>,
}

impl Play {
    /// The run of a scenario, which nothing has happened to.
    pub(crate) fn new(scenario: Scenario, slots: usize) -> Self {
        let state = RunState::new(Arc::new(created(scenario.plan)));
        Self::resume(scenario, slots, state, 0)
    }

    /// A run that is played on from where it stands; so many moves were made before.
    pub(crate) fn resume(scenario: Scenario, slots: usize, state: RunState, moves: usize) -> Self {
        let acts = parts(scenario.acts).map(|part| {
            let (step, acts) = part.split_once(' ').unwrap();
            let acts = acts.split(';').map(|act| act.trim().to_owned());
            (step.to_owned(), acts.collect())
        });
        Self {
            scenario,
            acts: acts.collect(),
            slots,
            moves,
            state,
            turns: Vec::new(),
        }
    }

    /// Plays to the end.
    pub(crate) fn played(mut self) -> Self {
        for _ in 0..MOVES_MAX {
            if self.state.is_ended() {
                return self;
            }
            self.go();
        }
        panic!("{}: the run does not end", self.scenario.name);
    }

    /// How it stands: the end, and each step with the number of its attempts.
    pub(crate) fn outcome(&self) -> String {
        let steps = self.state.task_ids().map(|node| {
            let attempts = self.state.step(node).attempts.len();
            format!("{} x{attempts}", show_step(&self.state, node))
        });
        let steps: Vec<String> = steps.collect();
        format!("{:?}: {}", self.state.phase, steps.join(", "))
    }

    /// One turn: what follows by itself, else one cancellation, start or end.
    fn go(&mut self) {
        self.moves += 1;
        let events = follow(&self.state, time(self.moves));
        let events = if events.is_empty() {
            self.next()
        } else {
            events
        };
        assert!(!events.is_empty(), "{}: it is stuck", self.scenario.name);
        for event in &events {
            self.state.apply(event).unwrap();
            assert_holds(&self.state, self.scenario.name);
        }
        self.turns.push(events);
    }

    fn next(&self) -> Vec<Event> {
        let (state, now) = (&self.state, time(self.moves));
        let mut tasks = state.task_ids();
        let cancelled_after = tasks.find(|task| state.name(*task) == self.scenario.cancelled_after);
        if cancelled_after.is_some_and(|step| state.step(step).phase.is_ended())
            && state.phase == RunPhase::Active
        {
            return decide(state, &Input::Cancel, now);
        }
        if let Some(started) = self.start() {
            return started;
        }
        let Some(node) = state.running().next() else {
            return self.answered().unwrap_or_else(|| self.start_again());
        };
        let id = &state.name(node);
        let attempt = state.step(node).attempts.len();
        let act = match self.act(id, attempt - 1) {
            "" => "exit 0",
            act => act,
        };
        decide(state, &input(state, &format!("{act} {id}.{attempt}")), now)
    }

    /// A person answers the first step that asks.
    fn answered(&self) -> Option<Vec<Event>> {
        let (state, now) = (&self.state, time(self.moves));
        let (node, _) = state.awaiting().next()?;
        let id = &state.name(node);
        let news = format!("{} {id}", self.act(id, 0));
        Some(decide(state, &input(state, &news), now))
    }

    /// The time of a step has come that waits for another attempt.
    fn start_again(&self) -> Vec<Event> {
        let (state, now) = (&self.state, time(self.moves));
        let waiting = state.backoff().map(|(node, _)| node);
        let again = waiting.take(1).map(|node| {
            let id = &state.name(node);
            let attempt = state.step(node).attempts.len() + 1;
            event(state, &format!("started {id}.{attempt}"), now)
        });
        again.collect()
    }

    /// What the launch policy starts first.
    fn start(&self) -> Option<Vec<Event>> {
        let (state, now) = (&self.state, time(self.moves));
        let active = state.is_going();
        let mut queue = LaunchQueue::new(Capacity::of_slots(self.slots));
        state
            .ready()
            .for_each(|node| queue.offer(state.id(), node, Demand::default()));
        let load = |_| RunLoad {
            running: state.running_count(),
            slots: state.created.slots as usize,
        };
        let picked = queue.pick(load, state.running_count());
        let node = picked.into_iter().find(|_| active)?.node;
        let id = &state.name(node);
        let attempts = state.step(node).attempts.len();
        Some(match self.act(id, 0) {
            "approve" | "reject" => {
                vec![event(state, &format!("approval_requested {id}"), now)]
            }
            expand if expand.starts_with("expand ") => {
                let count = expand.trim_start_matches("expand ");
                vec![event(state, &format!("expanded {id} {count}"), now)]
            }
            "reuse" => vec![event(state, &format!("reused {id}"), now)],
            "reuse_refused" => vec![event(state, &format!("refused {id}"), now)],
            "skip" => vec![event(state, &format!("skipped {id}"), now)],
            "cannot_start" => decide(state, &input(state, &format!("cannot_start {id}")), now),
            _ => vec![event(state, &format!("started {id}.{}", attempts + 1), now)],
        })
    }

    /// What a step does when it is tried the nth time, counted from 0; the last act goes on.
    fn act(&self, id: &str, nth: usize) -> &str {
        let acts = self.acts.get(id).map_or(&[][..], Vec::as_slice);
        let act = acts.get(nth).or(acts.last().filter(|act| *act != "lost"));
        act.map_or("", String::as_str)
    }
}
