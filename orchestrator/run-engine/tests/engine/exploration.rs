//! Every state that small runs can be in, by whatever news in whatever order: the invariants hold in
//! each, and from each the run can end.

use std::collections::BTreeSet;

use run_engine::decide::{Input, decide, follow};
use run_engine::event::Event;
use run_engine::state::{RunPhase, RunState};

use crate::notation::{assert_holds, event, input, show_state, state, time};

/// Losses of a run that are explored. More of them lead to nothing that fewer do not, but to the bound
/// on losses, which has a test of its own.
const LOSSES_MAX: usize = 2;

/// Everything that may happen next, as groups of events that are committed together.
fn moves(state: &RunState) -> Vec<Vec<Event>> {
    let now = time(1_000);
    let mut news = vec!["cancel".to_owned(), "abandon".to_owned()];
    let mut moves = vec![follow(state, now)];
    for node in state.task_ids() {
        let id = &state.name(node);
        let attempt = state.step(node).attempts.len();
        for end in ["exit 0", "exit 65", "exit 1", "adopted", "stuck"] {
            news.push(format!("{end} {id}.{attempt}"));
            // Late: of the attempt before.
            news.push(format!("{end} {id}.{}", attempt.saturating_sub(1)));
        }
        if attempt == 1 {
            news.push(format!("exit 75 {id}.1"));
        }
        if losses(state) < LOSSES_MAX {
            news.push(format!("lost {id}.{attempt}"));
        }
        news.push(format!("cannot_start {id}"));
        // What the loop decides by itself, for steps that are ready.
        for own in [
            format!("started {id}.{}", attempt + 1),
            format!("reused {id}"),
            format!("refused {id}"),
            format!("skipped {id}"),
        ] {
            let own = event(state, &own, now);
            if state.clone().apply(&own).is_ok() {
                moves.push(vec![own]);
            }
        }
    }
    moves.extend(
        news.iter()
            .map(|text| decide(state, &input(state, text), now)),
    );
    moves.retain(|events| !events.is_empty());
    moves
}

fn losses(state: &RunState) -> usize {
    let nodes = state.task_ids();
    nodes.map(|node| state.lost_count(node)).sum()
}

/// What tells one state from another: where everything stands, the attempts that led there, and whether
/// another request to end the run would change something.
fn name(state: &RunState) -> String {
    let attempts = state
        .steps
        .iter()
        .map(|step| step.attempts.len().to_string());
    let attempts: Vec<String> = attempts.collect();
    let cancel = decide(state, &Input::Cancel, time(0)).len();
    let (stands, abandons) = (show_state(state), state.abandons());
    format!("{stands} | {} | {cancel} {abandons}", attempts.join(" "))
}

/// Explores a plan, and gives the number of states that it can be in.
fn explore(plan: &str) -> usize {
    let first = state(plan, "");
    let mut seen = BTreeSet::from([name(&first)]);
    let mut open = vec![first];
    while let Some(state) = open.pop() {
        let moves = moves(&state);
        if state.is_ended() {
            assert!(moves.is_empty(), "{}: something follows", name(&state));
            continue;
        }
        let active = state.phase == RunPhase::Active;
        assert!(
            !moves.is_empty() || !active,
            "{}: it is stuck",
            name(&state)
        );
        for events in moves {
            let mut next = state.clone();
            for event in &events {
                assert_eq!(next.apply(event), Ok(()), "{}", name(&state));
            }
            assert_holds(&next, &name(&state));
            if seen.insert(name(&next)) {
                open.push(next);
            }
        }
    }
    seen.len()
}

#[test]
fn the_invariants_hold_in_every_state_of_small_runs() {
    let plans = [
        "a",
        "a, b",
        "a, b<a",
        "a, b<a, c<b",
        "a, b, c<a b",
        "a, b<a, c<a",
        "may_fail a, b<a?, c<b",
        "if a, b<a",
        "a, always b<a, c<b",
        "finally a",
        "a, finally b",
        "a, b<a, finally c",
        "a, finally b, if finally c<b",
        "a, out b<a, out c<b",
        "out a, b<a, if c<b",
        "out if a, out b<a, c",
        "a, out b, out c<b, finally d",
    ];
    let states: Vec<usize> = plans.iter().map(|plan| explore(plan)).collect();
    // If it explores nothing it says nothing.
    assert!(states[0] > 10 && states[5] > 1_000, "{states:?}");
}
