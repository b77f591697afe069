//! The plan: what a run executes, sealed and content-addressed.
//!
//! A run stores its plan and never rereads its YAML. The plan does not know any run.

use std::collections::BTreeMap;

use component_api::manifest::ParamSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the persisted form of [`Plan`].
pub const PLAN_FORMAT_VERSION: u32 = 1;

/// A sealed DAG of steps in topological order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT_VERSION`] when it was written.
    pub format_version: u32,
    /// The pipeline's name.
    pub name: String,
    /// Declared parameters.
    pub params: BTreeMap<String, ParamSpec>,
    /// How many runs of the pipeline may run at once, if that is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Artifact types that component files declare, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, OwnType>,
    /// The steps; every edge points from a lower index to a higher one.
    pub nodes: Vec<Node>,
}

/// An artifact type that a component file declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnType {
    /// The Kubeflow type that it specialises: `system.Dataset`.
    pub base: String,
    /// Files that an artifact's folder must hold; where there are none it may be anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// The component file that a step's command comes from, as it was when the plan was compiled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComponentFile {
    /// The component's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 of the file's text, in hex.
    pub digest: String,
    /// What its parameters may be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamSpec>,
}

/// `concurrency:` of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Most runs of the pipeline at once.
    pub max_runs: u32,
    /// What becomes of one more.
    pub when_busy: WhenBusy,
}

/// What becomes of a run that is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// It waits for its turn.
    Queue,
    /// It is not made.
    Skip,
    /// The others are cancelled, and it begins when they have ended.
    CancelRunning,
}

/// What of the machine a step takes while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Thousandths of a processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_milli: Option<u64>,
    /// Bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
}

/// The dense number of a node in its plan: its index in [`Plan::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// One step.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of the language by itself"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The step's id in the pipeline.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// The component file that says so, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentFile>,
    /// Input ports that are given, by name.
    #[serde(default)]
    pub inputs: BTreeMap<String, InputPlan>,
    /// Output ports by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, OutputPlan>,
    /// Parameters (`with:`) with defaults filled in; strings may hold `${{ ... }}`.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// Environment variables of its own; values may hold `${{ ... }}`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Every step that must have ended before this one is ready: `needs`, inputs and
    /// expressions; sorted, without repeats.
    #[serde(default)]
    pub needs: Vec<NodeId>,
    /// `files:`, the globs that narrow what a command depends on; `None` where the key is absent.
    #[serde(default)]
    pub files: Option<Vec<String>>,
    /// Whether an earlier execution may be reused.
    pub cache: bool,
    /// What the result depends on in place of files; may hold `${{ ... }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_key: Option<String>,
    /// Where a command works, relative to the pipeline file's folder; none for that folder itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// Whether it has a folder that survives its attempts. No part of what its result depends on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpoint: bool,
    /// The pool of which it takes a place while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// What of the machine it takes while it runs. No part of what its result depends on.
    #[serde(default, skip_serializing_if = "Resources::is_nothing")]
    pub resources: Resources,
    /// What bounds its attempts. No part of what its result depends on.
    #[serde(default, skip_serializing_if = "Policy::is_unbounded")]
    pub policy: Policy,
    /// Whether it runs at all, decided when what it needs has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// For what it is done, decided when what it needs has ended; none for a step that is done once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreach: Option<Foreach>,
    /// Whether the run may succeed although it failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_failure: bool,
    /// Those of `needs` whose failure does not keep it from running: they may fail, and nothing that
    /// they give enters it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerates: Vec<NodeId>,
    /// Those of `needs` that it only waits for, however they end: it looks up what they gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<NodeId>,
    /// Whether it runs after all steps that are not so, whatever became of them. None of those
    /// needs it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finally: bool,
}

/// `if:` of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// A text that is one expression.
    pub expression: String,
    /// Whether it asks how a step ended. Then it decides alone: a need that ended badly does not
    /// skip the step by itself.
    #[serde(default)]
    pub asks_status: bool,
}

/// `foreach:` of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Foreach {
    /// A list, which may hold `${{ ... }}`, or a text that is one expression.
    pub items: Value,
    /// How many items there are at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
}

/// What bounds the attempts of a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// How long an attempt may take, in milliseconds; one that takes longer is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How long an attempt that is asked to end may take for that, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ms: Option<u64>,
    /// Whether and when attempts follow one that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// When attempts follow one that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// How many attempts there are at most, the first included.
    pub attempts: u32,
    /// How long the second attempt waits, in milliseconds.
    pub initial_ms: u64,
    /// How many times as long each further attempt waits.
    pub factor: f64,
    /// How long an attempt waits at most, in milliseconds.
    pub max_ms: u64,
}

