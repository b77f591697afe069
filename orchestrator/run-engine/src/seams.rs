//! The three seams between the engine and the world: [`Store`], [`Executor`], [`Clock`].
//!
//! The loop is generic over them; fakes go behind them. Nothing here knows sled, processes or time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use component_api::files::FilesManifest;
use pipeline_plan::{Node, NodeId};
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use crate::artifact::{Artifact, ArtifactFile, FileState, Outputs};
use crate::decide::AttemptReport;
use crate::event::{Event, RunCreated, StepStarted};
use crate::ids::{AttemptId, ExecutionId, RunId};
use crate::reason::{Failure, Reason};
use crate::reuse::FileSet;
use crate::tasks::{Item, Tasks};

/// What is remembered. One thread owns all writes; a failed write is fatal to the daemon.
pub trait Store: Lookups {
    /// Makes a turn durable: one atomic batch, one flush. After an error nothing more may be written.
    fn commit(&mut self, turn: &Turn) -> Result<(), StoreError>;
}

/// The reads that decisions take, by the loop within its turn, and by `plan` from any thread.
pub trait Lookups {
    /// The newest success (or refusal) with this reuse key.
    fn reusable(&self, key: &str) -> Result<Option<Reusable>, StoreError>;
    /// What an execution gave, for steps that a retry carries over.
    fn execution(&self, execution: ExecutionId) -> Result<Option<Reusable>, StoreError>;
    /// The newest intent of this step in any run of the pipeline, to say what changed since. Of an item
    /// `step` is what it is called: `train[3]`.
    fn newest_start(
        &self,
        pipeline: &str,
        step: &str,
    ) -> Result<Option<Arc<StepStarted>>, StoreError>;
    /// The newest Model of this name with a passing evaluation blessing and a digest that is none of these.
    fn latest_blessed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError>;
    /// The newest Model of this name that was pushed, of a digest that is none of these.
    fn latest_pushed(
        &self,
        model: &str,
        other_than: &[String],
    ) -> Result<Option<Arc<Artifact>>, StoreError>;
    /// What was given last at a port, by whatever run: by an attempt that did what it promised, or by a
    /// reuse.
    fn latest(&self, port: &PortName) -> Result<Option<Arc<Artifact>>, StoreError>;
    /// What was given last at a port for each of its greatest spans, at most so many, the greatest
    /// first; below `before` if that is given. Spans that were refused are passed over.
    fn spans(
        &self,
        port: &PortName,
        before: Option<i64>,
        count: usize,
    ) -> Result<Vec<Arc<Artifact>>, StoreError>;
    /// The newest version that was pushed of this model to this destination.
    fn newest_push(&self, destination: &str, model: &str) -> Result<Option<i64>, StoreError>;
}

/// What starts, watches and ends attempts. Answers arrive as [`Report`]s on a channel of its own.
pub trait Executor {
    /// The keeper that an attempt launched now would be held by.
    fn keeper(&self) -> String;
    /// Hands over effects, in order, after their turn was committed. Never blocks.
    fn submit(&mut self, effects: Vec<Effect>);
}

/// Time, and identities made of it.
pub trait Clock {
    /// Now, in microseconds.
    fn now(&self) -> DateTime<Utc>;
    /// Time since some fixed instant. Other than [`Self::now`] it never goes back and never jumps,
    /// and it goes on while the machine sleeps.
    fn elapsed(&self) -> Duration;
    /// A fresh UUID v7.
    fn new_id(&self) -> Uuid;
}

/// The store cannot be read or written.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct StoreError {
    /// What failed, where, and what to do.
    pub message: String,
    /// Why.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Everything that one turn of the loop writes.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// Events with their sequence numbers, ascending; one counter per store.
    pub entries: Vec<JournalEntry>,
    /// Models that passed an evaluation in this turn.
    pub blessings: Vec<Blessed>,
    /// Models that were pushed in this turn.
    pub pushes: Vec<Pushed>,
    /// Data that was refused in this turn, by the events that refused it.
    pub refused_spans: Vec<RefusedSpan>,
    /// Reuse keys whose outputs are gone.
    pub forgotten_keys: Vec<String>,
}

