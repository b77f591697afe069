//! What follows from news, and from a state by itself.

use run_engine::decide::{LOST_ATTEMPTS_MAX, decide, follow};
use run_engine::event::Event;
use run_engine::state::RunState;

use crate::notation::{assert_holds, input, show_all, show_state, state, time};

/// News after a journal lead to these events, each of which can follow.
#[track_caller]
fn check(plan: &str, journal: &str, news: &str, expected: &str) {
    let mut state = state(plan, journal);
    let events = decide(&state, &input(&state, news), time(1_000));
    assert_eq!(show_all(&state, &events), expected, "{journal} | {news}");
    apply_all(&mut state, &events);
}

/// A journal leads to these events by itself, each of which can follow, and then to nothing more.
#[track_caller]
fn check_follow(plan: &str, journal: &str, expected: &str) {
    let mut state = state(plan, journal);
    let mut all: Vec<Event> = Vec::new();
    loop {
        let events = follow(&state, time(1_000));
        if events.is_empty() {
            break;
        }
        apply_all(&mut state, &events);
        all.extend(events);
    }
    assert_eq!(show_all(&state, &all), expected, "{journal}");
}

#[track_caller]
fn apply_all(state: &mut RunState, events: &[Event]) {
    for event in events {
        let applied = state.apply(event);
        assert_eq!(applied, Ok(()), "{}", show_state(state));
        assert_holds(state, "after what was decided");
    }
}

#[test]
fn an_attempt_ends_its_step() {
    let live = "started a.1";
    check("a", live, "exit 0 a.1", "succeeded a.1");
    check("a", live, "exit 65 a.1", "refused a.1");
    check("a", live, "exit 1 a.1", "failed a.1 exit_status");
    check("a", live, "exit 137 a.1", "failed a.1 exit_status");
    check("a", live, "no_process a.1", "failed a.1 launch_refused");
    // Outputs alone are no success: nothing says that the process ended well.
    check("a", live, "outputs_only a.1", "failed a.1 lost");
}

#[test]
fn news_of_an_attempt_that_does_not_live_change_nothing() {
    for news in [
        "exit 0",
        "exit 65",
        "exit 1",
        "no_process",
        "lost",
        "adopted",
    ] {
        let first = &format!("{news} a.1");
        check("a, b<a", "", first, "");
        check("a, b<a", "started a.1, lost a.1", first, "");
        check("a, b<a", "started a.1, lost a.1, started a.2", first, "");
        check("a, b<a", "started a.1, succeeded a.1", first, "");
        check("a, b<a", "started a.1, failed a.1", first, "");
        check("a, b<a", "reused a", first, "");
        check("a, b<a", "run_cancelling, run_cancelled", first, "");
        // Of an attempt that never was, and of a step that never was.
        check("a, b<a", "started a.1", &format!("{news} a.2"), "");
        check("a, b<a", "started a.1", &format!("{news} a.0"), "");
        check("a, b<a", "started a.1", &format!("{news} #9.1"), "");
    }
}

#[test]
fn a_live_attempt_is_adopted() {
    check("a", "started a.1", "adopted a.1", "adopted a.1");
    let again = "started a.1, adopted a.1, run_resumed";
    check("a", again, "adopted a.1", "adopted a.1");
    let cancelling = "started a.1, run_cancelling";
    check("a", cancelling, "adopted a.1", "adopted a.1");
}

#[test]
fn a_lost_attempt_is_followed_by_another_one_a_bounded_number_of_times() {
    let mut journal = String::new();
    for number in 1..LOST_ATTEMPTS_MAX {
        let news = format!("lost a.{number}");
        journal = format!("{journal}, started a.{number}");
        check("a", &journal, &news, &news);
        journal = format!("{journal}, {news}");
    }
    journal = format!("{journal}, started a.{LOST_ATTEMPTS_MAX}");
    let news = format!("lost a.{LOST_ATTEMPTS_MAX}");
    check("a", &journal, &news, &format!("{news}, failed a lost"));
    // What ends by itself after losses ends as ever.
    let news = format!("exit 0 a.{LOST_ATTEMPTS_MAX}");
    let expected = format!("succeeded a.{LOST_ATTEMPTS_MAX}");
    check("a", &journal, &news, &expected);
}

#[test]
fn only_a_step_that_could_start_can_fail_to() {
    check("a", "", "cannot_start a", "failed a no_match");
    check("a, b<a", "", "cannot_start b", "");
    check("a", "started a.1", "cannot_start a", "");
    check("a", "reused a", "cannot_start a", "");
    check("a", "run_cancelling", "cannot_start a", "");
    check("a", "", "cannot_start #9", "");
}

#[test]
fn a_run_is_cancelled_once() {
    check("a", "", "cancel", "run_cancelling");
    check("a", "run_cancelling", "cancel", "");
    check("a", "started a.1, run_cancelling", "cancel", "");
    check("a", "reused a, run_succeeded", "cancel", "");
}

#[test]
fn what_follows_all_others_follows_a_cancelled_run_unless_that_is_cancelled_again() {
    let plan = "a, b<a, finally z";
    let once = "started a.1, run_cancelling";
    check(plan, once, "cancel", "run_cancelling");
    let over = format!("{once}, cancelled a.1");
    check_follow(plan, &over, "");
    check(
        plan,
        &format!("{over}, started z.1"),
        "exit 1 z.1",
        "failed z.1 exit_status",
    );
    check_follow(plan, &format!("{over}, reused z"), "run_cancelled");
    let twice = format!("{once}, run_cancelling");
    check(plan, &twice, "cancel", "");
    check_follow(plan, &twice, "");
    check_follow(plan, &format!("{twice}, cancelled a.1"), "run_cancelled");
}

