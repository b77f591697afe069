//! How many turns and rows a second the store makes durable, beside bare sled with the same rows in
//! as many batches: `cargo run --release -p run-store --example commit_rate [STEPS] [PARALLEL]`.
//!
//! The steps have neither inputs nor artifacts. In every turn the attempts that live end, and as many
//! others start. Bare sled gets each row once, flushed and synced as the store does it.

#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use pipeline_plan::{Action, Node, NodeId, PLAN_FORMAT_VERSION, Plan};
use run_engine::artifact::Outputs;
use run_engine::event::{
    Event, Exit, RunCreated, RunEnd, StepEnded, StepReused, StepStarted, Trigger,
};
use run_engine::ids::{ExecutionId, RunId};
use run_engine::reason::{Reason, ReasonCode};
use run_engine::reuse::KeyParts;
use run_engine::seams::{JournalEntry, Store, Turn};
use run_store::{ArtifactFilter, RunStore};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Reuses in one turn: what the loop puts into one.
const REUSES_PER_TURN: usize = 4096;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |index: usize, default: usize| {
        let argument = arguments.get(index);
        argument.map_or(Ok(default), |argument| argument.parse::<usize>())
    };
    let (steps, parallel) = (number(1, 10_000)?, number(2, 64)?);
    let folder = std::env::temp_dir().join(format!("commit-rate-{}", std::process::id()));
    // In turns, so that what else the machine does strikes both.
    for round in 1..=3 {
        let state = folder.join(format!("store-{round}"));
        let stored = stored(&state, steps, parallel)?;
        let rows = rows(&state)?;
        let bare = bare(&folder.join(format!("bare-{round}")), &rows, stored.turns)?;
        println!(
            "round {round}: {steps} steps, {parallel} at a time: {} turns, {} rows: store {:.0} turns/s, {:.0} rows/s; \
             bare sled {:.0} rows/s; ratio {:.2}",
            stored.turns,
            rows.len(),
            stored.turns as f64 / stored.seconds,
            rows.len() as f64 / stored.seconds,
            rows.len() as f64 / bare,
            bare / stored.seconds,
        );
        rest(&state, steps, stored)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// What was measured, and where the script stands.
struct Stored {
    turns: usize,
    seconds: f64,
    script: Script,
    sources: Vec<Arc<StepEnded>>,
}

/// Runs all steps of a run through the store; the run is not ended.
fn stored(state: &Path, steps: usize, parallel: usize) -> Outcome<Stored> {
    let mut store = RunStore::open(state)?;
    let mut script = Script::new(steps);
    store.commit(&turn(vec![script.created()]))?;
    let (mut turns, mut sources, mut live) = (0, Vec::new(), Vec::new());
    let mut next = 0..steps as u32;
    let begun = Instant::now();
    loop {
        let mut entries = Vec::new();
        for started in live.drain(..) {
            let (ended, entry) = script.ended(&started);
            sources.push(ended);
            entries.push(entry);
        }
        for node in next.by_ref().take(parallel) {
            let (started, entry) = script.started(node);
            live.push(started);
            entries.push(entry);
        }
        if entries.is_empty() {
            break;
        }
        store.commit(&turn(entries))?;
        turns += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Stored {
        turns,
        seconds,
        script,
        sources,
    })
}

/// Ends the run, reuses all of its steps in another, and reads.
fn rest(state: &Path, steps: usize, stored: Stored) -> Outcome<()> {
    let mut script = stored.script;
    let begun = Instant::now();
    let mut store = RunStore::open(state)?;
    let opened = begun.elapsed();
    let first = script.run;
    let begun = Instant::now();
    store.commit(&turn(vec![script.run_ended()]))?;
    let folded = begun.elapsed();
    let mut entries = vec![script.created()];
    for source in &stored.sources {
        entries.push(script.reused(first, source));
    }
    entries.push(script.run_ended());
    let begun = Instant::now();
    for entries in entries.chunks(REUSES_PER_TURN) {
        store.commit(&turn(entries.to_vec()))?;
    }
    let reused = begun.elapsed();
    let reader = store.reader();
    let begun = Instant::now();
    let events = reader
        .journal(script.run)?
        .map_or(0, |journal| journal.entries.len());
    let read = begun.elapsed();
    let begun = Instant::now();
    let none = ArtifactFilter {
        type_name: Some("Model".to_owned()),
        ..ArtifactFilter::default()
    };
    reader.artifacts(&none, None, 50)?;
    println!(
        "         open {opened:.0?}; end and fold {steps} steps {folded:.0?}; reuse them {reused:.0?}; \
         read {events} events {read:.0?}; look at all executions {:.0?}",
        begun.elapsed()
    );
    Ok(())
}

type Rows = Vec<(sled::IVec, sled::IVec)>;

/// All rows of a state folder that nobody holds, those of each letter spread over the whole.
fn rows(state: &Path) -> Outcome<Rows> {
    let store = RunStore::open(state)?;
    drop(store);
    let db = open_when_free(&state.join("db"))?;
    let mut letters: BTreeMap<u8, Rows> = BTreeMap::new();
    for item in db.iter() {
        let (key, value) = item?;
        let letter = key.first().copied().unwrap_or_default();
        letters.entry(letter).or_default().push((key, value));
    }
    let mut placed = Vec::new();
    for rows in letters.into_values() {
        let all = rows.len() as f64;
        let place = |(index, row)| (index as f64 / all, row);
        placed.extend(rows.into_iter().enumerate().map(place));
    }
    placed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    Ok(placed.into_iter().map(|(_, row)| row).collect())
}

/// Seconds that bare sled takes for these rows.
fn bare(folder: &Path, rows: &Rows, batches: usize) -> Outcome<f64> {
    let db = sled::Config::new()
        .path(folder)
        .cache_capacity(8 << 20)
        .open()?;
    let file = OpenOptions::new().write(true).open(folder.join("db"))?;
    let begun = Instant::now();
    for chunk in rows.chunks(rows.len().div_ceil(batches)) {
        let mut batch = sled::Batch::default();
        for (key, value) in chunk {
            batch.insert(key, value);
        }
        db.apply_batch(batch)?;
        db.flush()?;
        file.sync_data()?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// sled gives up its lock a little after it is dropped.
fn open_when_free(path: &Path) -> Outcome<sled::Db> {
    for _ in 0..100_000 {
        if let Ok(db) = sled::open(path) {
            return Ok(db);
        }
        std::thread::yield_now();
    }
    Ok(sled::open(path)?)
}

fn turn(entries: Vec<JournalEntry>) -> Turn {
    Turn {
        entries,
        ..Turn::default()
    }
}

/// Makes the events.
struct Script {
    plan: Arc<Plan>,
    run: RunId,
    key: Arc<KeyParts>,
    seq: u64,
    ids: u128,
    now: DateTime<Utc>,
}

impl Script {
    fn new(steps: usize) -> Self {
        let node = |index| {
            let action = Action::Command(vec!["true".to_owned()]);
            Node::new(&format!("step-{index}"), action)
        };
        let key = KeyParts {
            component: "command".to_owned(),
            command: vec!["true".to_owned()],
            program: Some("/usr/bin/true".to_owned()),
            ..KeyParts::default()
        };
        let mut script = Self {
            plan: Arc::new(Plan {
                format_version: PLAN_FORMAT_VERSION,
                name: "no-op".to_owned(),
                params: BTreeMap::new(),
                concurrency: None,
                types: BTreeMap::new(),
                nodes: (0..steps).map(node).collect(),
            }),
            run: RunId(Uuid::nil()),
            key: Arc::new(key),
            seq: 0,
            ids: 0,
            now: DateTime::UNIX_EPOCH,
        };
        script.run = RunId(script.id());
        script
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(((0x0198_0000_0000 + self.ids) << 80) | 0x7000_8000_0000_0000_0000)
    }

    fn entry(&mut self, event: Event) -> JournalEntry {
        self.seq += 1;
        JournalEntry {
            run: self.run,
            seq: self.seq,
            event,
        }
    }

    /// A new run, which the following events are about.
    fn created(&mut self) -> JournalEntry {
        self.run = RunId(self.id());
        let created = RunCreated {
            run: self.run,
            plan: Arc::clone(&self.plan),
            plan_id: self.plan.id(),
            pipeline_file: "/home/ada/pipeline.yaml".into(),
            params: BTreeMap::new(),
            trigger: Trigger {
                kind: "manual".to_owned(),
                detail: String::new(),
            },
            retry_of: None,
            carried: BTreeMap::new(),
            carried_items: BTreeMap::new(),
            forced: BTreeSet::new(),
            selected: None,
            slots: 64,
            environment: BTreeMap::new(),
            git: None,
            ropewalk_version: "0.0.1".to_owned(),
            host: "ada".to_owned(),
            at: self.now,
        };
        self.entry(Event::RunCreated(Arc::new(created)))
    }

    fn started(&mut self, node: u32) -> (Arc<StepStarted>, JournalEntry) {
        let started = Arc::new(StepStarted {
            node: NodeId(node),
            attempt: 1,
            execution: ExecutionId::new(self.id()),
            keeper: "0198c1d2-7a3b-7c4d-8e5f-60718293a4b5".to_owned(),
            inputs: BTreeMap::new(),
            key: Arc::clone(&self.key),
            reuse_key: Some(blake3::hash(&node.to_be_bytes()).to_hex().to_string()),
            push_version: None,
            gpus: Vec::new(),
            reason: Reason::new(ReasonCode::New, "it never ran", ""),
            at: self.now,
        });
        let entry = self.entry(Event::StepStarted(Arc::clone(&started)));
        (started, entry)
    }

    fn ended(&mut self, started: &Arc<StepStarted>) -> (Arc<StepEnded>, JournalEntry) {
        let ended = Arc::new(StepEnded {
            node: started.node,
            attempt: 1,
            execution: started.execution,
            reuse_key: started.reuse_key.clone(),
            outputs: Arc::new(Outputs::default()),
            exit: Exit {
                code: Some(0),
                signal: None,
                timed_out: false,
                started_at: self.now,
                ended_at: self.now,
                cpu_ms: 1,
                memory_max_bytes: 1 << 20,
            },
            at: self.now,
        });
        let entry = self.entry(Event::StepSucceeded(Arc::clone(&ended)));
        (ended, entry)
    }

    fn reused(&mut self, source_run: RunId, source: &StepEnded) -> JournalEntry {
        let reused = StepReused {
            node: source.node,
            source: source.execution,
            source_run,
            outputs: Arc::clone(&source.outputs),
            refused: None,
            carried: None,
            at: self.now,
        };
        self.entry(Event::StepReused(Arc::new(reused)))
    }

    fn run_ended(&mut self) -> JournalEntry {
        let (end, at) = (RunEnd::Succeeded, self.now);
        self.entry(Event::RunEnded { end, at })
    }
}
