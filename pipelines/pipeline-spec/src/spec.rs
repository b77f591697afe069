//! A pipeline as its author wrote it: names unresolved, expressions unevaluated.

use std::collections::{BTreeMap, BTreeSet};

use component_api::manifest::{Manifest, ParamSpec};
use serde_json::Value;

/// A pipeline file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PipelineSpec {
    /// The pipeline's name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Declared parameters by name. `ParamType::Any` stands for a declaration that could not be read.
    pub params: BTreeMap<String, ParamSpec>,
    /// `defaults:`, for every step that does not say it itself.
    pub defaults: Defaults,
    /// `concurrency:`, how many of its runs may run at once.
    pub concurrency: Option<Concurrency>,
    /// Steps by id, those of `finally:` among them.
    pub steps: BTreeMap<String, Step>,
}

/// `concurrency:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// Most runs of the pipeline at once.
    pub max_runs: u32,
    /// What becomes of one more.
    pub when_busy: WhenBusy,
}

/// What becomes of a run that is one too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenBusy {
    /// It waits for its turn.
    #[default]
    Queue,
    /// It is not made.
    Skip,
    /// The others are cancelled, and it begins when they have ended.
    CancelRunning,
}

/// `resources:`, as far as it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a processor.
    pub cpu_milli: Option<u64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// GPUs.
    pub gpu: Option<u32>,
}

/// `defaults:`, what holds for every step that does not say it itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// What bounds attempts.
    pub policy: Policy,
    /// Environment variables; a step may give one of them another value.
    pub env: BTreeMap<String, String>,
    /// Globs that narrow what a command depends on.
    pub files: Option<Vec<String>>,
    /// Whether an earlier execution may be reused.
    pub cache: Option<Cache>,
    /// Where commands work.
    pub workdir: Option<String>,
    /// Whether steps have a folder that survives their attempts.
    pub checkpoint: Option<bool>,
    /// Whether the run goes on although a step failed.
    pub allow_failure: Option<bool>,
    /// The pool of which every step takes a place.
    pub pool: Option<String>,
    /// What of the machine steps take.
    pub resources: Resources,
}

/// `cache:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cache {
    /// An earlier execution may be reused.
    #[default]
    On,
    /// None ever is.
    Off,
    /// One may, and this text says what the result depends on in place of files; it may hold
    /// expressions.
    Key(String),
}

/// What bounds the attempts of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// `timeout:`, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// `grace:`, in milliseconds.
    pub grace_ms: Option<u64>,
    /// `retry:`; none where the key is absent.
    pub retry: Option<Retry>,
}

/// `retry:`, as far as it is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retry {
    /// How many attempts there are at most, the first included.
    pub attempts: Option<u32>,
    /// How long the second attempt waits, in milliseconds.
    pub initial_ms: Option<u64>,
    /// How many times as long each further attempt waits.
    pub factor: Option<f64>,
    /// How long an attempt waits at most, in milliseconds.
    pub max_ms: Option<u64>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// For people.
    pub description: String,
    /// Inputs by port.
    pub inputs: BTreeMap<String, Input>,
    /// Parameters as given; strings may hold expressions.
    pub with: BTreeMap<String, Value>,
    /// Outputs that a `run:` step declares, by port.
    pub outputs: BTreeMap<String, Output>,
    /// Steps that must have succeeded before it.
    pub needs: Vec<String>,
    /// Environment variables; values may hold expressions.
    pub env: BTreeMap<String, String>,
    /// Globs that narrow what a command depends on; `None` where the key is absent.
    pub files: Option<Vec<String>>,
    /// Whether an earlier execution may be reused.
    pub cache: Cache,
    /// Where a command works, relative to the pipeline file's folder; none for that folder itself.
    pub workdir: Option<String>,
    /// Whether it has a folder that survives its attempts.
    pub checkpoint: bool,
    /// The pool of which it takes a place while it runs.
    pub pool: Option<String>,
    /// What of the machine it takes while it runs.
    pub resources: Resources,
    /// What bounds its attempts.
    pub policy: Policy,
    /// What it takes from `defaults:`, as pointers: `cache`, `env/NAME`.
    pub inherited: BTreeSet<String>,
    /// `if:`, a text that is one expression; none where the key is absent.
    pub condition: Option<String>,
    /// `foreach:`: a list, which may hold expressions, or a text that is one expression; none where the
    /// key is absent.
    pub foreach: Option<Value>,
    /// `max_parallel:`, how many items there are at once.
    pub max_parallel: Option<u32>,
    /// Whether the run goes on, and may succeed, although it failed.
    pub allow_failure: bool,
    /// Whether it stands in `finally:`, and so runs after all others whatever became of them.
    pub finally: bool,
}

