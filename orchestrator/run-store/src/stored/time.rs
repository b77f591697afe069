//! Times as rows hold them: microseconds since 1970 in UTC.

use chrono::{DateTime, Utc};
use run_engine::event::Timer;
use run_engine::seams::StoreError;
use serde::{Deserialize, Serialize};

use super::codec::damaged;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Micros(pub(crate) i64);

/// A point in time that something waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredTimer {
    due: Micros,
    duration_ms: u64,
}

impl From<Timer> for StoredTimer {
    fn from(timer: Timer) -> Self {
        Self {
            due: timer.due.into(),
            duration_ms: timer.duration_ms,
        }
    }
}

impl TryFrom<StoredTimer> for Timer {
    type Error = StoreError;

    fn try_from(stored: StoredTimer) -> Result<Self, StoreError> {
        Ok(Self {
            due: stored.due.try_into()?,
            duration_ms: stored.duration_ms,
        })
    }
}

impl From<DateTime<Utc>> for Micros {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl TryFrom<Micros> for DateTime<Utc> {
    type Error = StoreError;

    fn try_from(micros: Micros) -> Result<Self, StoreError> {
        Self::from_timestamp_micros(micros.0)
            .ok_or_else(|| damaged("a time", &format!("{} is in no year", micros.0)))
    }
}
