//! A recorded run, and what is asked of a disk that is left of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::UNIX_EPOCH;

use serde_json::Value;

use super::image::Image;
use super::record::{self, Entry, Identity};
use crate::processes::{end_processes, kill};
use crate::support::{Project, transcript};

/// Layers of the pipeline, and steps in each.
const LAYERS: usize = 4;
const WIDTH: usize = 5;
/// Steps that are done when the daemon is killed, so that a recovery is in the record too.
const DONE_BEFORE_KILL: usize = 7;

/// A project whose pipeline ran under the recorder.
pub(super) struct World {
    pub(super) project: Project,
    pub(super) entries: Vec<Entry>,
    /// The project's folder, which was there before.
    root: Identity,
    /// Ids of steps in the order of the plan.
    steps: Vec<String>,
    outcome: Outcome,
}

/// The power fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// After this many entries, as far as the disk goes.
    pub(super) disk: usize,
    /// After this many, as far as others have been told.
    pub(super) told: usize,
}

/// The state of every step, and the digest of its output.
type Outcome = BTreeMap<String, (String, String)>;

impl World {
    /// Runs the pipeline, kills the daemon on the way, and reads the record.
    pub(super) fn record() -> Self {
        let project = Project::of("power-loss", &pipeline());
        let scratch = project.folder().join("..");
        let (recorder, record) = (record::compile(&scratch), scratch.join("record"));
        File::create(&record).expect("a scratch folder can be written");
        let mut follower = project
            .ropewalk(&["run", "pipeline.yaml", "--format", "json"])
            .env("LD_PRELOAD", recorder)
            .env("POWER_LOSS_RECORD", &record)
            .env("POWER_LOSS_ROOT", project.folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary can be started");
        let output = follower.stdout.take().expect("it is a pipe");
        let mut seen = Vec::new();
        let mut done = 0;
        for line in BufReader::new(output).lines() {
            let document = line.expect("the follower writes text");
            let document: Value = serde_json::from_str(&document).expect("it writes JSON");
            done += usize::from(document["type"] == "step_succeeded");
            if done == DONE_BEFORE_KILL && document["type"] == "step_succeeded" {
                kill(&project, "daemon.json");
            }
            seen.push(document);
        }
        follower.wait().expect("the follower is ours");
        end_processes(&project);
        let status = seen.pop().unwrap_or_default();
        assert_eq!(status["state"], "succeeded", "{status:#}");
        let steps = status["steps"].as_array().expect("a status has steps");
        let ids = steps.iter().map(|step| text(&step["id"]));
        let world = Self {
            entries: record::read(&record),
            root: identity(&project.folder()),
            steps: ids.collect(),
            outcome: outcome(&status),
            project,
        };
        world.check_record(&seen);
        world
    }

    /// What the follower saw went through the recorder, or nothing here would mean anything.
    fn check_record(&self, seen: &[Value]) {
        let promises = Promises::of(&self.entries);
        for event in seen {
            let seq = event["seq"].as_u64().expect("events are numbered");
            assert_eq!(promises.events.get(&seq), Some(event));
        }
        assert!(promises.launched.len() >= LAYERS * WIDTH);
        assert!(promises.over.len() >= LAYERS * WIDTH);
    }

    /// Moments at which something is promised: numbers of entries before them. Promises between which
    /// nothing is synced count as one.
    pub(super) fn promises(&self) -> Vec<Moment> {
        let mut moments: Vec<Moment> = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if Promises::of(std::slice::from_ref(entry)) == Promises::default() {
                continue;
            }
            let between = |before: &Moment| &self.entries[before.disk..index];
            match moments.last_mut() {
                Some(last) if !between(last).iter().any(Entry::is_sync) => last.told = index + 1,
                _ => moments.push(Moment {
                    disk: index,
                    told: index + 1,
                }),
            }
        }
        moments
    }

    /// Puts this disk into the place of the state folder.
    pub(super) fn place(&self, image: &Image) {
        let state_dir = self.project.state_dir();
        match fs::remove_dir_all(&state_dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.expect("the state folder can be removed"),
        }
        image
            .write(self.root, ".ropewalk", &state_dir)
            .expect("a scratch folder can be written");
    }

