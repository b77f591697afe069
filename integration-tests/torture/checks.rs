//! What must be true of a tormented run once it is over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Place;
use super::figures::Figures;

/// How long a lock may be held after the run's end before the test fails; never a measure of how long
/// it should take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often an attempt may be lost before its step fails: the engine's limit.
const LOST_MAX: usize = 5;

/// Looks at a run. `killed` are the attempts whose processes were killed themselves.
pub(super) fn run(place: &Place, killed: &[(String, u64)], figures: &mut Figures, label: &str) {
    // A client that came back after the end of the run began another one, which reuses everything.
    let runs = place.project.json(&["runs"]);
    let first = runs["runs"].as_array().and_then(|runs| runs.last());
    let first = first.and_then(|run| run["run_id"].as_str());
    let status = place
        .project
        .json(&["status", first.expect("there is a run")]);
    let label = format!("{label}, in {}", place.project.folder().display());
    assert_eq!(place.read("violations"), "", "{label}: two at once");
    let trace = Trace::of(place, &label);
    let mut is_failed = false;
    for step in status["steps"].as_array().expect("a status has steps") {
        let id = step["id"].as_str().expect("a step has an id");
        let attempts = step["attempts"].as_array().expect("a step has attempts");
        check_step(id, step, attempts, &trace, killed, &label);
        is_failed |= step["state"] == "failed";
        figures.lost += attempts.iter().filter(|one| one["state"] == "lost").count() as u64;
    }
    let expected = if is_failed { "failed" } else { "succeeded" };
    assert_eq!(status["state"], expected, "{label}");
    for (step, attempt) in trace.starts.keys() {
        let is_recorded = recorded(&status, step, *attempt).is_some();
        assert!(is_recorded, "{label}: {step} {attempt} began unrecorded");
    }
    figures.begun += trace.starts.len() as u64;
    figures.succeeded_runs += u64::from(!is_failed);
    figures.adopted += adopted(place);
    nothing_holds_a_lock(place, &label);
    // A failure above leaves the daemon to the project, which asks it to end.
    place.project.stop();
}

/// What began and ended, by step and attempt, with how often.
struct Trace {
    starts: BTreeMap<(String, u64), usize>,
    ends: BTreeMap<(String, u64), usize>,
}

impl Trace {
    fn of(place: &Place, label: &str) -> Self {
        let mut trace = Self {
            starts: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        for line in place.read("trace").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [word, step, attempt, _pid] = words[..] else {
                panic!("{label}: {line:?} in the trace");
            };
            let counts = match word {
                "START" => &mut trace.starts,
                _ => &mut trace.ends,
            };
            let attempt = attempt.parse().expect("attempts are numbered");
            *counts.entry((step.to_owned(), attempt)).or_default() += 1;
        }
        trace
    }
}

fn check_step(
    id: &str,
    step: &Value,
    attempts: &[Value],
    trace: &Trace,
    killed: &[(String, u64)],
    label: &str,
) {
    let label = format!("{label}: {id} is {step:#}");
    for (index, attempt) in attempts.iter().enumerate() {
        let number = attempt["number"].as_u64().expect("attempts are numbered");
        let key = (id.to_owned(), number);
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
    let lost = attempts.iter().filter(|one| one["state"] == "lost").count();
    let last = attempts.last().map(|one| &one["state"]);
    match step["state"].as_str() {
        Some("succeeded") => assert!(last.is_some_and(|last| last == "succeeded"), "{label}"),
        Some("failed") => assert!(
            lost >= LOST_MAX || last.is_some_and(|last| last == "failed"),
            "{label}"
        ),
        Some("skipped") => assert!(attempts.is_empty(), "{label}"),
        _ => panic!("{label}: it is not over"),
    }
}

fn recorded<'a>(status: &'a Value, step: &str, attempt: u64) -> Option<&'a Value> {
    let steps = status["steps"].as_array()?;
    let step = steps.iter().find(|one| one["id"] == step)?;
    let attempts = step["attempts"].as_array()?;
    attempts.iter().find(|one| one["number"] == attempt)
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
fn nothing_holds_a_lock(place: &Place, label: &str) {
    let began = Instant::now();
    let locks = fs::read_dir(place.folder().join("locks")).expect("the folder is there");
    for lock in locks.flatten() {
        let file = File::open(lock.path()).expect("a lock can be opened");
        while file.try_lock().is_err() {
            let held = began.elapsed() < PATIENCE;
            assert!(held, "{label}: {} is held for ever", lock.path().display());
            thread::sleep(Duration::from_millis(5));
        }
    }
}
