//! Pipelines and their versions: what runs were made of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::runs::RunSummary;
use crate::timestamp;
use crate::version::DocumentVersion;

/// A page of pipelines, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pipelines {
    /// 1.
    pub version: DocumentVersion,
    /// The pipelines of which there is a run.
    pub pipelines: Vec<Pipeline>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// A pipeline as a document of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PipelineDocument {
    /// 1.
    pub version: DocumentVersion,
    /// The pipeline.
    #[serde(flatten)]
    pub pipeline: Pipeline,
}

/// A pipeline, as its newest run has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pipeline {
    /// Its name.
    pub pipeline: String,
    /// Absolute path of its file.
    pub pipeline_file: String,
    /// Content address of the plan.
    pub plan_id: String,
    /// Its newest run.
    pub latest: RunSummary,
}

/// A page of a pipeline's versions, that of the newest run first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PipelineVersions {
    /// 1.
    pub version: DocumentVersion,
    /// Name of the pipeline.
    pub pipeline: String,
    /// The versions.
    pub versions: Vec<VersionSummary>,
    /// What to give as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// A version of a pipeline in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionSummary {
    /// Content address of the plan.
    pub plan_id: String,
    /// The newest run of it.
    pub run_id: Uuid,
    /// When that was created.
    #[serde(with = "timestamp")]
    pub run_at: DateTime<Utc>,
}

/// A version of a pipeline: what its runs execute. It never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PipelineVersion {
    /// 1.
    pub version: DocumentVersion,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Content address of the plan.
    pub plan_id: String,
    /// Declared parameters by name.
    pub params: BTreeMap<String, DeclaredParam>,
    /// Its steps, in topological order.
    pub steps: Vec<DeclaredStep>,
}

/// A declared parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeclaredParam {
    /// Name of its type.
    #[serde(rename = "type")]
    pub param_type: String,
    /// Its value where none is given; null where there is none.
    pub default: Value,
    /// Whether a value must be given.
    pub required: bool,
    /// What it is, in a sentence.
    pub description: String,
}

/// A step as the pipeline declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeclaredStep {
    /// Its id.
    pub id: String,
    /// `NAME@VERSION` of its component; null for a step that is none.
    pub component: Option<String>,
    /// Its command, before its expressions are resolved; empty for a component of the binary's own.
    pub command: Vec<String>,
    /// What a person is asked, for a step that asks.
    pub question: Option<String>,
    /// When it runs, as an expression; null for always.
    pub condition: Option<String>,
    /// The list for whose items it is done, before its expressions are resolved; null for once.
    pub foreach: Option<Value>,
    /// Ids of the steps that must have ended before it.
    pub needs: Vec<String>,
    /// Its parameters, before their expressions are resolved.
    pub params: BTreeMap<String, Value>,
    /// Type by input port that is given.
    pub inputs: BTreeMap<String, String>,
    /// Type by output port.
    pub outputs: BTreeMap<String, String>,
    /// Whether an earlier execution may be reused.
    pub cache: bool,
}