    /// Whether all that the first `told` entries promise holds on the disk that is in place.
    pub(super) fn check(&self, told: usize) -> Result<(), String> {
        let promises = Promises::of(&self.entries[..told]);
        let events = self.read(&["events"])?;
        let by_seq: BTreeMap<u64, &Value> = events
            .iter()
            .filter_map(|event| Some((event["seq"].as_u64()?, event)))
            .collect();
        for (seq, event) in &promises.events {
            if by_seq.get(seq) != Some(&event) {
                return Err(format!("event {seq} is lost: {event}"));
            }
        }
        self.check_attempts(&promises, &events)?;
        for run in &promises.runs {
            if !events.iter().any(|event| event["run_id"] == **run) {
                return Err(format!("run {run} is lost"));
            }
        }
        self.check_artifacts(&events)
    }

    /// An attempt exists only if its start is recorded; the keeper forgets it only if its end is.
    fn check_attempts(&self, promises: &Promises, events: &[Value]) -> Result<(), String> {
        let has = |id: &str, is_type: &dyn Fn(&str) -> bool| {
            let mut parts = id.split('/');
            let run = parts.next().unwrap_or_default();
            let mut numbers = parts.filter_map(|part| part.parse::<usize>().ok());
            let (node, attempt) = (numbers.next(), numbers.next());
            let step = node.and_then(|node| self.steps.get(node));
            events.iter().any(|event| {
                event["run_id"] == run
                    && event["step"].as_str() == step.map(String::as_str)
                    && event["attempt"].as_u64() == attempt.map(|attempt| attempt as u64)
                    && is_type(event["type"].as_str().unwrap_or_default())
            })
        };
        for attempt in &promises.launched {
            if !has(attempt, &|event| event == "step_started") {
                return Err(format!("attempt {attempt} was launched unrecorded"));
            }
        }
        for attempt in &promises.over {
            let is_end = |event: &str| event == "step_succeeded" || event == "step_lost";
            if !has(attempt, &is_end) {
                return Err(format!("the end of attempt {attempt} is lost"));
            }
        }
        Ok(())
    }

    /// Every success has its artifact, and that is what its record says.
    fn check_artifacts(&self, events: &[Value]) -> Result<(), String> {
        let documents = self.read(&["artifacts", "--limit", "1000"])?;
        let artifacts = documents.first().map(|page| &page["artifacts"]);
        let artifacts = artifacts.and_then(Value::as_array);
        let artifacts = artifacts.ok_or("there is no list of artifacts")?;
        for artifact in artifacts {
            let path = text(&artifact["path"]);
            let found = digest(Path::new(&path)).map_err(|e| format!("{path} is lost: {e}"))?;
            if artifact["digest"] != found.as_str() {
                return Err(format!("{path} is not what its record says"));
            }
        }
        let is_there = |event: &Value| {
            let mut same = artifacts.iter();
            same.any(|a| a["run_id"] == event["run_id"] && a["step"] == event["step"])
        };
        let mut successes = events.iter().filter(|e| e["type"] == "step_succeeded");
        match successes.find(|event| !is_there(event)) {
            Some(event) => Err(format!("it has no artifact: {event}")),
            None => Ok(()),
        }
    }

    /// The documents that a command prints, one on a line, without a daemon.
    fn read(&self, arguments: &[&str]) -> Result<Vec<Value>, String> {
        let output = self
            .project
            .command(&[arguments, &["--format", "json"]].concat());
        if !output.status.success() {
            return Err(transcript(&output));
        }
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let documents = lines.lines().map(serde_json::from_str);
        documents
            .collect::<Result<_, _>>()
            .map_err(|error| format!("no JSON ({error}): {}", transcript(&output)))
    }

    /// Takes the run that is on the disk to its end: it is that of the run that was recorded.
    pub(super) fn finish(&self, label: &str) {
        let status = self.project.run_to_end();
        assert_eq!(outcome(&status), self.outcome, "{label}: {status:#}");
        assert_eq!(self.check(0), Ok(()), "{label}");
        end_processes(&self.project);
    }
}

