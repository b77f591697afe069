//! What a client asks for: bodies and query parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Asks what a run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Absolute path of the pipeline file.
    pub pipeline_file: String,
    /// Its text, as the client read it.
    pub text: String,
    /// Texts of the component files that it uses, by the paths that it names.
    #[serde(default)]
    pub components: BTreeMap<String, String>,
    /// Parameters as they were typed; their declared types say how they are read.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The variables from which attempts start.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Ids of steps that may not be reused.
    #[serde(default)]
    pub force: Vec<String>,
    /// Whether no step may be reused.
    #[serde(default)]
    pub force_all: bool,
    /// Whether each step's key is told too.
    #[serde(default)]
    pub explain: bool,
    /// Which steps the run is made of; all if absent.
    #[serde(default)]
    pub selection: Selection,
}

/// Which steps a run is made of, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// This one and everything downstream.
    pub from: Option<String>,
    /// This one and everything upstream.
    pub until: Option<String>,
    /// This one alone.
    pub only: Option<String>,
}

/// Asks for a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Absolute path of the pipeline file.
    pub pipeline_file: String,
    /// Its text, as the client read it.
    pub text: String,
    /// Texts of the component files that it uses, by the paths that it names.
    #[serde(default)]
    pub components: BTreeMap<String, String>,
    /// Parameters as they were typed; their declared types say how they are read.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The variables from which attempts start.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Secrets that the client has and the pipeline names. They are held in memory and never stored.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Most steps of this run at once; the daemon's default if absent.
    #[serde(default)]
    pub slots: Option<u32>,
    /// Whether an unfinished run with the same plan and parameters is not to be attached to.
    #[serde(default)]
    pub new: bool,
    /// Ids of steps that may not be reused.
    #[serde(default)]
    pub force: Vec<String>,
    /// Whether no step may be reused.
    #[serde(default)]
    pub force_all: bool,
    /// Which steps the run is made of; all if absent.
    #[serde(default)]
    pub selection: Selection,
}

/// Asks for the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CancelRequest {
    /// Whether attempts that are stuck are left behind.
    pub abandon: bool,
}

/// Asks for a run to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResumeRequest {
    /// Secrets that the client has and the run waits for. They are held in memory and never stored.
    pub secrets: BTreeMap<String, String>,
}

/// Asks for a new run of a finished one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// The only step to run again, with what depends on it; all that did not succeed if absent.
    #[serde(default)]
    pub step: Option<String>,
}

/// A person's answer to a step that asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Who answers.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Which runs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunsQuery {
    /// Of this pipeline only.
    pub pipeline: Option<String>,
    /// In this state only: a word of `RunState`.
    pub status: Option<String>,
    /// What to tell besides of each, separated by commas: `params.NAME`, `metrics.STEP.NAME`.
    pub columns: Option<String>,
    /// Most of them on a page.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which artifacts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactsQuery {
    /// Of this run only: an id, a prefix of it, or `latest`.
    pub run: Option<String>,
    /// Of this type only.
    #[serde(rename = "type")]
    pub artifact_type: Option<String>,
    /// Most of them on a page.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which files of an artifact to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesQuery {
    /// Most of them on a page.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which events to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsQuery {
    /// Those after this number only.
    pub after: Option<u64>,
    /// Whether to go on until the run has ended.
    pub follow: bool,
}

/// Which part of a log to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogQuery {
    /// Of this attempt; the newest if absent.
    pub attempt: Option<u32>,
    /// So many last lines only.
    pub tail: Option<u64>,
    /// Whether to go on until the attempt has ended.
    pub follow: bool,
}

/// Query parameters as pairs; what is absent is left out.
pub(crate) type Pairs = Vec<(&'static str, String)>;

fn pair<T: ToString>(pairs: &mut Pairs, name: &'static str, value: Option<&T>) {
    pairs.extend(value.map(|v| (name, v.to_string())));
}

impl RunsQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        pair(&mut pairs, "pipeline", self.pipeline.as_ref());
        pair(&mut pairs, "status", self.status.as_ref());
        pair(&mut pairs, "columns", self.columns.as_ref());
        pair(&mut pairs, "limit", self.limit.as_ref());
        pair(&mut pairs, "cursor", self.cursor.as_ref());
        pairs
    }
}

impl ArtifactsQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        pair(&mut pairs, "run", self.run.as_ref());
        pair(&mut pairs, "type", self.artifact_type.as_ref());
        pair(&mut pairs, "limit", self.limit.as_ref());
        pair(&mut pairs, "cursor", self.cursor.as_ref());
        pairs
    }
}

impl EventsQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        pair(&mut pairs, "after", self.after.as_ref());
        pair(&mut pairs, "follow", self.follow.then_some(&true));
        pairs
    }
}

impl LogQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        pair(&mut pairs, "attempt", self.attempt.as_ref());
        pair(&mut pairs, "tail", self.tail.as_ref());
        pair(&mut pairs, "follow", self.follow.then_some(&true));
        pairs
    }
}
