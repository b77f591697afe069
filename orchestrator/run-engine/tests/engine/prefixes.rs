//! A daemon may die after any event: every prefix of every journal is a journal, and goes on.

use std::sync::Arc;

use run_engine::event::Event;
use run_engine::state::RunState;

use crate::notation::{assert_holds, created, time};
use crate::play::{Play, SCENARIOS, Scenario};

/// More than any scenario takes: time goes on after a daemon's death.
const MOVES_BEFORE: usize = 5_000;

/// A run that is taken up from these events; a daemon says that it took it up.
fn taken_up(scenario: Scenario, events: &[Event]) -> RunState {
    let first = Event::RunCreated(Arc::new(created(scenario.plan)));
    let journal = [&first].into_iter().chain(events);
    let mut state = RunState::replay(journal).unwrap();
    if !state.is_ended() {
        let resumed = Event::RunResumed {
            at: time(MOVES_BEFORE),
        };
        state.apply(&resumed).unwrap();
    }
    assert_holds(&state, scenario.name);
    state
}

#[test]
fn a_run_that_is_taken_up_after_any_turn_ends_as_it_would_have() {
    for scenario in SCENARIOS {
        for slots in [1, 2, 64] {
            let whole = Play::new(scenario, slots).played();
            for turns in 0..=whole.turns.len() {
                let state = taken_up(scenario, &whole.turns[..turns].concat());
                let rest = Play::resume(scenario, slots, state, MOVES_BEFORE).played();
                let case = format!("{}, {slots} slots, after turn {turns}", scenario.name);
                assert_eq!(rest.outcome(), whole.outcome(), "{case}");
            }
        }
    }
}

/// What one turn decides is one write, so no daemon ever meets half of it; the journal would still be
/// one, and the run would end.
#[test]
fn every_prefix_of_every_journal_can_be_taken_up_and_ends() {
    for scenario in SCENARIOS {
        let whole = Play::new(scenario, 2).played();
        let events = whole.turns.concat();
        for length in 0..=events.len() {
            let state = taken_up(scenario, &events[..length]);
            let rest = Play::resume(scenario, 2, state, MOVES_BEFORE).played();
            assert!(rest.state.is_ended(), "{}, {length}", scenario.name);
        }
    }
}

#[test]
fn the_scenarios_do_what_their_names_say() {
    let mut text = String::new();
    for scenario in SCENARIOS {
        let outcome = Play::new(scenario, 64).played().outcome();
        text = format!("{text}{}: {outcome}\n", scenario.name);
    }
    insta::assert_snapshot!("scenarios", text);
}
