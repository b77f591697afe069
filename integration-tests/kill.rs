//! `kill -9` at random moments: the outcome is that of an uninterrupted run.
//!
//! The real binary, real processes, the real store. A pipeline of thirty short steps runs once in
//! peace; then again and again in fresh folders while its daemon, and every fifth time its keeper
//! too, is killed at a moment uniform over the peaceful run's span, from its creation to its end.
//! Whoever follows the run starts the daemon again; every third time the follower is killed as well,
//! and `ropewalk resume` goes on.
//!
//! Each step writes a line when it begins and one when it ends, so that what really ran can be held
//! against what was recorded. The pauses here are the moments of the kills, not synchronization.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Project, kill_process};

/// Kills in all, at least.
const KILLS: u64 = 50;
/// Kills that must have struck a run that was not over.
const STRIKES_MIN: u64 = 40;
/// Kills after which too few strikes are a failure: on a busy machine one run is faster than another,
/// and a kill then comes too late.
const KILLS_MAX: u64 = 80;
/// Peaceful runs; the shortest one's span counts.
const PEACEFUL_RUNS: u64 = 3;
/// Every so manieth kill takes the keeper too: ten in all.
const KEEPER_EVERY: u64 = 5;
/// Every so manieth kill takes the follower too.
const FOLLOWER_EVERY: u64 = 3;
/// Layers of the pipeline, and steps in each.
const LAYERS: u64 = 6;
const WIDTH: u64 = 5;

#[test]
fn a_run_survives_kills_of_its_daemon_and_keeper() {
    let (expected, span) = peaceful_runs();
    let mut random = Random(0x5eed_0001);
    let mut figures = Figures::default();
    let mut round = 0;
    while round < KILLS || (figures.strikes < STRIKES_MIN && round < KILLS_MAX) {
        let project = project(&format!("kill-{round}"));
        let moment = span.mul_f64(random.fraction());
        let with_keeper = round % KEEPER_EVERY == 0;
        let with_follower = round % FOLLOWER_EVERY == 2;
        let status = interrupted_run(&project, moment, with_keeper, with_follower, &mut figures);
        let label = format!(
            "round {round}, killed after {moment:?}, keeper {with_keeper}, follower {with_follower}"
        );
        assert_eq!(outcome(&status), expected, "{label}");
        figures.lost += check_trace(&project, &status, &label);
        project.stop();
        round += 1;
    }
    println!(
        "span {span:?}; {round} kills, {} struck an unfinished run, {} took the keeper, {} the follower; {} attempts lost",
        figures.strikes, figures.keepers, figures.followers, figures.lost
    );
    assert!(
        figures.strikes >= STRIKES_MIN,
        "only {} kills struck an unfinished run",
        figures.strikes
    );
    assert!(
        figures.keepers >= KILLS / KEEPER_EVERY / 2,
        "only {} kills took a keeper",
        figures.keepers
    );
}

/// The outcome that every run must have, and the span of the shortest run.
fn peaceful_runs() -> (BTreeMap<String, (String, String)>, Duration) {
    let mut expected = None;
    let mut span = Duration::MAX;
    for round in 0..PEACEFUL_RUNS {
        let project = project(&format!("kill-peace-{round}"));
        let status = project.run_to_end();
        assert_eq!(status["state"], "succeeded", "{status:#}");
        let milliseconds = status["duration_ms"].as_u64().expect("the run is over");
        span = span.min(Duration::from_millis(milliseconds));
        check_trace(&project, &status, "in peace");
        let outcome = outcome(&status);
        assert_eq!(
            *expected.get_or_insert_with(|| outcome.clone()),
            outcome,
            "in peace"
        );
    }
    (expected.unwrap_or_default(), span)
}

#[derive(Default)]
struct Figures {
    strikes: u64,
    keepers: u64,
    followers: u64,
    lost: usize,
}

/// Starts a run, kills at the moment, waits for the end, and gives the last status document.
fn interrupted_run(
    project: &Project,
    moment: Duration,
    with_keeper: bool,
    with_follower: bool,
    figures: &mut Figures,
) -> Value {
    let mut follower = project.start_run();
    until_the_run_exists(project, &mut follower);
    thread::sleep(moment);
    let unfinished = follower.try_wait().expect("the follower is ours").is_none();
    if with_keeper && let Some(pid) = record_pid(&project.state_dir().join("keeper.lock")) {
        figures.keepers += u64::from(kill_process(pid));
    }
    if let Some(pid) = record_pid(&project.state_dir().join("daemon.json")) {
        figures.strikes += u64::from(kill_process(pid) && unfinished);
    }
    if with_follower {
        figures.followers += 1;
        follower.kill().expect("the follower is ours");
    }
    finish(project, follower, with_follower)
}

