//! Damage: flipped bits, files that were cut off, and noise, all over a state folder.
//!
//! Whoever reads or goes on gets an answer, or a sentence that says what to do: never a panic, a hang,
//! or an answer from which something that was recorded has vanished. The store's own files are damaged
//! at many more places in `orchestrator/run-store/tests/store/damage.rs`.

mod victim;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::random::Random;
use crate::support::{Project, transcript};
use victim::{Damage, Victim, within};

/// Damages of each file that is not the log of the store, and of that.
const EACH: usize = 2;
const LOG: usize = 8;

/// Commands that only read, and one that is tried after each of the first.
const READERS: [&[&str]; 4] = [
    &["events", "--format", "json"],
    &["runs", "--format", "json"],
    &["artifacts", "--format", "json"],
    &["status", "--format", "json"],
];
const OTHER_READERS: [&[&str]; 4] = [
    &["logs", "latest", "second"],
    &["show", "first.data"],
    &["plan", "pipeline.yaml"],
    &["status"],
];

#[test]
fn who_reads_a_damaged_state_folder_is_told() {
    let victim = Victim::make("damage-read");
    victim.place(None);
    let whole = READERS.map(|reader| answer(&victim.project, reader).unwrap_or_default());
    let mut random = Random(0x5eed_0003);
    let (mut damages, mut refusals) = (0, 0);
    for file in victim.files() {
        let times = if file == "db/db" { LOG } else { EACH };
        for damage in Damage::some_of(&victim, &file, times, &mut random) {
            victim.place(Some(&damage));
            for (reader, whole) in READERS.iter().zip(&whole) {
                match answer(&victim.project, reader) {
                    Ok(now) => assert_eq!(told(&now), told(whole), "{damage}, {reader:?}"),
                    Err(sentence) => {
                        says_what_to_do(&sentence, &damage, reader);
                        refusals += 1;
                    }
                }
            }
            let other = OTHER_READERS[random.below(4) as usize];
            if let Err(sentence) = answer(&victim.project, other) {
                says_what_to_do(&sentence, &damage, other);
            }
            damages += 1;
        }
    }
    println!("{damages} damages, {refusals} refusals to read");
    assert!(refusals > 0);
}

#[test]
fn who_goes_on_in_a_damaged_state_folder_is_told() {
    let victim = Victim::make("damage-run");
    victim.place(None);
    let project = &victim.project;
    let runs = run_ids(&answer(project, READERS[1]).expect("it is whole"));
    let mut random = Random(0x5eed_0004);
    let (mut damages, mut refusals) = (0, 0);
    for file in victim.files() {
        for damage in Damage::some_of(&victim, &file, 1, &mut random) {
            victim.place(Some(&damage));
            let command: &[&str] = if random.coin() {
                &["run", "pipeline.yaml", "--format", "json"]
            } else {
                &["resume", "--format", "json"]
            };
            match answer(project, command) {
                Ok(lines) => assert_eq!(outputs(&lines), victim.outputs, "{damage}, {command:?}"),
                Err(sentence) => {
                    says_what_to_do(&sentence, &damage, command);
                    refusals += 1;
                }
            }
            match answer(project, READERS[1]) {
                Ok(now) => assert!(run_ids(&now).is_superset(&runs), "{damage}: {now:?}"),
                Err(sentence) => says_what_to_do(&sentence, &damage, READERS[1]),
            }
            let log = victim.daemon_log();
            assert!(!log.contains("panicked"), "{damage}, {command:?}: {log}");
            victim.end_processes();
            damages += 1;
        }
    }
    println!("{damages} damages, {refusals} refusals to go on");
}

#[test]
fn a_plan_that_is_damaged_is_written_anew_and_its_run_goes_on() {
    let victim = Victim::make("damage-plan");
    let project = &victim.project;
    for object in victim.files().iter().filter(|f| f.starts_with("objects/")) {
        victim.place(Some(&Damage::cut(&victim, object)));
        let interrupted = "interrupted";
        let listed = answer(project, READERS[1]).expect("runs can be listed");
        let runs = listed[0]["runs"].as_array().expect("a list of runs");
        let run = runs.iter().find(|run| run["state"] == interrupted);
        let run = run.expect("one is interrupted")["run_id"].clone();
        let run = run.as_str().unwrap_or_default();
        // It cannot be read, so it stays as it is, and another one is made of the same plan.
        let made = answer(project, &["run", "pipeline.yaml", "--format", "json"]);
        assert_eq!(outputs(&made.expect("a new run succeeds")), victim.outputs);
        victim.end_processes();
        let resumed = answer(project, &["resume", run, "--format", "json"]);
        assert_eq!(outputs(&resumed.expect("it goes on")), victim.outputs);
        victim.end_processes();
    }
}

/// The documents that a command prints, or what it says instead.
fn answer(project: &Project, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let output = within(project.ropewalk(arguments));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    match output.status.code() {
        Some(0) => {}
        // A failure of a run, a name that is not known, a state folder that cannot be used.
        Some(1..=3) => return Err(said),
        _ => panic!("{arguments:?}: {}", transcript(&output)),
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(lines.lines().flat_map(serde_json::from_str).collect())
}

fn says_what_to_do(sentence: &str, damage: &Damage, command: &[&str]) {
    let is_sentence = sentence.contains("error: ");
    let advice = ["hint: ", "put ", "remove ", "write the line "];
    let has_advice = advice.iter().any(|words| sentence.contains(words));
    assert!(
        is_sentence && has_advice,
        "{damage}, {command:?}: {sentence}"
    );
}

/// What must not vanish from an answer: of runs their ids, of everything else all of it.
fn told(documents: &[Value]) -> Vec<Value> {
    let documents = documents.iter().map(|document| match &document["runs"] {
        Value::Array(runs) => runs.iter().map(|run| run["run_id"].clone()).collect(),
        _ => document.clone(),
    });
    documents.collect()
}

fn run_ids(documents: &[Value]) -> BTreeSet<String> {
    let runs = documents.first().and_then(|page| page["runs"].as_array());
    let ids = runs.into_iter().flatten().map(|run| &run["run_id"]);
    ids.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The digests of a run that succeeded; nothing of one that did not.
fn outputs(documents: &[Value]) -> Vec<Value> {
    let status = documents.last().filter(|last| last["state"] == "succeeded");
    let steps = status.and_then(|status| status["steps"].as_array());
    let steps = steps.into_iter().flatten();
    steps
        .filter_map(|step| step["outputs"]["data"].get("digest").cloned())
        .collect()
}
