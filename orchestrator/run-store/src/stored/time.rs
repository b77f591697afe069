//! Times as rows hold them: microseconds since 1970 in UTC.

use chrono::{DateTime, Utc};
use run_engine::seams::StoreError;
use serde::{Deserialize, Serialize};

use super::codec::damaged;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Micros(pub(crate) i64);

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