/// The span begins with the run, which `latest` points at.
fn until_the_run_exists(project: &Project, follower: &mut Child) {
    while fs::symlink_metadata(project.state_dir().join("latest")).is_err() {
        let ended = follower.try_wait().expect("the follower is ours");
        assert!(
            ended.is_none(),
            "no run was made: {}",
            project.follower_output()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

fn finish(project: &Project, mut follower: Child, follower_killed: bool) -> Value {
    let end = follower.wait().expect("the follower is ours");
    if follower_killed {
        // The same command again: it attaches to the unfinished run, begins it if the kill came
        // before the run existed, or reuses everything if the run was over.
        let resumed = project.command(&["resume"]);
        if !resumed.status.success() {
            project.run_to_end();
        }
    } else {
        assert!(
            end.success(),
            "the follower ended with {end}: {}",
            project.follower_output()
        );
    }
    project.json(&["status"])
}

/// The pid in a JSON file of the state folder, if the file is there and whole.
fn record_pid(path: &Path) -> Option<u32> {
    let record: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    record["pid"].as_u64()?.try_into().ok()
}

/// What must be the same however often a run was interrupted: states, and digests of outputs.
fn outcome(status: &Value) -> BTreeMap<String, (String, String)> {
    let steps = status["steps"].as_array().expect("a status has steps");
    let outcome = steps.iter().map(|step| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // A step of a run that began anew after its first one was over is reused.
        let state = text(&step["state"]).replace("reused", "succeeded");
        (
            text(&step["id"]),
            (state, text(&step["outputs"]["data"]["digest"])),
        )
    });
    outcome.collect()
}

/// Holds what ran against what is recorded, and gives the number of lost attempts.
fn check_trace(project: &Project, status: &Value, label: &str) -> usize {
    let trace = fs::read_to_string(project.folder().join("trace")).unwrap_or_default();
    let count = |word: &str, step: &str, attempt: u64| {
        let line = format!("{word} {step} {attempt}");
        trace.lines().filter(|l| **l == line).count()
    };
    let mut lost = 0;
    let mut recorded = 0;
    for step in status["steps"].as_array().expect("a status has steps") {
        let id = step["id"].as_str().expect("a step has an id");
        let attempts = step["attempts"].as_array().expect("a step has attempts");
        for attempt in attempts {
            let number = attempt["number"].as_u64().expect("attempts are numbered");
            let (started, ended) = (count("START", id, number), count("END", id, number));
            recorded += started;
            if attempt["state"] == "lost" {
                // It went before or after it began; it may have ended, unrecorded.
                lost += 1;
                assert!(
                    started <= 1 && ended <= started,
                    "{label}: {id} attempt {number}\n{trace}"
                );
            } else {
                assert_eq!(
                    attempt["state"], "succeeded",
                    "{label}: {id} attempt {number}"
                );
                assert_eq!(
                    (started, ended),
                    (1, 1),
                    "{label}: {id} attempt {number}\n{trace}"
                );
            }
        }
        let good = attempts.iter().position(|a| a["state"] == "succeeded");
        assert!(
            good.is_none_or(|index| index + 1 == attempts.len()),
            "{label}: {id} was started again after it had succeeded"
        );
    }
    let started = trace.lines().filter(|l| l.starts_with("START ")).count();
    if status["steps"]
        .as_array()
        .is_some_and(|steps| steps.iter().all(|s| s["state"] == "succeeded"))
    {
        assert_eq!(
            started, recorded,
            "{label}: something ran that no attempt records\n{trace}"
        );
    }
    lost
}

/// Thirty steps in layers; each reads two of the layer before it and writes a file.
fn project(name: &str) -> Project {
    let project = Project::new(name);
    let trace = project.folder().join("trace");
    let mut text = String::from("name: kill\nsteps:\n");
    for layer in 0..LAYERS {
        for place in 0..WIDTH {
            let pause_ms = 10 + (layer * 7 + place * 11) % 40;
            let _ = writeln!(text, "  s{layer}{place}:");
            if layer > 0 {
                let before = layer - 1;
                let (a, b) = (place, (place + 1) % WIDTH);
                let _ = writeln!(
                    text,
                    "    inputs: {{ a: s{before}{a}.data, b: s{before}{b}.data }}"
                );
            }
            let read = if layer > 0 {
                "cat \"$INPUT_A\" \"$INPUT_B\" | cksum"
            } else {
                "echo first"
            };
            let _ = write!(
                text,
                "    env: {{ TRACE: \"{}\" }}\n    outputs: {{ data: Artifact }}\n    run: |\n      \
                 echo \"START $ROPEWALK_STEP $ROPEWALK_ATTEMPT\" >> \"$TRACE\"\n      \
                 {read} > \"$OUTPUT_DATA\"\n      \
                 echo \"$ROPEWALK_STEP\" >> \"$OUTPUT_DATA\"\n      \
                 sleep 0.0{pause_ms}\n      \
                 echo \"END $ROPEWALK_STEP $ROPEWALK_ATTEMPT\" >> \"$TRACE\"\n",
                trace.display()
            );
        }
    }
    // The trace lies beside the pipeline's own folder: what lies in it is part of every key.
    fs::create_dir_all(project.folder().join("pipeline")).expect("a scratch folder can be written");
    project.write("pipeline/pipeline.yaml", &text);
    project
}

/// `SplitMix64`: the moments are the same in every run of the test, as far as the machine lets them.
struct Random(u64);

impl Random {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
