//! Identities of runs, executions, artifacts and attempts.
//!
//! All are UUID v7: sorted by time and prefix-scannable. Nothing here makes one; the clock seam does.

use std::fmt;

use pipeline_plan::NodeId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A run of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

/// One step's work within a run, over all of its attempts. The last 16 bits are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionId(pub Uuid);

/// An artifact: its execution's id with the artifact's number in the last 16 bits, so that an
/// artifact is found through its execution without an index of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactId(pub Uuid);

/// Number of the first artifact of type Files among an execution's; outputs count from 1.
pub const FIRST_FILES_NUMBER: u16 = 0x8000;

/// One attempt of one step. The number fences off the late report of an earlier attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// The run.
    pub run: RunId,
    /// The step.
    pub node: NodeId,
    /// Counts from 1.
    pub number: u32,
}

const NUMBER_BITS: u128 = 0xFFFF;

impl ExecutionId {
    /// An execution's id out of a fresh UUID v7.
    pub fn new(fresh: Uuid) -> Self {
        Self(Uuid::from_u128(fresh.as_u128() & !NUMBER_BITS))
    }

    /// The id of this execution's artifact of that number.
    pub fn artifact(self, number: u16) -> ArtifactId {
        ArtifactId(Uuid::from_u128(self.0.as_u128() | u128::from(number)))
    }
}

impl ArtifactId {
    /// The execution that it belongs to.
    pub fn execution(self) -> ExecutionId {
        ExecutionId::new(self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
