//! Exactly one: however daemon, keeper and steps die, no two attempts of a step ever live at once.
//!
//! Run after run of a pipeline whose every attempt holds a lock of its step for its whole life, with
//! all that it leaves behind ([`step.py`](../torture/step.py)); meanwhile daemon, keeper, steps and
//! the client that follows are killed at random. An attempt that finds its step's lock held is a
//! violation. After each run what really began is held against what is recorded, and nothing may be
//! left that holds a lock. [`judge`] shows that each of these checks can fail.
//!
//! A fixed number of kills from a fixed seed, unless the environment says otherwise:
//!
//! ```text
//! ROPEWALK_TORTURE_KILLS=1000 ROPEWALK_TORTURE_SEED=7 \
//!   cargo test -p ropewalk --test integration torture -- --nocapture
//! ```
//!
//! The pauses here are the moments of the kills, not synchronization.

mod checks;
mod figures;
mod judge;
mod victims;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::random::Random;
use crate::support::Project;
use figures::Figures;
use victims::Victim;

/// Kills without a word from the environment: what takes a fraction of a minute.
const KILLS: u64 = 30;
/// The seed without a word from the environment.
const SEED: u64 = 0x5eed_0002;
/// The longest pause before a kill: half of them come while the last one is being repaired.
const PAUSE_MS_MAX: u64 = 400;
/// The most beginnings and ends of attempts between two kills.
const PROGRESS_LINES_MAX: u64 = 10;
/// The most moments of a run at which something is killed. Above it a step might be lost more often than the engine allows it.
const KILLS_PER_RUN_MAX: u64 = 6;
/// Layers of the pipeline, and what the steps of each one leave behind.
const LAYERS: usize = 3;
const KINDS: [&str; 7] = [
    "plain", "deaf", "closed", "child", "session", "twice", "bare",
];

#[test]
fn no_two_attempts_of_a_step_live_at_once() {
    let kills = number("ROPEWALK_TORTURE_KILLS").unwrap_or(KILLS);
    let seed = number("ROPEWALK_TORTURE_SEED").unwrap_or(SEED);
    let began = Instant::now();
    let mut random = Random(seed);
    let mut figures = Figures::default();
    for round in 0.. {
        if figures.kills() >= kills {
            break;
        }
        let place = Place::new(&format!("torture-{round}"));
        let mut follower = place.project.start_run();
        let killed = torment(&place, &mut follower, &mut random, &mut figures);
        finish(&place, follower);
        checks::place(
            &place,
            &killed,
            &mut figures,
            &format!("seed {seed}, round {round}"),
        );
        if round % 25 == 24 {
            println!("after {:?}: {figures}", began.elapsed());
        }
    }
    println!("seed {seed}, {:?}: {figures}", began.elapsed());
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("the variable is a number"))
}

/// An attempt as its step names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    run: String,
    step: String,
    number: u64,
}

impl Attempt {
    /// Reads an attempt and its process from what a step tells.
    fn told(words: &str) -> Option<(Self, u64)> {
        let [run, step, number, pid] = words.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        let attempt = Self {
            run: run.to_owned(),
            step: step.to_owned(),
            number: number.parse().ok()?,
        };
        Some((attempt, pid.parse().ok()?))
    }
}

/// A project, and beside it the folder of locks, trace and violations.
struct Place {
    project: Project,
}

impl Place {
    /// A place with the pipeline that is tormented.
    fn new(name: &str) -> Self {
        let place = Self::empty(name);
        let pipeline = place.pipeline();
        place.project.write("pipeline/pipeline.yaml", &pipeline);
        place
    }

    /// A place with everything but a pipeline.
    fn empty(name: &str) -> Self {
        let place = Self {
            project: Project::new(name),
        };
        fs::create_dir_all(place.folder().join("locks")).expect("a scratch folder can be written");
        place
            .project
            .write("pipeline/step.py", include_str!("torture/step.py"));
        place
    }