impl Default for Retry {
    /// One attempt. What asks for another itself waits as most clients of services do.
    fn default() -> Self {
        Self {
            attempts: 1,
            initial_ms: 1_000,
            factor: 2.0,
            max_ms: 300_000,
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A component of the catalog, as it was when the plan was compiled.
    Component {
        /// Its name.
        name: String,
        /// Its manifest's version; part of the reuse key.
        version: String,
    },
    /// A program and its arguments; each may hold `${{ ... }}`.
    Command(Vec<String>),
    /// Text for `sh -eu -c`; never holds an expression.
    Shell(String),
    /// A person decides: what is asked, which may hold `${{ ... }}`. The model that it is about, if
    /// there is one, is the input `model`; then the output `blessing` is given.
    Approve(String),
}

/// An input port as it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputPlan {
    /// Type of artifact that the port takes.
    #[serde(rename = "type")]
    pub artifact_type: String,
    /// Whether the step runs without it.
    #[serde(default)]
    pub optional: bool,
    /// Whether a list enters.
    #[serde(default)]
    pub many: bool,
    /// What enters, in order.
    pub sources: Vec<Source>,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An output of another step of this plan.
    Output {
        /// The step.
        node: NodeId,
        /// Its port.
        port: String,
    },
    /// External files by globs, relative to the pipeline file's folder; where a span stands in them,
    /// those of the newest.
    Files(Vec<String>),
    /// External files of one span, by globs in which it stands.
    FilesOfSpan {
        /// The globs.
        globs: Vec<String>,
        /// The span.
        span: i64,
    },
    /// Something made elsewhere.
    Import {
        /// A path, relative to the pipeline file's folder, or a `file://` address.
        uri: String,
        /// Its artifact type.
        #[serde(rename = "type")]
        type_name: String,
    },
    /// The newest artifact of a port, of this run or an earlier one, from the metadata store.
    Latest {
        /// Another pipeline; none for this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pipeline: Option<String>,
        /// The step's id.
        step: String,
        /// Its port.
        port: String,
    },
    /// The artifacts of the newest spans of a port of this pipeline, the newest first.
    LatestSpans {
        /// The step's id.
        step: String,
        /// Its port.
        port: String,
        /// How many, at most.
        count: usize,
    },
    /// The artifact of the greatest span of a port of this pipeline that is smaller than the step's.
    PreviousSpan {
        /// The step's id.
        step: String,
        /// Its port.
        port: String,
    },
    /// The newest blessed Model of this name, from the metadata store.
    LatestBlessed(String),
    /// The newest Model of this name that was pushed, from the metadata store.
    LatestPushed(String),
}

/// An output port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPlan {
    /// An artifact type or a parameter type by name: `Model`, `integer`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Which of the two it is.
    pub kind: OutputKind,
    /// Whether the step may succeed without it.
    #[serde(default)]
    pub optional: bool,
}

/// The two kinds of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// A file or folder with a record of its own.
    Artifact,
    /// A small value: text, number, boolean, list or map.
    Parameter,
}

impl Source {
    /// Whether it is looked up in the metadata store, where there may be nothing.
    pub fn is_looked_up(&self) -> bool {
        match self {
            Self::Output { .. }
            | Self::Files(_)
            | Self::FilesOfSpan { .. }
            | Self::Import { .. } => false,
            Self::Latest { .. }
            | Self::LatestSpans { .. }
            | Self::PreviousSpan { .. }
            | Self::LatestBlessed(_)
            | Self::LatestPushed(_) => true,
        }
    }

    /// The globs of external files, with the span that is taken instead of the newest.
    pub fn files(&self) -> Option<(&[String], Option<i64>)> {
        match self {
            Self::Files(globs) => Some((globs, None)),
            Self::FilesOfSpan { globs, span } => Some((globs, Some(*span))),
            _ => None,
        }
    }
}

impl Node {
    /// A step that does this and nothing else: without ports, needs or bounds.
    pub fn new(id: &str, action: Action) -> Self {
        Self {
            id: id.to_owned(),
            action,
            component: None,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            params: BTreeMap::new(),
            env: BTreeMap::new(),
            needs: Vec::new(),
            files: None,
            cache: true,
            cache_key: None,
            workdir: None,
            checkpoint: false,
            pool: None,
            resources: Resources::default(),
            policy: Policy::default(),
            condition: None,
            foreach: None,
            allow_failure: false,
            tolerates: Vec::new(),
            awaits: Vec::new(),
            finally: false,
        }
    }

    /// Whether it may run although that need ended badly; `failed`: whether it failed.
    pub fn bears(&self, need: NodeId, failed: bool) -> bool {
        self.condition.as_ref().is_some_and(|c| c.asks_status)
            || failed && self.tolerates.contains(&need)
            || self.awaits.contains(&need)
    }
}

impl Resources {
    /// Whether it takes nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Action {
    /// Its texts that may hold expressions.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Command(words) => words,
            Self::Approve(message) => std::slice::from_ref(message),
            Self::Component { .. } | Self::Shell(_) => &[],
        }
    }
}

impl Policy {
    /// Whether it says nothing.
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }
}

impl Plan {
    /// The plan's identity: BLAKE3 of it as JSON with sorted keys.
    ///
    /// Neither descriptions nor positions in the source are part of a plan, so a changed comment
    /// keeps the id.
    pub fn id(&self) -> String {
        let mut bare = self.clone();
        for spec in bare.params.values_mut() {
            spec.description.clear();
        }
        // `Value`'s maps are sorted by key, and every type in a plan serializes.
        let json = serde_json::to_value(&bare).unwrap_or_default();
        blake3::hash(json.to_string().as_bytes())
            .to_hex()
            .to_string()
    }

    /// The node of this number. Numbers come from this plan's own edges.
    pub fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0 as usize]
    }

    /// The number of the step with this id.
    pub fn find(&self, step: &str) -> Option<NodeId> {
        let index = self.nodes.iter().position(|n| n.id == step)?;
        Some(NodeId(index as u32))
    }

    /// All numbers, in topological order.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }
}
