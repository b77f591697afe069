//! Blocks of reuses: up to a hundred reused steps in one row, 25 bytes each.
//!
//! A reuse says which step and which execution; the rest is read from that execution. A block
//! holds reuses of one run and one turn, and stands under the sequence number of its last.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use pipeline_plan::NodeId;
use run_engine::event::Carried;
use run_engine::ids::ExecutionId;
use run_engine::seams::StoreError;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::event::impossible;
use super::time::Micros;
use crate::limits::{BLOCK_ENTRIES_MAX, BLOCK_SPAN_MAX};

/// node (4), sequence number after the first (2), microseconds after the first (4), the source's
/// id without its last two bytes, which are zero (14), flags (1); numbers big-endian.
const ENTRY_BYTES: usize = 25;
const SOURCE_BYTES: usize = 14;
const CARRIED: u8 = 1;
const REFUSED: u8 = 2;
const NOT_SELECTED: u8 = 4;

/// A block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reuses {
    first_seq: u64,
    at: Micros,
    entries: Packed,
}

/// Entries one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Packed(Vec<u8>);

/// One reuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reuse {
    /// Its number among all events of the store.
    pub(crate) seq: u64,
    /// The step.
    pub(crate) node: NodeId,
    /// The execution whose outputs stand in.
    pub(crate) source: ExecutionId,
    /// Why it was carried over, if it was.
    pub(crate) carried: Option<Carried>,
    /// Whether that execution refused.
    pub(crate) refused: bool,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

impl Reuses {
    /// A block that begins with this reuse.
    pub(crate) fn begin(first: &Reuse) -> Self {
        let mut block = Self {
            first_seq: first.seq,
            at: first.at.into(),
            entries: Packed(Vec::new()),
        };
        block.push(first, 0, 0);
        block
    }

    /// Adds a later reuse; false if the block has no room for it.
    pub(crate) fn add(&mut self, reuse: &Reuse) -> bool {
        let Some(behind) = reuse.seq.checked_sub(self.first_seq) else {
            return false;
        };
        let micros = Micros::from(reuse.at).0.checked_sub(self.at.0);
        let Some(micros) = micros.and_then(|micros| u32::try_from(micros).ok()) else {
            return false;
        };
        if self.len() == BLOCK_ENTRIES_MAX || behind >= BLOCK_SPAN_MAX {
            return false;
        }
        self.push(reuse, behind as u16, micros);
        true
    }

    fn push(&mut self, reuse: &Reuse, behind: u16, micros: u32) {
        let carried = match reuse.carried {
            None => 0,
            Some(Carried::Retry) => CARRIED,
            Some(Carried::NotSelected) => CARRIED | NOT_SELECTED,
        };
        let flags = carried | if reuse.refused { REFUSED } else { 0 };
        let bytes = &mut self.entries.0;
        bytes.extend_from_slice(&reuse.node.0.to_be_bytes());
        bytes.extend_from_slice(&behind.to_be_bytes());
        bytes.extend_from_slice(&micros.to_be_bytes());
        bytes.extend_from_slice(&reuse.source.0.as_bytes()[..SOURCE_BYTES]);
        bytes.push(flags);
    }

    /// How many reuses it holds.
    pub(crate) fn len(&self) -> usize {
        self.entries.0.len() / ENTRY_BYTES
    }

    /// The sequence number of its last reuse, under which it stands.
    pub(crate) fn last_seq(&self) -> u64 {
        let last = self.entries.0.chunks_exact(ENTRY_BYTES).next_back();
        let behind = last.map_or(0, |entry| u16::from_be_bytes([entry[4], entry[5]]));
        self.first_seq + u64::from(behind)
    }

    /// Its reuses in order.
    pub(crate) fn reuses(&self) -> Result<Vec<Reuse>, StoreError> {
        if !self.entries.0.len().is_multiple_of(ENTRY_BYTES) {
            return Err(impossible("a block of reuses is cut off"));
        }
        let entries = self.entries.0.chunks_exact(ENTRY_BYTES);
        entries.map(|entry| self.reuse(entry)).collect()
    }

    fn reuse(&self, entry: &[u8]) -> Result<Reuse, StoreError> {
        let mut source = [0; 16];
        source[..SOURCE_BYTES].copy_from_slice(&entry[10..10 + SOURCE_BYTES]);
        let micros = u32::from_be_bytes([entry[6], entry[7], entry[8], entry[9]]);
        let first: DateTime<Utc> = self.at.try_into()?;
        let at = first.checked_add_signed(TimeDelta::microseconds(i64::from(micros)));
        let flags = entry[ENTRY_BYTES - 1];
        Ok(Reuse {
            seq: self.first_seq + u64::from(u16::from_be_bytes([entry[4], entry[5]])),
            node: NodeId(u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]])),
            source: ExecutionId(Uuid::from_bytes(source)),
            carried: match (flags & CARRIED != 0, flags & NOT_SELECTED != 0) {
                (false, _) => None,
                (true, false) => Some(Carried::Retry),
                (true, true) => Some(Carried::NotSelected),
            },
            refused: flags & REFUSED != 0,
            at: at.ok_or_else(|| impossible("a reuse is in no year"))?,
        })
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(PackedVisitor)
    }
}

struct PackedVisitor;

impl Visitor<'_> for PackedVisitor {
    type Value = Packed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("packed reuses")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Packed, E> {
        Ok(Packed(bytes.to_vec()))
    }
}
