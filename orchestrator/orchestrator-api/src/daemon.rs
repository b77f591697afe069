//! Who holds the state folder.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::timestamp;
use crate::version::DocumentVersion;

/// A daemon about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonInfo {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of its build; a client of another build replaces the daemon.
    pub build: String,
    /// Its process.
    pub pid: u32,
    /// Absolute path of the state folder.
    pub state_dir: String,
    /// When it started.
    #[serde(with = "timestamp")]
    pub started_at: DateTime<Utc>,
}