#[test]
fn what_ends_while_its_run_is_cancelled_is_recorded_as_it_was() {
    let live = "started a.1, run_cancelling";
    check("a", live, "exit 0 a.1", "succeeded a.1");
    check("a", live, "exit 65 a.1", "refused a.1");
    check("a", live, "exit 1 a.1", "cancelled a.1");
    check("a", live, "no_process a.1", "cancelled a.1");
    check("a", live, "lost a.1", "cancelled a.1");
}

#[test]
fn an_attempt_that_cannot_be_ended_is_stuck_once_and_may_end_after_all() {
    check("a", "started a.1", "stuck a.1", "stuck a.1");
    let stuck = "started a.1, stuck a.1";
    check("a", stuck, "stuck a.1", "");
    check("a", stuck, "adopted a.1", "");
    check("a", stuck, "exit 0 a.1", "succeeded a.1");
    check("a", stuck, "exit 1 a.1", "failed a.1 exit_status");
    check("a", stuck, "exit 75 a.1", "retrying a.1");
    check("a", stuck, "lost a.1", "lost a.1");
    check_follow("a, b<a", stuck, "");
    // An ordinary cancel waits for it.
    check("a", stuck, "cancel", "run_cancelling");
    check_follow("a", "started a.1, stuck a.1, run_cancelling", "");
}

#[test]
fn a_run_ends_without_what_is_stuck_only_if_that_is_asked_for() {
    let stuck = "started a.1, stuck a.1";
    let both = "run_cancelling abandon, abandoned a.1";
    check("a", stuck, "abandon", both);
    check("a", &format!("{stuck}, run_cancelling"), "abandon", both);
    check_follow("a", &format!("{stuck}, {both}"), "run_cancelled");
    // What can be ended is waited for; what turns out to be stuck later is not.
    check("a", "started a.1", "abandon", "run_cancelling abandon");
    let asked = "started a.1, run_cancelling abandon";
    check_follow("a", asked, "");
    check("a", asked, "exit 0 a.1", "succeeded a.1");
    check("a", asked, "stuck a.1", "stuck a.1, abandoned a.1");
    check("a", asked, "abandon", "");
    // Late news of what was left behind change nothing.
    let left = format!("{stuck}, {both}, run_cancelled");
    for news in ["exit 0", "exit 65", "exit 1", "lost", "stuck", "adopted"] {
        check("a", &left, &format!("{news} a.1"), "");
    }
}

#[test]
fn a_run_whose_stuck_attempt_is_left_behind_keeps_what_follows_all_others() {
    let plan = "a, finally z";
    let stuck = "started a.1, stuck a.1, run_cancelling";
    let both = "run_cancelling abandon, abandoned a.1";
    check(plan, stuck, "abandon", both);
    check_follow(plan, &format!("{stuck}, {both}, reused z"), "run_cancelled");
    // The wish was for what stood before it.
    let z = format!("{stuck}, {both}, started z.1");
    check(plan, &z, "stuck z.1", "stuck z.1");
    let z = format!("{z}, stuck z.1");
    check(plan, &z, "abandon", "run_cancelling abandon, abandoned z.1");
}

#[test]
fn a_run_ends_with_its_last_step() {
    check_follow("a, b<a", "", "");
    check_follow("a, b<a", "reused a", "");
    check_follow("a, b<a", "reused a, started b.1", "");
    check_follow("a, b<a", "reused a, reused b", "run_succeeded");
    check_follow("a, b", "reused a, refused b", "run_refused");
    check_follow("a, b", "refused a, failed b", "run_failed");
    check_follow("a, b", "started a.1, failed b", "");
    check_follow("", "", "run_succeeded");
}

#[test]
fn what_needs_a_bad_step_is_skipped_and_nothing_else() {
    check_follow(
        "a, b<a, c<b, d",
        "failed a",
        "skipped b upstream_failed a, skipped c upstream_skipped b",
    );
    check_follow(
        "a, b<a",
        "refused a",
        "skipped b upstream_refused a, run_refused",
    );
    // A need that still runs does not put off the skip; one that was carried over is not undone.
    check_follow(
        "a, b, c<a b",
        "started a.1, failed b",
        "skipped c upstream_failed b",
    );
    check_follow("a, b<a", "carried b, failed a", "run_failed");
}

#[test]
fn a_cancelled_run_ends_with_its_last_attempt() {
    check_follow("a, b<a", "run_cancelling", "run_cancelled");
    check_follow("a, b", "started a.1, started b.1, run_cancelling", "");
    check_follow(
        "a, b",
        "started a.1, started b.1, run_cancelling, succeeded a.1, cancelled b.1",
        "run_cancelled",
    );
    // Nothing is skipped any more: what could not run was cancelled like everything else.
    check_follow("a, b<a", "failed a, run_cancelling", "run_cancelled");
}

#[test]
fn a_skip_names_its_first_cause() {
    let reasons = |journal: &str| {
        let mut state = state("a, b<a, c<b, d<c", journal);
        loop {
            let events = follow(&state, time(1_000));
            if events.is_empty() {
                break;
            }
            apply_all(&mut state, &events);
        }
        let steps = state.steps.iter().skip(1);
        let texts = steps.map(|step| {
            step.reason
                .as_ref()
                .map_or("", |r| r.text.as_str())
                .to_owned()
        });
        texts.collect::<Vec<_>>()
    };
    let expected = [
        "`a` failed",
        "skipped with `b`: `a` failed",
        "skipped with `b`: `a` failed",
    ];
    assert_eq!(reasons("failed a"), expected);
    assert_eq!(reasons("refused a")[2], "skipped with `b`: `a` refused: no");
}
