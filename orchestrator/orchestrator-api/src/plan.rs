//! What a run would do, and why.

use serde::{Deserialize, Serialize};

use crate::status::{Reason, ReusedFrom};
use crate::version::DocumentVersion;
use crate::words::Action;

/// What a run would do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Its id in the pipeline.
    pub id: String,
    /// What would become of it.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The run whose execution would stand in for it.
    pub reused_from: Option<ReusedFrom>,
}
