//! The judge itself: each thing that it must find is done to a run, and it must say so.
//!
//! The two attempts that live at once are real ones: one is started by the test and lives, the other
//! one by the engine, which knows nothing of it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use super::figures::Figures;
use super::{Place, checks};

/// What a step of the test itself is told to wait for: longer than the test.
const FOR_EVER_MS: &str = "600000";

#[test]
fn two_attempts_that_live_at_once_are_found() {
    let place = place("torture-two");
    let mut first = attempt_beside(&place);
    // The engine's own attempt finds the lock held.
    let status = place.project.run_to_end();
    assert_eq!(status["state"], "failed");
    let found = complaint(&place);
    assert!(found.contains("two at once"), "{found}");
    let run = status["run_id"].as_str().expect("a run has an id");
    assert!(found.contains(&format!("TWO {run} twin 1 ")), "{found}");
    first.kill().expect("the first one lives");
    first.wait().expect("the first one was killed");
}

#[test]
fn what_is_not_recorded_so_and_what_is_left_behind_are_found() {
    let place = place("torture-judge");
    let status = place.project.run_to_end();
    assert_eq!(status["state"], "succeeded");
    judge(&place);
    let run = status["run_id"].as_str().expect("a run has an id");
    let trace = place.read("trace");
    for (word, run, attempt, expected) in [
        ("START", run, "twin 2", "began unrecorded"),
        ("START", run, "other 1", "began unrecorded"),
        ("START", "of-nobody", "twin 1", "began unrecorded"),
        ("START", run, "twin 1", "right: (1, 1)"),
        ("END", run, "twin 1", "right: (1, 1)"),
    ] {
        let rigged = format!("{trace}{word} {run} {attempt} 4711\n");
        fs::write(place.folder().join("trace"), rigged).expect("a scratch folder can be written");
        let found = complaint(&place);
        assert!(found.contains(expected), "{word} {run} {attempt}: {found}");
    }
    let mut left = attempt_beside(&place);
    let found = caught(|| checks::nothing_holds_a_lock(&place, Duration::ZERO, "judge"));
    assert!(found.contains("is held for ever"), "{found}");
    left.kill().expect("it lives");
    left.wait().expect("it was killed");
}

/// A pipeline of one step.
fn place(name: &str) -> Place {
    let place = Place::empty(name);
    let pipeline = format!(
        "name: torture\nsteps:\n  twin:\n    outputs: {{ data: Artifact }}\n    \
         run: [python3, step.py, \"{}\", plain, \"0\"]\n",
        place.folder().display()
    );
    place.project.write("pipeline/pipeline.yaml", &pipeline);
    place
}

/// An attempt of the step that the engine knows nothing of, once it holds the lock.
fn attempt_beside(place: &Place) -> Child {
    let mut step = Command::new("python3");
    step.arg(place.project.folder().join("pipeline/step.py"))
        .arg(place.folder())
        .args(["plain", FOR_EVER_MS])
        .env("ROPEWALK_RUN_ID", "of-the-test")
        .env("ROPEWALK_STEP", "twin")
        .env("ROPEWALK_ATTEMPT", "99");
    let child = step.spawn().expect("python3 can be started");
    while !place.read("trace").contains("START of-the-test twin 99") {
        thread::sleep(Duration::from_millis(1));
    }
    child
}

fn judge(place: &Place) {
    checks::place(place, &[], &mut Figures::default(), "judge");
}

fn complaint(place: &Place) -> String {
    caught(|| judge(place))
}

/// What the judge complains of; it must.
fn caught(judged: impl FnOnce()) -> String {
    let found = catch_unwind(AssertUnwindSafe(judged));
    let found = found.expect_err("the judge found nothing");
    let text = found.downcast::<String>();
    *text.expect("a complaint has words")
}
