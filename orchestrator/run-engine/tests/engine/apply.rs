//! What an event makes of a state, and which events cannot follow.

use std::sync::Arc;

use run_engine::event::Event;
use run_engine::state::RunState;

use crate::notation::{assert_holds, created, event, show_state, state, time};

/// A journal adds up to this state.
#[track_caller]
fn check(plan: &str, journal: &str, expected: &str) {
    let state = state(plan, journal);
    assert_eq!(show_state(&state), expected, "{journal}");
    assert_holds(&state, journal);
}

/// After a journal an event is refused with this sentence, and nothing of the state changes.
#[track_caller]
fn check_refused(plan: &str, journal: &str, next: &str, expected: &str) {
    let mut state = state(plan, journal);
    let before = format!("{state:?}");
    let error = state.apply(&event(&state, next, time(1_000))).unwrap_err();
    assert_eq!(error.to_string(), expected, "{journal} | {next}");
    assert_eq!(format!("{state:?}"), before, "{journal} | {next}");
}

#[test]
fn a_step_is_ready_once_everything_that_it_needs_ended_well() {
    let diamond = "a, b<a, c<a, d<b c";
    check(
        diamond,
        "",
        "active: a ready, b waiting, c waiting, d waiting",
    );
    let a = "started a.1, succeeded a.1";
    check(
        diamond,
        a,
        "active: a succeeded, b ready, c ready, d waiting",
    );
    let b = format!("{a}, reused b");
    check(
        diamond,
        &b,
        "active: a succeeded, b reused, c ready, d waiting",
    );
    let c = format!("{b}, started c.1, succeeded c.1");
    check(
        diamond,
        &c,
        "active: a succeeded, b reused, c succeeded, d ready",
    );
}

#[test]
fn a_bad_end_makes_nothing_ready() {
    for bad in [
        "started a.1, failed a.1",
        "failed a",
        "refused a",
        "started a.1, refused a.1",
    ] {
        let word = if bad.contains("failed") {
            "failed"
        } else {
            "refused"
        };
        check("a, b<a", bad, &format!("active: a {word}, b waiting"));
    }
    // The other need does not make up for it.
    let both = "failed a, started b.1, succeeded b.1";
    check(
        "a, b, c<a b",
        both,
        "active: a failed, b succeeded, c waiting",
    );
}

#[test]
fn a_lost_attempt_makes_its_step_ready_for_the_next() {
    check("a", "started a.1, lost a.1", "active: a ready");
    check(
        "a",
        "started a.1, lost a.1, started a.2",
        "active: a running.2",
    );
}

#[test]
fn a_retry_carries_steps_over_before_what_they_need() {
    check(
        "a, b<a, c<b",
        "carried b",
        "active: a ready, b reused, c ready",
    );
    let later = "carried b, failed a";
    check("a, b<a, c<b", later, "active: a failed, b reused, c ready");
}

#[test]
fn whatever_had_not_ended_is_cancelled_with_its_run() {
    let journal =
        "started a.1, succeeded a.1, started b.1, run_cancelling, cancelled b.1, run_cancelled";
    let expected = "cancelled: a succeeded, b cancelled, c cancelled, d cancelled";
    check("a, b<a, c<b, d", journal, expected);
}

#[test]
fn what_cannot_follow_is_a_sentence_and_changes_nothing() {
    let refused = |journal, next, expected| check_refused("a, b<a", journal, next, expected);
    refused(
        "",
        "run_created",
        "a journal begins with `run_created`, once",
    );
    refused(
        "",
        "started b.1",
        "step `b` is Waiting: step_started cannot follow",
    );
    refused("", "started #9.1", "the plan has no step number 9");
    refused("", "failed #9", "the plan has no step number 9");
    refused(
        "",
        "started a.2",
        "step `a`: step_started names attempt 2, which does not live",
    );
    refused(
        "started a.1, lost a.1",
        "succeeded a.1",
        "step `a` is Ready: step_succeeded cannot follow",
    );
    refused(
        "started a.1, lost a.1, started a.2",
        "succeeded a.1",
        "step `a`: step_succeeded names attempt 1, which does not live",
    );
    refused(
        "",
        "run_succeeded",
        "the run is Active: run_succeeded cannot follow",
    );
    refused(
        "run_cancelling",
        "started a.1",
        "the run is Cancelling: step_started cannot follow",
    );
    refused(
        "started a.1, run_cancelling",
        "run_cancelled",
        "the run is Cancelling: run_cancelled cannot follow",
    );
    refused(
        "run_cancelling, run_cancelled",
        "run_resumed",
        "the run is Ended(Cancelled): run_resumed cannot follow",
    );
}

