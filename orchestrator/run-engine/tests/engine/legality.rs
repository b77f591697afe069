//! Every pair: each event in each phase is either legal or an error value, and each piece of news in
//! each phase leads to events that can follow. The tables are generated; a change of them is read in
//! review. A new kind of event does not compile until it stands in them.

use std::fmt::Write;
use std::sync::Arc;

use pipeline_plan::NodeId;
use run_engine::decide::decide;
use run_engine::event::Event;
use run_engine::ids::ExecutionId;
use run_engine::state::RunState;
use uuid::Uuid;

use crate::notation::{after, assert_holds, created, event, input, show_all, show_step, time};

/// `x` is looked at; `n` is what it needs; `z` keeps the run from ending.
const PLAN: &str = "n, x<n, z";
const X: NodeId = NodeId(1);

/// Where `x` may stand, and a journal that leads there.
const PHASES: [(&str, &str); 14] = [
    ("waiting", ""),
    ("doomed", "failed n"),
    ("ready", "reused n"),
    ("lost", "reused n, started x.1, lost x.1"),
    ("running", "reused n, started x.1"),
    ("running.2", "reused n, started x.1, lost x.1, started x.2"),
    ("stuck", "reused n, started x.1, stuck x.1"),
    ("backoff", "reused n, started x.1, retrying x.1"),
    ("succeeded", "reused n, started x.1, succeeded x.1"),
    ("reused", "reused n, reused x"),
    ("failed", "reused n, started x.1, failed x.1"),
    ("refused", "reused n, started x.1, refused x.1"),
    ("skipped", "failed n, skipped x"),
    ("cancelled", ""),
];

/// Where a run may stand: what follows the journal of `x`'s phase.
const RUNS: [(&str, &str); 4] = [
    ("active", ""),
    ("cancelling", "started z.1, run_cancelling"),
    ("abandoning", "started z.1, run_cancelling abandon"),
    (
        "ended",
        "started z.1, run_cancelling, cancelled z.1, run_cancelled",
    ),
];

/// Every kind of event, about `x` if it is about a step.
const EVENTS: [&str; 32] = [
    "run_created",
    "run_resumed",
    "run_cancelling",
    "run_cancelling abandon",
    "run_succeeded",
    "run_failed",
    "run_refused",
    "run_cancelled",
    "started x.1",
    "started x.2",
    "adopted x.1",
    "succeeded x.1",
    "succeeded x.2",
    "refused x.1",
    "reused x",
    "refused x",
    "carried x",
    "failed x.1",
    "failed x",
    "retrying x.1",
    "lost x.1",
    "lost x.2",
    "stuck x.1",
    "stuck x.2",
    "skipped x",
    "cancelled x.1",
    "abandoned x.1",
    "approval_requested x",
    "approved x",
    "rejected x",
    "run_waiting",
    "expanded x 2",
];

/// Every kind of news.
const NEWS: [&str; 18] = [
    "cancel",
    "abandon",
    "cannot_start x",
    "adopted x.1",
    "adopted x.2",
    "exit 0 x.1",
    "exit 65 x.1",
    "exit 1 x.1",
    "exit 75 x.1",
    "exit 0 x.2",
    "exit 1 x.2",
    "no_process x.1",
    "lost x.1",
    "lost x.2",
    "stuck x.1",
    "stuck x.2",
    "approve x",
    "reject x",
];

/// What a plan in which `x` asks a person may have come to.
const ASKING_PLAN: &str = "n, ask x<n, y<x";
const ASKING: [(&str, &str); 7] = [
    ("active and x is ready", "reused n"),
    ("active and x asks", "reused n, approval_requested x"),
    (
        "waiting and x asks",
        "reused n, approval_requested x, run_waiting",
    ),
    (
        "active and x is approved",
        "reused n, approval_requested x, run_waiting, approved x",
    ),
    (
        "active and x is rejected",
        "reused n, approval_requested x, rejected x",
    ),
    (
        "cancelling and x asks",
        "reused n, approval_requested x, run_waiting, run_cancelling",
    ),
    (
        "cancelled and x asked",
        "reused n, approval_requested x, run_cancelling, run_cancelled",
    ),
];

/// What a plan in which `x` is done for items may have come to.
const LIST_PLAN: &str = "n, each x<n, y<x";
const LIST: [(&str, &str); 6] = [
    ("active and x is ready", "reused n"),
    ("active and x is expanded", "reused n, expanded x 3"),
    (
        "active and x was expanded to nothing",
        "reused n, expanded x 0",
    ),
    (
        "active and x succeeded",
        "reused n, expanded x 2, reused x[0], started x[1].1, succeeded x[1].1",
    ),
    (
        "active and x failed",
        "reused n, expanded x 2, reused x[0], started x[1].1, failed x[1].1",
    ),
    (
        "cancelling and x is expanded",
        "reused n, expanded x 3, started x[0].1, run_cancelling",
    ),
];

/// What a plan in which `x` follows all others may have come to.
const FINALLY_PLAN: &str = "n, finally x, finally y<x";
const FINALLY: [(&str, &str); 16] = [
    ("active and x is waiting", ""),
    ("finishing and x is ready", "reused n"),
    ("finishing after a failure and x is ready", "failed n"),
    ("finishing and x is running", "reused n, started x.1"),
    ("finishing and x is lost", "reused n, started x.1, lost x.1"),
    (
        "finishing and x is in backoff",
        "reused n, started x.1, retrying x.1",
    ),
    (
        "finishing and x is succeeded",
        "reused n, started x.1, succeeded x.1",
    ),
    (
        "finishing and x is failed",
        "reused n, started x.1, failed x.1",
    ),
    ("finishing and x is skipped", "reused n, skipped x"),
    ("cancelling and x is waiting", "started n.1, run_cancelling"),
    (
        "cancelled and x is ready",
        "started n.1, run_cancelling, cancelled n.1",
    ),
    (
        "cancelling, n is stuck and x is waiting",
        "started n.1, stuck n.1, run_cancelling",
    ),
    (
        "cancelled again to abandon n and x is waiting",
        "started n.1, stuck n.1, run_cancelling, run_cancelling abandon",
    ),
    (
        "cancelled with n abandoned and x is ready",
        "started n.1, stuck n.1, run_cancelling abandon, abandoned n.1",
    ),
    (
        "cancelled again and x never began",
        "started n.1, run_cancelling, run_cancelling",
    ),
    (
        "cancelled again and x is running",
        "started n.1, run_cancelling, cancelled n.1, started x.1, run_cancelling",
    ),
];

