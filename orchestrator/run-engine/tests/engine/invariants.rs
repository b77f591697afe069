//! The invariants can fail: each of these states is broken, and it is said what is.

use std::sync::Arc;

use run_engine::event::RunEnd;
use run_engine::invariants::violations;
use run_engine::state::{AttemptEndKind, RunPhase, RunState, StepPhase};

use crate::notation::{state, time};

/// A state that is broken so breaks these promises.
#[track_caller]
fn check(plan: &str, journal: &str, harm: impl Fn(&mut RunState), expected: &str) {
    let mut state = state(plan, journal);
    assert_eq!(violations(&state), []);
    harm(&mut state);
    let broken: Vec<String> = violations(&state).iter().map(ToString::to_string).collect();
    assert!(
        broken.iter().any(|text| text == expected),
        "expected: {expected}\nfound: {}",
        broken.join("\n       ")
    );
}

#[test]
fn a_step_that_is_broken_is_named() {
    let live = "started a.1";
    let done = "started a.1, succeeded a.1";
    check(
        "a",
        live,
        |s| s.steps.get_mut(0).phase = StepPhase::Ready,
        "of step `a` it is not true that it has a live attempt exactly while it is running or stuck",
    );
    check(
        "a",
        live,
        |s| s.steps.get_mut(0).attempts.clear(),
        "of step `a` it is not true that it has a live attempt exactly while it is running or stuck",
    );
    check(
        "a",
        live,
        |s| {
            let first = s.steps.get(0).attempts[0].clone();
            s.steps.get_mut(0).attempts.push(first);
        },
        "of step `a` it is not true that an attempt starts only after the one before it has ended",
    );
    check(
        "a",
        "started a.1, lost a.1, started a.2",
        |s| {
            let attempts = &mut s.steps.get_mut(0).attempts;
            attempts[0].end.as_mut().unwrap().kind = AttemptEndKind::Succeeded;
        },
        "of step `a` it is not true that another attempt follows only one that was lost or failed",
    );
    check(
        "a",
        live,
        |s| {
            Arc::make_mut(&mut s.steps.get_mut(0).attempts[0].started).attempt = 2;
        },
        "of step `a` it is not true that its attempts are numbered from 1 without a gap",
    );
    check(
        "a",
        "started a.1, lost a.1, started a.2",
        |s| {
            let attempts = &mut s.steps.get_mut(0).attempts;
            Arc::make_mut(&mut attempts[1].started).push_version = Some(3);
        },
        "of step `a` it is not true that every attempt is started from what was recorded for the first",
    );
    check(
        "a",
        done,
        |s| {
            let attempts = &mut s.steps.get_mut(0).attempts;
            attempts[0].end.as_mut().unwrap().at = time(0);
        },
        "of step `a` it is not true that the times of its attempts never go back",
    );
    check(
        "a",
        done,
        |s| s.steps.get_mut(0).phase = StepPhase::Failed,
        "of step `a` it is not true that where it stands follows from how its last attempt ended",
    );
    check(
        "a",
        done,
        |s| s.steps.get_mut(0).ended_at = None,
        "of step `a` it is not true that it has an end time exactly when it ended",
    );
    check(
        "a",
        done,
        |s| s.steps.get_mut(0).outputs = None,
        "of step `a` it is not true that it has outputs exactly when it succeeded, was reused or refused",
    );
    check(
        "a",
        "reused a",
        |s| s.steps.get_mut(0).reused_from = None,
        "of step `a` it is not true that it names the run that it reuses exactly when an earlier execution stands in",
    );
    check(
        "a",
        live,
        |s| s.steps.get_mut(0).reason = None,
        "of step `a` it is not true that it has a reason once it was decided about",
    );
    check(
        "a",
        "",
        |s| s.steps.get_mut(0).phase = StepPhase::Cancelled,
        "of step `a` it is not true that it is cancelled only with its run",
    );
}

#[test]
fn a_step_that_ran_before_its_needs_is_named() {
    check(
        "a, b<a",
        "",
        |s| s.steps.get_mut(1).phase = StepPhase::Ready,
        "of step `b` it is not true that it is considered only after everything that it needs ended well",
    );
    check(
        "a, b<a",
        "reused a",
        |s| s.steps.get_mut(1).phase = StepPhase::Waiting,
        "of step `b` it is not true that it waits only while something that it needs has not ended well",
    );
    check(
        "a, b<a",
        "",
        |s| s.steps.get_mut(1).phase = StepPhase::Skipped,
        "of step `b` it is not true that it is skipped only when something that it needs ended badly, or if it asks",
    );
    check(
        "a",
        "reused a",
        |s| {
            let node = s.plan().find("a").unwrap();
            Arc::make_mut(&mut s.created).forced.insert(node);
        },
        "of step `a` it is not true that it is not reused if it was asked to run",
    );
}

#[test]
fn a_run_that_is_broken_is_named() {
    let done = "started a.1, succeeded a.1, run_succeeded";
    check(
        "a",
        done,
        |s| s.ended_at = None,
        "of the run it is not true that it has an end time exactly when it ended",
    );
    check(
        "a",
        done,
        |s| s.started_at = None,
        "of the run it is not true that it has a start time exactly when an attempt was started",
    );
    check(
        "a",
        "",
        |s| s.phase = RunPhase::Ended(RunEnd::Cancelled),
        "of the run it is not true that it ends with all of its steps",
    );
    check(
        "a",
        done,
        |s| s.phase = RunPhase::Ended(RunEnd::Failed),
        "of the run it is not true that it ends as its steps did",
    );
    check(
        "a, b",
        "started a.1, started b.1",
        |s| Arc::make_mut(&mut s.created).slots = 1,
        "of the run it is not true that no more of its attempts live than it has slots",
    );
}

#[test]
fn an_index_that_is_off_is_named() {
    check(
        "a",
        "",
        |s| s.steps.get_mut(0).phase = StepPhase::Waiting,
        "of the run it is not true that the steps that it holds as ready are those that are",
    );
    check(
        "a",
        "started a.1",
        |s| s.steps.get_mut(0).phase = StepPhase::Ready,
        "of the run it is not true that the steps that it holds as running are those that are",
    );
    check(
        "a, b<a",
        "failed a",
        |s| s.steps.get_mut(0).phase = StepPhase::Reused,
        "of the run it is not true that the steps that it is going to skip are those that never can run",
    );
    check(
        "a, b<a",
        "",
        |s| s.steps.get_mut(0).phase = StepPhase::Reused,
        "of the run it is not true that every waiting step counts the needs that have not ended well",
    );
    check(
        "a",
        "",
        |s| s.steps.get_mut(0).phase = StepPhase::Reused,
        "of the run it is not true that it counts the steps that have not ended",
    );
    check(
        "a",
        "failed a",
        |s| s.steps.get_mut(0).phase = StepPhase::Refused,
        "of the run it is not true that it counts the steps that failed and refused",
    );
}
