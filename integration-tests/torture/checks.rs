//! What must be true of tormented runs once they are over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::figures::Figures;
use super::{Attempt, Place};

/// How long a lock may be held after the run's end before the test fails; never a measure of how long
/// it should take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often an attempt may be lost before its step fails: the engine's limit.
const LOST_MAX: usize = 5;

/// Looks at what became of a place. `killed` are the attempts whose processes were killed themselves.
///
/// A client that came back after the end of the run began another one, which is held against the same.
pub(super) fn place(place: &Place, killed: &[Attempt], figures: &mut Figures, label: &str) {
    let label = format!("{label}, in {}", place.project.folder().display());
    assert_eq!(place.read("violations"), "", "{label}: two at once");
    let trace = Trace::of(place, &label);
    let runs = place.project.json(&["runs"]);
    let runs = runs["runs"].as_array().expect("a list of runs");
    let names = runs.iter().map(|run| run["run_id"].as_str());
    let runs: Vec<Value> = names
        .map(|run| {
            place
                .project
                .json(&["status", run.expect("a run has an id")])
        })
        .collect();
    assert!(!runs.is_empty(), "{label}: nothing ran");
    for run in &runs {
        check_run(run, &trace, killed, figures, &label);
    }
    for attempt in trace.starts.keys() {
        let is_recorded = runs.iter().any(|run| is_recorded(run, attempt));
        assert!(is_recorded, "{label}: {attempt:?} began unrecorded");
    }
    figures.begun += trace.starts.len() as u64;
    figures.adopted += adopted(place);
    nothing_holds_a_lock(place, PATIENCE, &label);
    // A failure above leaves the daemon to the project, which asks it to end.
    place.project.stop();
}

fn check_run(run: &Value, trace: &Trace, killed: &[Attempt], figures: &mut Figures, label: &str) {
    let id = run["run_id"].as_str().expect("a run has an id");
    let steps = run["steps"].as_array().expect("a status has steps");
    for step in steps {
        check_step(id, step, trace, killed, label);
        figures.lost += lost(step) as u64;
    }
    let is_failed = steps.iter().any(|step| step["state"] == "failed");
    let expected = if is_failed { "failed" } else { "succeeded" };
    assert_eq!(run["state"], expected, "{label}: run {id}");
    figures.runs += 1;
    figures.succeeded_runs += u64::from(!is_failed);
}

/// What began and ended, by attempt, with how often.
struct Trace {
    starts: BTreeMap<Attempt, usize>,
    ends: BTreeMap<Attempt, usize>,
}

impl Trace {
    fn of(place: &Place, label: &str) -> Self {
        let mut trace = Self {
            starts: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        for line in place.read("trace").lines() {
            let (word, words) = line.split_once(' ').unwrap_or_default();
            let Some((attempt, _pid)) = Attempt::told(words) else {
                panic!("{label}: {line:?} in the trace");
            };
            let counts = match word {
                "START" => &mut trace.starts,
                _ => &mut trace.ends,
            };
            *counts.entry(attempt).or_default() += 1;
        }
        trace
    }
}

fn check_step(run: &str, step: &Value, trace: &Trace, killed: &[Attempt], label: &str) {
    let label = format!("{label}: run {run}: {step:#}");
    let id = step["id"].as_str().expect("a step has an id");
    let attempts = attempts(step);
    for (index, attempt) in attempts.iter().enumerate() {
        let key = Attempt {
            run: run.to_owned(),
            step: id.to_owned(),
            number: attempt["number"].as_u64().expect("attempts are numbered"),
        };
        let count = |counts: &BTreeMap<_, usize>| counts.get(&key).copied().unwrap_or(0);
        let (begun, ended) = (count(&trace.starts), count(&trace.ends));
        match attempt["state"].as_str() {
            // It may have been lost before it began, and after it ended unrecorded.
            Some("lost") => assert!(begun <= 1 && ended <= begun, "{label}"),
            Some("succeeded") => {
                assert_eq!((begun, ended), (1, 1), "{label}");
                assert_eq!(index + 1, attempts.len(), "{label}: started again");
            }
            Some("failed") => {
                assert!(killed.contains(&key), "{label}: nobody killed it");
                assert_eq!(attempt["signal"], 9, "{label}");
                assert_eq!(begun, 1, "{label}");
            }
            _ => panic!("{label}: an attempt is neither over nor lost"),
        }
    }
    let last = attempts.last().map(|one| &one["state"]);
    match step["state"].as_str() {
        Some("succeeded") => assert!(last.is_some_and(|last| last == "succeeded"), "{label}"),
        Some("failed") => assert!(
            lost(step) >= LOST_MAX || last.is_some_and(|last| last == "failed"),
            "{label}"
        ),
        Some("skipped" | "reused") => assert!(attempts.is_empty(), "{label}"),
        _ => panic!("{label}: it is not over"),
    }
}

fn attempts(step: &Value) -> &[Value] {
    let attempts = step["attempts"].as_array();
    attempts.expect("a step has attempts")
}

fn lost(step: &Value) -> usize {
    let lost = attempts(step).iter().filter(|one| one["state"] == "lost");
    lost.count()
}

fn is_recorded(run: &Value, attempt: &Attempt) -> bool {
    let is_step = |step: &&Value| step["id"] == *attempt.step;
    let step = run["steps"]
        .as_array()
        .and_then(|steps| steps.iter().find(is_step));
    run["run_id"] == *attempt.run
        && step.is_some_and(|step| {
            let mut numbers = attempts(step).iter().map(|one| &one["number"]);
            numbers.any(|number| *number == attempt.number)
        })
}

fn adopted(place: &Place) -> u64 {
    let events = place.project.command(&["events", "--format", "json"]);
    let events = String::from_utf8_lossy(&events.stdout).into_owned();
    let adopted = events
        .lines()
        .filter(|line| line.contains("\"step_adopted\""));
    adopted.count() as u64
}

/// What an attempt left behind without its cookie is found once no attempt runs that it could belong
/// to, which may be a moment after the run's end.
pub(super) fn nothing_holds_a_lock(place: &Place, patience: Duration, label: &str) {
    let began = Instant::now();
    let locks = fs::read_dir(place.folder().join("locks")).expect("the folder is there");
    for lock in locks.flatten() {
        let file = File::open(lock.path()).expect("a lock can be opened");
        while file.try_lock().is_err() {
            let held = began.elapsed() < patience;
            assert!(held, "{label}: {} is held for ever", lock.path().display());
            thread::sleep(Duration::from_millis(5));
        }
    }
}