    /// Outside of the pipeline's own folder: what lies in that is part of every key.
    fn folder(&self) -> PathBuf {
        self.project.folder().join("place")
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder().join(file)).unwrap_or_default()
    }

    /// Layers of steps, one of each kind; each reads two of the layer before it.
    fn pipeline(&self) -> String {
        let mut text = String::from("name: torture\nsteps:\n");
        for layer in 0..LAYERS {
            for (index, kind) in KINDS.iter().enumerate() {
                let pause_ms = 20 + (layer * 70 + index * 110) % 300;
                let _ = writeln!(text, "  {kind}{layer}:");
                if layer > 0 {
                    let (a, b) = (KINDS[index], KINDS[(index + 1) % KINDS.len()]);
                    let above = layer - 1;
                    let _ = writeln!(
                        text,
                        "    inputs: {{ a: {a}{above}.data, b: {b}{above}.data }}"
                    );
                }
                let _ = writeln!(
                    text,
                    "    outputs: {{ data: Artifact }}\n    run: [python3, step.py, \"{}\", {kind}, \"{pause_ms}\"]",
                    self.folder().display()
                );
            }
        }
        text
    }
}

/// Kills at random while the run goes on, and gives the attempts that were killed themselves.
fn torment(
    place: &Place,
    follower: &mut Child,
    random: &mut Random,
    figures: &mut Figures,
) -> Vec<Attempt> {
    let mut killed = Vec::new();
    for _ in 0..=random.below(KILLS_PER_RUN_MAX) {
        let lines = match random.below(2) {
            // While the last one is being repaired, or before anything began.
            0 => 0,
            _ => random.below(PROGRESS_LINES_MAX),
        };
        wait_for_progress(place, follower, lines);
        thread::sleep(Duration::from_millis(random.below(PAUSE_MS_MAX)));
        if !matches!(follower.try_wait(), Ok(None)) {
            break;
        }
        for victim in Victim::some(random) {
            strike(victim, place, follower, random, figures, &mut killed);
        }
    }
    killed
}

/// Waits until so many more attempts have begun or ended, however slow the machine is, or until the run
/// is over.
fn wait_for_progress(place: &Place, follower: &mut Child, lines: u64) {
    let count = || place.read("trace").lines().count() as u64;
    let wanted = count() + lines;
    while count() < wanted && matches!(follower.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(2));
    }
}

fn strike(
    victim: Victim,
    place: &Place,
    follower: &mut Child,
    random: &mut Random,
    figures: &mut Figures,
    killed: &mut Vec<Attempt>,
) {
    match victim {
        Victim::Daemon => figures.daemons += u64::from(victims::kill_daemon(&place.project)),
        Victim::Keeper => figures.keepers += u64::from(victims::kill_keeper(&place.project)),
        Victim::Step => {
            if let Some(attempt) = victims::kill_step(place, random) {
                figures.steps += 1;
                killed.push(attempt);
            }
        }
        Victim::Follower => {
            figures.followers += u64::from(follower.kill().is_ok());
            follower.wait().expect("the follower is ours");
            // Nobody watches; somebody comes back later.
            thread::sleep(Duration::from_millis(random.below(PAUSE_MS_MAX)));
            *follower = place.project.start_run();
        }
    }
}

/// Waits for the run's end. A follower starts the daemon as often as it takes.
fn finish(place: &Place, mut follower: Child) {
    let end = follower.wait().expect("the follower is ours");
    assert!(
        matches!(end.code(), Some(0 | 1)),
        "the follower ended with {end}: {}",
        place.project.follower_output()
    );
}

/// Says what is known of a run that broke a promise, before its folder is removed.
impl Drop for Place {
    #[expect(clippy::print_stdout, reason = "what a failed test has to say")]
    fn drop(&mut self) {
        if thread::panicking() {
            println!("-- trace\n{}", self.read("trace"));
            println!("-- violations\n{}", self.read("violations"));
            for log in ["keeper.log", "daemon.log"] {
                let text = fs::read_to_string(self.project.state_dir().join(log));
                println!("-- {log}\n{}", text.unwrap_or_default());
            }
        }
    }
}
