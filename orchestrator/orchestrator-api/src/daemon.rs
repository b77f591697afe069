//! Who holds the state folder.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::timestamp;
use crate::version::DocumentVersion;

/// A daemon about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DaemonInfo {
    /// 1.
    pub version: DocumentVersion,
    /// Identity of its build; a client of another build replaces the daemon.
    pub build: String,
    /// Its process.
    pub pid: u32,
    /// Absolute path of the state folder.
    pub state_dir: String,
    /// Whether a person started it, so that a client of another build leaves it in place.
    #[serde(default)]
    pub foreground: bool,
    /// Where it listens: `unix:PATH`, `http://HOST:PORT`, `https://HOST:PORT`.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// When it started.
    #[serde(with = "timestamp")]
    pub started_at: DateTime<Utc>,
}