/// Every state of the table: the run's phase and `x`'s in words, and the state.
fn states() -> impl Iterator<Item = (String, RunState)> {
    let ordinary = RUNS.iter().flat_map(|(run, after)| {
        PHASES.iter().filter_map(move |(phase, before)| {
            let journal = match (*phase, *run) {
                ("cancelled", "active") => return None,
                ("cancelled", _) => {
                    let before =
                        "reused n, started x.1, started z.1, run_cancelling, cancelled x.1";
                    let ended = if *run == "ended" {
                        ", cancelled z.1, run_cancelled"
                    } else {
                        ""
                    };
                    format!("{before}{ended}")
                }
                // Nothing of a run that ended lives any more.
                (_, "ended") if phase.starts_with("running") || *phase == "stuck" => return None,
                _ => format!("{before}, {after}"),
            };
            Some((
                format!("{run} and x is {phase}"),
                state_after(PLAN, &journal),
            ))
        })
    });
    let finally = FINALLY.iter().map(|(name, journal)| {
        let state = state_after(FINALLY_PLAN, journal);
        (format!("{name}, which follows all others"), state)
    });
    let asking = ASKING.iter().map(|(name, journal)| {
        let state = state_after(ASKING_PLAN, journal);
        (format!("{name}, of a person"), state)
    });
    let list = LIST.iter().map(|(name, journal)| {
        let state = state_after(LIST_PLAN, journal);
        (format!("{name}, of items"), state)
    });
    ordinary.chain(finally).chain(asking).chain(list)
}

/// A state after these events; `x` may be carried over.
fn state_after(plan: &str, journal: &str) -> RunState {
    let mut created = created(plan);
    let from = ExecutionId::new(Uuid::from_u128(7 << 64));
    created.carried.insert(X, from);
    after(RunState::new(Arc::new(created)), journal)
}

fn table(row: &str, cells: impl Fn(&RunState) -> Vec<(&'static str, String)>) -> String {
    let mut text = String::new();
    for (what, state) in states() {
        writeln!(text, "{row} while the run is {what}").unwrap();
        for (name, cell) in cells(&state) {
            if !cell.is_empty() {
                writeln!(text, "    {name:<22} {cell}").unwrap();
            }
        }
    }
    text
}

/// Number of the event's kind. Whoever adds a kind adds it to [`EVENTS`] as well.
fn kind(event: &Event) -> usize {
    match event {
        Event::RunCreated(_) => 0,
        Event::RunResumed { .. } => 1,
        Event::RunCancelling { .. } => 2,
        Event::RunEnded { .. } => 3,
        Event::StepStarted(_) => 4,
        Event::StepAdopted { .. } => 5,
        Event::StepSucceeded(_) => 6,
        Event::StepRefused { .. } => 7,
        Event::StepReused(_) => 8,
        Event::StepFailed { .. } => 9,
        Event::StepLost { .. } => 10,
        Event::StepSkipped { .. } => 11,
        Event::StepCancelled { .. } => 12,
        Event::StepRetrying { .. } => 13,
        Event::StepStuck { .. } => 14,
        Event::StepAbandoned { .. } => 15,
        Event::ApprovalRequested(_) => 16,
        Event::ApprovalDecided { .. } => 17,
        Event::RunWaiting { .. } => 18,
        Event::StepExpanded { .. } => 19,
    }
}

#[test]
fn every_kind_of_event_is_in_the_table() {
    let state = state_after(PLAN, "");
    let mut kinds: Vec<usize> = EVENTS
        .iter()
        .map(|text| kind(&event(&state, text, time(9))))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, (0..kinds.len()).collect::<Vec<_>>());
    assert_eq!(kinds.len(), 20);
}

#[test]
fn every_event_in_every_phase_is_legal_or_an_error_value() {
    let legal = table("legal", |before| {
        let cells = EVENTS.iter().map(|text| {
            let mut state = before.clone();
            let cell = match state.apply(&event(&state, text, time(1_000))) {
                Ok(()) => {
                    assert_holds(&state, text);
                    format!("-> {}", show_step(&state, X))
                }
                Err(error) => {
                    assert_eq!(
                        format!("{state:?}"),
                        format!("{before:?}"),
                        "{text}: {error}"
                    );
                    String::new()
                }
            };
            (*text, cell)
        });
        cells.collect()
    });
    insta::assert_snapshot!("legal_events", legal);
}

#[test]
fn every_piece_of_news_in_every_phase_leads_to_what_can_follow() {
    let decided = table("decided", |before| {
        let cells = NEWS.iter().map(|text| {
            let mut state = before.clone();
            let events = decide(&state, &input(&state, text), time(1_000));
            for event in &events {
                assert_eq!(state.apply(event), Ok(()), "{text}");
                assert_holds(&state, text);
            }
            (*text, show_all(&state, &events))
        });
        cells.collect()
    });
    insta::assert_snapshot!("decided_events", decided);
}
