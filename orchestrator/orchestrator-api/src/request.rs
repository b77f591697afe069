//! What a client asks for: bodies and query parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;
use utoipa::{IntoParams, ToSchema};

use crate::words::RunState;

/// Asks what a run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Absolute path of the pipeline file.
    #[schema(pattern = "^/")]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Absolute path of the pipeline file.
    #[schema(pattern = "^/")]
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
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(minimum = 1)]
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

/// Asks a daemon to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// Its process, so that none but the one that is meant ends.
    pub pid: u32,
}

/// Asks for the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CancelRequest {
    /// Whether attempts that are stuck are left behind.
    pub abandon: bool,
}

/// Asks for a run to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResumeRequest {
    /// Secrets that the client has and the run waits for. They are held in memory and never stored.
    pub secrets: BTreeMap<String, String>,
}

/// Asks for a new run of a finished one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// The only step to run again, with what depends on it; all that did not succeed if absent.
    #[serde(default)]
    pub step: Option<String>,
}

/// A person's answer to a step that asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Who answers.
    #[schema(pattern = r"\S")]
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Which runs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct RunsQuery {
    /// Of this pipeline only.
    pub pipeline: Option<String>,
    /// In this state only: a word of `RunState`.
    #[param(value_type = Option<RunState>)]
    pub status: Option<String>,
    /// What to tell besides of each, separated by commas: `params.NAME`, `metrics.STEP.NAME`.
    pub columns: Option<String>,
    /// Most of them on a page.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(format = Uuid)]
    pub cursor: Option<String>,
}

/// Which pipelines to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct PipelinesQuery {
    /// Most of them on a page.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which versions of a pipeline to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct VersionsQuery {
    /// Most of them on a page.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(format = Uuid)]
    pub cursor: Option<String>,
}

/// Which of what is numbered to list: the steps of a run, the attempts of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct NumberedQuery {
    /// Most of them on a page.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(minimum = 0, maximum = 4_294_967_295_u32)]
    pub cursor: Option<u32>,
}

/// Which artifacts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactsQuery {
    /// Of this run only: an id, a prefix of it, or `latest`.
    pub run: Option<String>,
    /// Of this type only.
    #[serde(rename = "type")]
    pub artifact_type: Option<String>,
    /// Most of them on a page.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(format = Uuid)]
    pub cursor: Option<String>,
}

/// Which files of an artifact to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct FilesQuery {
    /// Most of them on a page.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which events to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct EventsQuery {
    /// Those after this number only.
    #[param(maximum = 9_007_199_254_740_991_u64)]
    pub after: Option<u64>,
    /// Whether to go on until the run has ended.
    pub follow: bool,
}

/// Which part of a log to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct LogQuery {
    /// Of this attempt; the newest if absent.
    #[param(minimum = 1)]
    pub attempt: Option<u32>,
    /// So many last lines only.
    #[param(maximum = 9_007_199_254_740_991_u64)]
    pub tail: Option<u64>,
    /// Whether to go on until the attempt has ended.
    pub follow: bool,
}

/// A whole number, which JSON may write as `4.0` too.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let whole = number.as_u64().or_else(|| {
        let number = number.as_f64()?;
        (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number))
            .then_some(number as u64)
    });
    let whole = whole.and_then(|whole| u32::try_from(whole).ok());
    whole.map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!("`{number}` is no whole number up to {}", u32::MAX))
    })
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

impl FilesQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
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
