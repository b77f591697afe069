//! What a run would do, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::status::{Reason, ReusedFrom};
use crate::version::DocumentVersion;
use crate::words::Action;

/// What a run would do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanDocument {
    /// 1.
    pub version: DocumentVersion,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Content address of the plan.
    pub plan_id: String,
    /// Its steps, in topological order.
    pub steps: Vec<PlanStep>,
}

/// What would become of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanStep {
    /// Its id in the pipeline.
    pub id: String,
    /// What would become of it.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The run whose execution would stand in for it.
    pub reused_from: Option<ReusedFrom>,
    /// What its result depends on, where that was asked for and is known before a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PlanKey>,
}

/// What a step's result depends on: the parts of its reuse key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanKey {
    /// Name and version of the component; or `command`.
    pub component: String,
    /// The resolved command; empty for a component.
    pub command: Vec<String>,
    /// The path that the command's first word was found at.
    pub program: Option<String>,
    /// Resolved parameters.
    pub params: BTreeMap<String, Value>,
    /// Digests of what enters, by port.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// Declared environment variables, resolved.
    pub env: BTreeMap<String, String>,
    /// Declared outputs: type by port.
    pub outputs: BTreeMap<String, String>,
    /// The files that a command depends on, relative to the pipeline file's folder; null where they
    /// are no part of the key.
    pub files: Option<Vec<String>>,
}