#[test]
fn a_step_that_was_started_is_never_reused() {
    // Its attempts would belong to an execution that gave nothing.
    for next in ["reused a", "carried a", "refused a"] {
        let journal = "started a.1, lost a.1";
        let state = state("a", journal);
        let event = event(&state, next, time(9));
        assert!(state.clone().apply(&event).is_err(), "{next}");
    }
}

#[test]
fn items_go_on_two_at_a_time_and_their_step_ends_with_them() {
    let expanded = "expanded a 3";
    check(
        "each a, b<a",
        expanded,
        "active: a expanded, b waiting, a[0] ready, a[1] ready, a[2] waiting",
    );
    let one = format!("{expanded}, started a[1].1, succeeded a[1].1");
    check(
        "each a, b<a",
        &one,
        "active: a expanded, b waiting, a[0] ready, a[1] succeeded, a[2] ready",
    );
    let all = format!("{one}, reused a[0], reused a[2]");
    check(
        "each a, b<a",
        &all,
        "active: a succeeded, b ready, a[0] reused, a[1] succeeded, a[2] reused",
    );
    let carried = format!("{expanded}, carried a[2], reused a[0], reused a[1]");
    check(
        "each a, b<a",
        &carried,
        "active: a succeeded, b ready, a[0] reused, a[1] reused, a[2] reused",
    );
}

#[test]
fn a_step_without_items_succeeds_at_once() {
    check(
        "each a, b<a",
        "expanded a 0",
        "active: a succeeded, b ready",
    );
}

#[test]
fn a_step_ends_as_the_worst_of_its_items_once_all_have_ended() {
    let journal = "expanded a 2, started a[0].1, failed a[0].1";
    let expected = "active: a expanded, b waiting, a[0] failed, a[1] ready";
    check("each a, b<a", journal, expected);
    let over = format!("{journal}, reused a[1]");
    let expected = "active: a failed, b waiting, a[0] failed, a[1] reused";
    check("each a, b<a", &over, expected);
    let refused = "expanded a 2, refused a[0], reused a[1]";
    let expected = "active: a refused, b waiting, a[0] refused, a[1] reused";
    check("each a, b<a", refused, expected);
}

#[test]
fn a_step_is_expanded_once_and_only_if_it_is_done_for_items() {
    let refused = |plan, journal, next, expected| check_refused(plan, journal, next, expected);
    let illegal = "step `a` is Expanded: step_expanded cannot follow";
    refused("each a", "expanded a 2", "expanded a 2", illegal);
    let illegal = "step `a` is Ready: step_expanded cannot follow";
    refused("a", "", "expanded a 2", illegal);
    let illegal = "step `a` is Ready: step_started cannot follow";
    refused("each a", "", "started a.1", illegal);
    let illegal = "step `a[0]` is Ready: step_expanded cannot follow";
    refused("each a", "expanded a 2", "expanded a[0] 2", illegal);
}

#[test]
fn a_journal_begins_with_its_run() {
    let created = Arc::new(created("a"));
    let (first, resumed) = (
        Event::RunCreated(Arc::clone(&created)),
        Event::RunResumed { at: time(1) },
    );
    assert!(RunState::replay([&first, &resumed]).is_ok());
    for journal in [
        vec![],
        vec![&resumed],
        vec![&resumed, &first],
        vec![&first, &first],
    ] {
        let error = RunState::replay(journal).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a journal begins with `run_created`, once"
        );
    }
}

#[test]
fn steps_that_became_ready_are_told_once() {
    let mut state = state("a, b, c<a", "started a.1, succeeded a.1");
    let ids = |state: &mut RunState| {
        let nodes = state.take_newly_ready().into_iter();
        nodes
            .map(|node| state.name(node))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(ids(&mut state), "b c");
    assert_eq!(ids(&mut state), "");
    for next in ["started b.1", "lost b.1"] {
        let event = event(&state, next, time(9));
        state.apply(&event).unwrap();
    }
    assert_eq!(ids(&mut state), "b");
}

#[test]
fn a_view_shows_the_state_that_it_was_taken_of() {
    let mut state = state("a, b", "started a.1");
    let view = state.view();
    let event = event(&state, "succeeded a.1", time(9));
    state.apply(&event).unwrap();
    assert_eq!((view.ended_count, state.view().ended_count), (0, 1));
    assert!(!view.steps.get(0).phase.is_ended());
    assert!(state.view().steps.get(0).phase.is_ended());
}
