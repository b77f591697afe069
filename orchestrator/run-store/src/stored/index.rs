//! What index rows hold.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::artifact::StoredArtifact;
use super::codec::Stored;

/// A run of a pipeline; the key says it all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredMember {}

/// A finished run, by its last event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredLast {
    pub(crate) first_seq: u64,
}

/// A finished run whose journal rows are still to be removed; the key says it all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredClearing {}

/// The newest execution with a reuse key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredReuse {
    pub(crate) execution: Uuid,
}

/// The newest intent of a step: in its execution once that is over, in its journal until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredStart {
    pub(crate) execution: Uuid,
    pub(crate) run: Uuid,
    pub(crate) seq: u64,
}

/// A Model that passed an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredBlessing {
    pub(crate) model: String,
    pub(crate) artifact: StoredArtifact,
}

/// A Model that was pushed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredPushed {
    pub(crate) model: String,
    pub(crate) artifact: StoredArtifact,
}

/// What a step gave: the execution that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredGiven {
    pub(crate) execution: Uuid,
}

/// What a step gave last of a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSpan {
    pub(crate) execution: Uuid,
    /// Whether a later step of that run refused it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) refused: bool,
}

/// The newest version that was pushed of a model to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredPush {
    pub(crate) destination: String,
    pub(crate) model: String,
    pub(crate) version: i64,
}

impl Stored for StoredMember {
    const WHAT: &'static str = "a pipeline's run";
}

impl Stored for StoredLast {
    const WHAT: &'static str = "a run's last event";
}

impl Stored for StoredClearing {
    const WHAT: &'static str = "a journal to be removed";
}

impl Stored for StoredReuse {
    const WHAT: &'static str = "a reuse key";
}

impl Stored for StoredStart {
    const WHAT: &'static str = "a step's newest start";
}

impl Stored for StoredBlessing {
    const WHAT: &'static str = "a blessing";
}

impl Stored for StoredPushed {
    const WHAT: &'static str = "a pushed model";
}

impl Stored for StoredGiven {
    const WHAT: &'static str = "what a step gave";
}

impl Stored for StoredSpan {
    const WHAT: &'static str = "what a step gave of a span";
}

impl Stored for StoredPush {
    const WHAT: &'static str = "a push";
}
