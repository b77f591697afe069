//! Documents: what the API tells of runs, steps, artifacts and events.
//!
//! The border between the engine's types and the wire's: plain functions from one to the other, so
//! that neither can change the other by accident. It reads nothing; whoever calls it has read.

mod artifacts;
mod diagnostics;
mod events;
mod overview;
mod pipelines;
mod runs;
mod status;
mod words;

use std::path::Path;
use std::sync::Arc;

pub(crate) use artifacts::artifact;
pub(crate) use diagnostics::diagnostic;
pub(crate) use events::event_line;
pub(crate) use overview::{hinders, overview};
pub(crate) use pipelines::version;
pub(crate) use runs::{Column, summary};
#[cfg(feature = "opentelemetry")]
pub(crate) use status::run_reason;
pub(crate) use status::{name, status, step};
#[cfg(feature = "opentelemetry")]
pub(crate) use words::attempt_state;
pub(crate) use words::{reason, run_end_word, run_state_word, step_state_word};

use crate::views::LiveRun;

/// A run as of one event, wherever it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The run.
    pub(crate) run: Arc<LiveRun>,
    /// Whether a daemon holds it; an unfinished run that none holds is interrupted.
    pub(crate) held: bool,
}

/// A path as text. Paths that are no Unicode are shown as nearly as can be.
pub(crate) fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What text says, if it says something.
fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// From one time to a later one. A clock that was set back gives 0.
fn milliseconds(from: chrono::DateTime<chrono::Utc>, to: chrono::DateTime<chrono::Utc>) -> u64 {
    u64::try_from((to - from).num_milliseconds()).unwrap_or(0)
}