/// An event in its run's journal.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// The run.
    pub run: RunId,
    /// Position among all events of the store.
    pub seq: u64,
    /// What happened.
    pub event: Event,
}

/// A Model that passed an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Blessed {
    /// The model's name.
    pub model: String,
    /// The Model.
    pub artifact: Arc<Artifact>,
}

/// A Model that was pushed.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    /// Where to, as the pipeline names it.
    pub destination: String,
    /// The model's name.
    pub model: String,
    /// Its version there.
    pub version: i64,
    /// The Model, if it is known.
    pub artifact: Option<Arc<Artifact>>,
}

/// A port of a step of a pipeline, in all of its runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortName {
    /// The pipeline's name.
    pub pipeline: String,
    /// The step's id.
    pub step: String,
    /// Its output port.
    pub port: String,
}

/// What a step gave of a span, which a later step of its run refused. It is not found by its span until
/// it is given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSpan {
    /// Number of the event that refused it.
    pub seq: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// The step that gave it.
    pub step: String,
    /// The span.
    pub span: i64,
    /// The execution that made it.
    pub execution: ExecutionId,
}

/// An earlier execution that may stand in for a new one.
#[derive(Debug, Clone, PartialEq)]
pub struct Reusable {
    /// The execution.
    pub execution: ExecutionId,
    /// Its run.
    pub run: RunId,
    /// What it gave.
    pub outputs: Arc<Outputs>,
    /// Why it refused, if it did.
    pub refused: Option<Reason>,
}

/// Something to do in the world.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Look at the files that a ready step depends on.
    Prepare(Box<PrepareTask>),
    /// Look whether what an execution gave is still as it was recorded.
    Verify(Box<VerifyTask>),
    /// Launch an attempt. Idempotent: an attempt that the keeper knows is adopted, one whose
    /// keeper is gone is ended and reported lost.
    Launch(LaunchTask),
    /// End an attempt: politely, then not.
    Kill(AttemptId),
    /// The attempt's end is recorded; its keeper may forget it.
    Acknowledge(AttemptId),
}

/// What to look at before a step can be started or reused.
#[derive(Debug, Clone)]
pub struct PrepareTask {
    /// The run.
    pub run: RunId,
    /// The step.
    pub node: NodeId,
    /// Folder of the pipeline file; relative paths start here.
    pub project_dir: PathBuf,
    /// Where its command works.
    pub workdir: PathBuf,
    /// Globs of external files by input port.
    pub files: BTreeMap<String, Vec<String>>,
    /// By input port, the span that is taken instead of the newest.
    pub spans: BTreeMap<String, i64>,
    /// Things made elsewhere by input port, in order.
    pub imports: BTreeMap<String, Vec<Import>>,
    /// Which files are part of the key.
    pub key_files: KeyFiles,
    /// Paths below the project that never are (push destinations, files that inputs match): globs.
    pub excluded: Arc<Vec<String>>,
    /// The command's first word, to be looked up.
    pub program: Option<String>,
    /// Where programs are looked up: the run's `PATH`.
    pub search_path: String,
}

/// Something made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// A path, relative to the pipeline file's folder, or a `file://` address.
    pub uri: String,
    /// What it is to be.
    pub type_name: String,
}

/// Something made elsewhere, as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Its type.
    pub type_name: String,
    /// Version of the type's layout.
    pub type_version: u32,
    /// Its absolute path.
    pub path: String,
    /// Digest over its files.
    pub digest: String,
    /// Its files, sorted by path.
    pub files: Vec<ArtifactFile>,
    /// What its type tells of it.
    pub properties: BTreeMap<String, Value>,
}

