//! Runs as rows hold them: how they were made, how far they are, how they ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use pipeline_plan::{NodeId, Plan};
use run_engine::event::{CarriedItem, GitState, RunCreated, RunEnd, Trigger};
use run_engine::ids::{ExecutionId, RunId};
use run_engine::seams::StoreError;
use run_engine::tasks::Item;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::codec::Stored;
use super::digest::Digest;
use super::time::Micros;

/// How a run was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredRun {
    pub(crate) pipeline: String,
    pub(crate) steps: u32,
    pub(crate) plan_id: String,
    /// Address of the plan as JSON, which has a format version of its own.
    pub(crate) plan: Digest,
    pub(crate) pipeline_file: StoredPath,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) params: BTreeMap<String, Value>,
    pub(crate) trigger: StoredTrigger,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_of: Option<Uuid>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) carried: BTreeMap<u32, Uuid>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) carried_items: BTreeMap<u32, Vec<StoredCarried>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) forced: BTreeSet<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) selected: Option<BTreeSet<u32>>,
    pub(crate) slots: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) git: Option<StoredGit>,
    pub(crate) ropewalk_version: String,
    pub(crate) host: String,
    pub(crate) at: Micros,
    pub(crate) first_seq: u64,
}

/// An item that a retry carries over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredCarried {
    index: u32,
    item: Value,
    execution: Uuid,
}

/// What made a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredTrigger {
    kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    detail: String,
}

/// State of a git checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredGit {
    commit: String,
    dirty: bool,
}

/// A path: text, or its bytes where they are no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredPath {
    /// UTF-8.
    Text(String),
    /// Anything else that the operating system allows.
    Bytes(Vec<u8>),
}

/// How far an unfinished run is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredProgress {
    pub(crate) steps_ended: u32,
    /// How many more steps there are because some were expanded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) steps_added: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Micros>,
    pub(crate) last_seq: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredFinish {
    pub(crate) end: StoredRunEnd,
    pub(crate) at: Micros,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Micros>,
    /// How many more steps there were because some were expanded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) steps_added: u32,
    pub(crate) last_seq: u64,
    /// Address of the folded journal.
    pub(crate) journal: Digest,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredRunEnd {
    Succeeded,
    Failed,
    Refused,
    Cancelled,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Stored for StoredRun {
    const WHAT: &'static str = "a run";
}

impl Stored for StoredProgress {
    const WHAT: &'static str = "an unfinished run's progress";
}

impl Stored for StoredFinish {
    const WHAT: &'static str = "a run's end";
}

impl StoredRun {
    /// How the run was made; its plan lies at that address.
    pub(crate) fn new(created: &RunCreated, plan: Digest, first_seq: u64) -> Self {
        let carried = created.carried.iter();
        let selected = created.selected.as_ref();
        Self {
            pipeline: created.plan.name.clone(),
            steps: created.plan.nodes.len() as u32,
            plan_id: created.plan_id.clone(),
            plan,
            pipeline_file: StoredPath::from(&created.pipeline_file),
            params: created.params.clone(),
            trigger: (&created.trigger).into(),
            retry_of: created.retry_of.map(|run| run.0),
            carried: carried.map(|(node, source)| (node.0, source.0)).collect(),
            carried_items: created
                .carried_items
                .iter()
                .map(|(node, items)| (node.0, items.iter().map(StoredCarried::from).collect()))
                .collect(),
            forced: created.forced.iter().map(|node| node.0).collect(),
            selected: selected.map(|nodes| nodes.iter().map(|node| node.0).collect()),
            slots: created.slots,
            environment: created.environment.clone(),
            git: created.git.as_ref().map(StoredGit::from),
            ropewalk_version: created.ropewalk_version.clone(),
            host: created.host.clone(),
            at: created.at.into(),
            first_seq,
        }
    }

    /// How the run was made, with its plan.
    pub(crate) fn with_plan(self, run: RunId, plan: Arc<Plan>) -> Result<RunCreated, StoreError> {
        let (carried, selected) = (self.carried.into_iter(), self.selected);
        Ok(RunCreated {
            run,
            plan,
            plan_id: self.plan_id,
            pipeline_file: self.pipeline_file.into(),
            params: self.params,
            trigger: self.trigger.into(),
            retry_of: self.retry_of.map(RunId),
            carried: carried
                .map(|(node, source)| (NodeId(node), ExecutionId(source)))
                .collect(),
            carried_items: self
                .carried_items
                .into_iter()
                .map(|(node, items)| (NodeId(node), items.into_iter().map(Into::into).collect()))
                .collect(),
            forced: self.forced.into_iter().map(NodeId).collect(),
            selected: selected.map(|nodes| nodes.into_iter().map(NodeId).collect()),
            slots: self.slots,
            environment: self.environment,
            git: self.git.map(GitState::from),
            ropewalk_version: self.ropewalk_version,
            host: self.host,
            at: self.at.try_into()?,
        })
    }
}

impl From<&CarriedItem> for StoredCarried {
    fn from(carried: &CarriedItem) -> Self {
        Self {
            index: carried.item.index,
            item: carried.item.value.clone(),
            execution: carried.execution.0,
        }
    }
}

impl From<StoredCarried> for CarriedItem {
    fn from(stored: StoredCarried) -> Self {
        Self {
            item: Item {
                index: stored.index,
                value: stored.item,
            },
            execution: ExecutionId(stored.execution),
        }
    }
}

impl From<&Trigger> for StoredTrigger {
    fn from(trigger: &Trigger) -> Self {
        Self {
            kind: trigger.kind.clone(),
            detail: trigger.detail.clone(),
        }
    }
}

impl From<StoredTrigger> for Trigger {
    fn from(stored: StoredTrigger) -> Self {
        Self {
            kind: stored.kind,
            detail: stored.detail,
        }
    }
}

impl From<&GitState> for StoredGit {
    fn from(git: &GitState) -> Self {
        Self {
            commit: git.commit.clone(),
            dirty: git.dirty,
        }
    }
}

impl From<StoredGit> for GitState {
    fn from(stored: StoredGit) -> Self {
        Self {
            commit: stored.commit,
            dirty: stored.dirty,
        }
    }
}

impl From<&PathBuf> for StoredPath {
    fn from(path: &PathBuf) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.clone().into_os_string().into_vec()),
        }
    }
}

impl From<StoredPath> for PathBuf {
    fn from(stored: StoredPath) -> Self {
        match stored {
            StoredPath::Text(text) => Self::from(text),
            StoredPath::Bytes(bytes) => Self::from(OsString::from_vec(bytes)),
        }
    }
}

impl From<RunEnd> for StoredRunEnd {
    fn from(end: RunEnd) -> Self {
        match end {
            RunEnd::Succeeded => Self::Succeeded,
            RunEnd::Failed => Self::Failed,
            RunEnd::Refused => Self::Refused,
            RunEnd::Cancelled => Self::Cancelled,
        }
    }
}

impl From<StoredRunEnd> for RunEnd {
    fn from(stored: StoredRunEnd) -> Self {
        match stored {
            StoredRunEnd::Succeeded => Self::Succeeded,
            StoredRunEnd::Failed => Self::Failed,
            StoredRunEnd::Refused => Self::Refused,
            StoredRunEnd::Cancelled => Self::Cancelled,
        }
    }
}
