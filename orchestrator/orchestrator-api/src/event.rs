//! One line of the stream of events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::status::{AttemptError, Reason};
use crate::timestamp;
use crate::version::DocumentVersion;
use crate::words::EventType;

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventLine {
    /// 1.
    pub version: DocumentVersion,
    /// Its number; one counter for a state folder, rising, possibly with gaps.
    pub seq: u64,
    /// When.
    #[serde(with = "timestamp")]
    pub at: DateTime<Utc>,
    /// The run.
    pub run_id: Uuid,
    /// What.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// Id of the step that it is about.
    pub step: Option<String>,
    /// That step's item, from 0.
    pub item_index: Option<u32>,
    /// Number of the attempt that it is about.
    pub attempt: Option<u32>,
    /// Why it was decided.
    pub reason: Option<Reason>,
    /// Why the attempt failed.
    pub error: Option<AttemptError>,
}

impl EventLine {
    /// The media type of lines as programs read them; a browser asks for `text/event-stream`.
    pub const MEDIA_TYPE: &str = "application/x-ndjson";
}
