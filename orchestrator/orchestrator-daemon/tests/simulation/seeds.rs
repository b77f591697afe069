//! Seeds are played, many at a time; one that fails is played again with its log.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use run_engine::event::Event;
use run_engine::state::{RunState, StepPhase};

use crate::oracle::judge;
use crate::support::store::Disk;
use crate::universe::Universe;

/// Seeds that are played where nothing else is said: some seconds' worth.
const SEEDS_DEFAULT: u64 = 3_000;

/// Seeds that are played with the real store: it waits for the machine's disk at every turn.
const REAL_SEEDS_DEFAULT: u64 = 12;

/// What was seen in all worlds: a simulation in which nothing happens proves nothing.
#[derive(Debug, Default)]
struct Seen {
    worlds: usize,
    runs: usize,
    events: u64,
    attempts: usize,
    lost: usize,
    daemons: usize,
    keepers: usize,
    cancels: usize,
    stuck: usize,
    abandoned: usize,
    reused: usize,
    failed: usize,
    skipped: usize,
}

impl Seen {
    fn add(&mut self, universe: &Universe) {
        let runs: Vec<&RunState> = universe.audit.runs().collect();
        let steps = || runs.iter().flat_map(|run| run.steps.iter());
        let count = |phase: StepPhase| steps().filter(|step| step.phase == phase).count();
        self.worlds += 1;
        self.runs += runs.len();
        self.events += universe.world.disk.last_seq();
        self.attempts += steps().map(|step| step.attempts.len()).sum::<usize>();
        self.lost += runs
            .iter()
            .flat_map(|run| run.plan().node_ids().map(|node| run.lost_count(node)))
            .sum::<usize>();
        self.daemons += universe.count.daemons;
        self.keepers += universe.count.keepers;
        self.cancels += universe.count.cancels;
        let rows = universe.world.disk.rows();
        let events = rows.entries.iter().map(|entry| &entry.event);
        for event in events {
            self.stuck += usize::from(matches!(event, Event::StepStuck { .. }));
            self.abandoned += usize::from(matches!(event, Event::StepAbandoned { .. }));
        }
        self.reused += count(StepPhase::Reused);
        self.failed += count(StepPhase::Failed);
        self.skipped += count(StepPhase::Skipped);
    }
}

/// Plays a seed; the world as it is at the end, or as it was when something was wrong.
fn play(seed: u64, disk: Disk, logged: bool) -> (Universe, bool) {
    let mut universe = Universe::new(seed, disk, logged);
    let went_well = catch_unwind(AssertUnwindSafe(|| {
        universe.live();
        judge(&universe);
    }));
    (universe, went_well.is_ok())
}

/// Plays a seed again and tells everything about it.
fn tell(seed: u64) {
    let (universe, _) = play(seed, Disk::default(), true);
    println!("\nseed {seed}; the number in front is that of the last event on the disk");
    println!("{}", universe.log.unwrap_or_default());
    for entry in &universe.world.disk.rows().entries {
        let name = run_engine::event_name(&entry.event);
        let step = entry.event.step();
        let about = step.map_or(String::new(), |(node, attempt)| {
            let attempt = attempt.map_or(String::new(), |number| format!(", attempt {number}"));
            format!(" step {}{attempt}", node.0)
        });
        println!("{:>4} run {} {name}{about}", entry.seq, entry.run);
    }
    println!("again: SEED={seed} cargo test -p orchestrator-daemon --test simulation\n");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_every_run_ends_as_it_must() {
    if let Some(seed) = number("SEED") {
        tell(seed);
        assert!(play(seed, Disk::default(), false).1, "seed {seed} fails");
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS_DEFAULT);
    let first = number("FIRST_SEED").unwrap_or(0);
    let (next, seen) = (AtomicU64::new(first), Mutex::new(Seen::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    let (universe, went_well) = play(seed, Disk::default(), false);
                    if !went_well {
                        tell(seed);
                        panic!("seed {seed} fails");
                    }
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.add(&universe);
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{seen:#?}");
    let least = [
        seen.lost,
        seen.reused,
        seen.failed,
        seen.skipped,
        seen.cancels,
    ];
    assert!(
        least.iter().all(|count| *count as u64 > seeds / 100),
        "too little happens: {seen:?}"
    );
}

/// The real store in the fake one's place: what the loop reads of it, what a new daemon finds in it and what
/// is kept of runs that are over is the same.
#[test]
fn the_real_store_answers_as_the_fake_one() {
    let seeds = number("SEEDS").map_or(REAL_SEEDS_DEFAULT, |seeds| seeds / 100);
    for seed in number("SEED").map_or(0..seeds, |seed| seed..seed + 1) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::beside(folder.path().join("state"));
        let (mut universe, went_well) = play(seed, disk, false);
        assert!(went_well, "seed {seed} fails with the real store");
        universe.world.kill();
        let disk = &universe.world.disk;
        let store = disk.open();
        for run in universe.audit.runs() {
            store.compare_journal(run.id());
        }
    }
}