/// What was said to others, each of it only to be said when it is durable.
#[derive(Debug, Default, PartialEq)]
struct Promises {
    /// Events by their number.
    events: BTreeMap<u64, Value>,
    /// Runs that were spoken of.
    runs: BTreeSet<String>,
    /// Attempts that the keeper was asked to launch: RUN/NODE/ATTEMPT.
    launched: BTreeSet<String>,
    /// Attempts whose end the keeper was allowed to forget.
    over: BTreeSet<String>,
}

impl Promises {
    fn of(entries: &[Entry]) -> Self {
        let mut promises = Self::default();
        for document in entries.iter().flat_map(Entry::documents) {
            if let Some(run) = document["run_id"].as_str() {
                promises.runs.insert(run.to_owned());
            }
            let attempt = text(&document["attempt"]);
            match document["request"].as_str() {
                Some("launch") => promises.launched.insert(attempt),
                Some("acknowledge") => promises.over.insert(attempt),
                _ => false,
            };
            if let Some(seq) = document["seq"].as_u64()
                && document["type"].is_string()
            {
                promises.events.insert(seq, document);
            }
        }
        promises
    }
}

/// Steps in layers; each reads two of the layer before it. Every other one gives a folder.
fn pipeline() -> String {
    let mut text = String::from("name: power-loss\nsteps:\n");
    for layer in 0..LAYERS {
        for place in 0..WIDTH {
            let _ = writeln!(text, "  s{layer}{place}:");
            let mut read = "echo first";
            if let Some(before) = layer.checked_sub(1) {
                let next = (place + 1) % WIDTH;
                let _ = writeln!(
                    text,
                    "    inputs: {{ a: s{before}{place}.data, b: s{before}{next}.data }}"
                );
                read =
                    "find \"$INPUT_A\" \"$INPUT_B\" -type f | sort | xargs cksum | cut -d' ' -f1";
            }
            let (make, file) = match (layer + place) % 2 {
                0 => ("", ""),
                _ => ("mkdir -p \"$OUTPUT_DATA/below\"; ", "/below/file"),
            };
            let _ = write!(
                text,
                "    outputs: {{ data: Artifact }}\n    run: |\n      \
                 {make}{{ {read}; echo s{layer}{place}; }} > \"$OUTPUT_DATA{file}\"\n"
            );
        }
    }
    text
}

/// What must be the same however a run was interrupted.
fn outcome(status: &Value) -> Outcome {
    let steps = status["steps"].as_array().expect("a status has steps");
    let outcome = steps.iter().map(|step| {
        // A run that is over is not begun again by its command, but a new one that reuses it.
        let state = text(&step["state"]).replace("reused", "succeeded");
        (
            text(&step["id"]),
            (state, text(&step["outputs"]["data"]["digest"])),
        )
    });
    outcome.collect()
}

/// The digest of an artifact, as docs and records have it: BLAKE3 over a line for each file.
fn digest(path: &Path) -> std::io::Result<String> {
    let mut lines = BTreeMap::new();
    let mut open = vec![path.to_path_buf()];
    while let Some(found) = open.pop() {
        if found.is_dir() {
            for entry in fs::read_dir(&found)? {
                open.push(entry?.path());
            }
            continue;
        }
        let content = fs::read(&found)?;
        let below = found.strip_prefix(path).unwrap_or(&found);
        let name = match below.to_string_lossy() {
            name if name.is_empty() => ".".to_owned(),
            name => name.into_owned(),
        };
        let hex = blake3::hash(&content).to_hex();
        let line = format!("{name}\0{}\0{hex}\n", content.len());
        lines.insert(name, line);
    }
    let lines: String = lines.into_values().collect();
    Ok(blake3::hash(lines.as_bytes()).to_hex().to_string())
}

/// A file or folder as the recorder names it.
fn identity(path: &Path) -> Identity {
    let found = fs::metadata(path).expect("it is there");
    let birth = found.created().ok();
    let birth = birth.and_then(|birth| birth.duration_since(UNIX_EPOCH).ok());
    (
        found.ino(),
        birth.map_or(0, |birth| birth.as_nanos() as i64),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