/// A component that a team shares as a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentSpec {
    /// Its name, version, ports and parameters.
    pub manifest: Manifest,
    /// Artifact types of its own.
    pub types: BTreeMap<String, OwnType>,
    /// What it runs.
    pub run: Action,
}

/// An artifact type that a component file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnType {
    /// The Kubeflow type that it specialises: `system.Dataset`.
    pub base: String,
    /// Files that an artifact's folder must hold; where there are none it may be anything.
    pub files: Vec<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `uses:`, a component's name, or the path of a component file.
    Uses(String),
    /// `run:` with a list: a program and its arguments.
    Command(Vec<String>),
    /// `run:` with text, for `sh -eu -c`.
    Shell(String),
    /// `approve:`. The model that it is about, if there is one, is the input `model`, and then the step
    /// gives a `blessing`.
    Approve {
        /// What a person is asked; may hold expressions.
        message: String,
        /// Whether it stands there alone, without a key of its own.
        is_short: bool,
    },
    /// The file does not say it in a readable way; a diagnostic says why.
    Unreadable,
}

/// An input as given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    /// Whether it is written as a list.
    pub many: bool,
    /// What enters, in order; `None` stands for one that could not be read.
    pub sources: Vec<Option<InputSource>>,
    /// The port as a command declares it; none where it is not declared, and takes everything.
    pub port: Option<Port>,
}

/// An input port that a command declares: `{ from, type, optional, many }`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// The artifact type that it takes; none for any.
    pub type_name: Option<String>,
    /// Whether the step runs without it.
    pub optional: bool,
    /// Whether it takes a list; none if that is as it is written.
    pub many: Option<bool>,
}

/// `step.port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputName {
    /// The step's id.
    pub step: String,
    /// Its output port.
    pub port: String,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputSource {
    /// `step.port`.
    Output {
        /// The step's id.
        step: String,
        /// Its output port.
        port: String,
    },
    /// `{ files: ... }`.
    Files {
        /// Globs, in which `{SPAN}` and the like may stand.
        globs: Vec<String>,
        /// `span:`, the one that is taken instead of the newest.
        span: Option<i64>,
    },
    /// `{ import: URI, type: T }`, something made elsewhere.
    Import {
        /// A path, or a `file://` address.
        uri: String,
        /// An artifact type.
        type_name: String,
    },
    /// `{ latest: step.port }`, of whatever run.
    Latest {
        /// The step and its port.
        output: OutputName,
        /// `pipeline:`, another pipeline's name.
        pipeline: Option<String>,
    },
    /// `{ latest_spans: step.port, count: N }`.
    LatestSpans {
        /// The step and its port.
        output: OutputName,
        /// How many.
        count: usize,
    },
    /// `{ previous_span: step.port }`.
    PreviousSpan(OutputName),
    /// `{ latest_blessed: MODEL }`, a model's name.
    LatestBlessed(String),
    /// `{ latest_pushed: MODEL }`, a model's name.
    LatestPushed(String),
}

/// An output that a `run:` step declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// An artifact type or a parameter type; empty if it could not be read.
    pub type_name: String,
    /// Whether the step may succeed without it.
    pub optional: bool,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            action: Action::Unreadable,
            description: String::new(),
            inputs: BTreeMap::new(),
            with: BTreeMap::new(),
            outputs: BTreeMap::new(),
            needs: Vec::new(),
            env: BTreeMap::new(),
            files: None,
            cache: Cache::On,
            workdir: None,
            checkpoint: false,
            pool: None,
            resources: Resources::default(),
            policy: Policy::default(),
            inherited: BTreeSet::new(),
            condition: None,
            foreach: None,
            max_parallel: None,
            allow_failure: false,
            finally: false,
        }
    }
}

impl Resources {
    /// With what another says where this one says nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.or(other.cpu_milli),
            memory_bytes: self.memory_bytes.or(other.memory_bytes),
            gpu: self.gpu.or(other.gpu),
        }
    }
}

impl Step {
    /// The key at the top of the file under which it stands.
    pub fn section(&self) -> &'static str {
        if self.finally { "finally" } else { "steps" }
    }
}

/// Whether `uses:` means a component file: a path, and not the name of a standard component.
pub fn is_component_file(uses: &str) -> bool {
    uses.contains('/')
}

/// Whether a text may be the id of a step, port or parameter: `[A-Za-z_][A-Za-z0-9_-]{0,62}`.
pub fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && text.len() <= crate::limits::IDENTIFIER_CHARACTERS_MAX
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