/// Which files a command depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFiles {
    /// None.
    None,
    /// All beside and below the pipeline file that git would not ignore.
    Project,
    /// Those that these globs name.
    Globs(Vec<String>),
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// External files by input port, with the state in which each was digested.
    pub files: BTreeMap<String, (FilesManifest, Vec<FileState>)>,
    /// Things made elsewhere by input port, in the order of the task.
    pub imports: BTreeMap<String, Vec<Arc<Imported>>>,
    /// Files that are part of the key.
    pub key_files: Option<Arc<FileSet>>,
    /// Why the step cannot be reused although it could by its kind: too many files, for instance.
    pub unkeyable: Option<String>,
    /// Where the command's first word was found.
    pub program: Option<String>,
}

/// Artifacts to look at before a reuse.
#[derive(Debug, Clone)]
pub struct VerifyTask {
    /// The run.
    pub run: RunId,
    /// The step.
    pub node: NodeId,
    /// What an earlier execution gave.
    pub outputs: Arc<Outputs>,
}

/// An attempt to launch, or to find again.
#[derive(Debug, Clone)]
pub struct LaunchTask {
    /// Its run.
    pub created: Arc<RunCreated>,
    /// Its intent.
    pub started: Arc<StepStarted>,
    /// The item that it is of, if it is of one.
    pub item: Option<ItemOf>,
}

/// An item, and the step that it is of.
#[derive(Debug, Clone)]
pub struct ItemOf {
    /// The step.
    pub step: NodeId,
    /// The item.
    pub item: Item,
}

impl LaunchTask {
    /// An attempt of a run with these tasks.
    pub fn new(created: &Arc<RunCreated>, tasks: &Tasks, started: &Arc<StepStarted>) -> Self {
        let item = tasks.item(started.node);
        Self {
            created: Arc::clone(created),
            started: Arc::clone(started),
            item: item.map(|item| ItemOf {
                step: tasks.step(started.node),
                item,
            }),
        }
    }

    /// What the plan says of its step.
    pub fn node(&self) -> &Node {
        let item = self.item.as_ref();
        self.created
            .plan
            .node(item.map_or(self.started.node, |of| of.step))
    }

    /// What its task is called: `train`, or `train[3]` for an item.
    pub fn name(&self) -> String {
        let id = &self.node().id;
        match &self.item {
            Some(of) => format!("{id}[{}]", of.item.index),
            None => id.clone(),
        }
    }

    /// The attempt's identity.
    pub fn attempt(&self) -> AttemptId {
        AttemptId {
            run: self.created.run,
            node: self.started.node,
            number: self.started.attempt,
        }
    }
}

/// What an [`Executor`] answers.
#[derive(Debug, Clone)]
pub enum Report {
    /// A step's files were looked at.
    Prepared {
        /// The run.
        run: RunId,
        /// The step.
        node: NodeId,
        /// What was found, or why the step cannot start.
        result: Result<Box<Prepared>, Failure>,
    },
    /// An execution's outputs were looked at.
    Verified {
        /// The run.
        run: RunId,
        /// The step.
        node: NodeId,
        /// None if all is as recorded; else what is not.
        missing: Option<String>,
    },
    /// An attempt's process exists.
    Launched {
        /// The attempt.
        attempt: AttemptId,
        /// The process.
        pid: u32,
        /// Whether it ran already when it was asked for.
        adopted: bool,
    },
    /// An attempt is over, and what it left was looked at.
    Ended {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        report: Box<AttemptReport>,
    },
    /// An attempt's keeper is gone, and so is the attempt.
    Lost {
        /// The attempt.
        attempt: AttemptId,
        /// How that is known.
        proof: String,
    },
    /// An attempt could not be ended, or not be proven dead. Its end may be told later.
    Stuck {
        /// The attempt.
        attempt: AttemptId,
        /// Its processes that are known to be alive.
        pids: Vec<u32>,
    },
    /// An attempt that was started cannot be launched yet; it is tried again and again.
    Waits {
        /// The attempt.
        attempt: AttemptId,
        /// What it waits for.
        why: Reason,
    },
    /// Whether anything new can be launched has changed. Attempts that live are not concerned.
    Hindered {
        /// Why nothing can; none if it can again.
        why: Option<Reason>,
    },
}
