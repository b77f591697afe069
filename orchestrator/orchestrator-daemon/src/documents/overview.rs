//! The overview: a daemon and its runs in numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use orchestrator_api as api;
use orchestrator_api::{DaemonInfo, DocumentVersion};
use run_engine::reason::{Reason, ReasonCode};

use super::milliseconds;
use super::words::{reason, run_state, step_state};
use crate::views::LiveRun;

/// Whether nothing at all starts for this reason. Steps also wait for their turn; that hinders nothing.
pub(crate) fn hinders(why: &Reason) -> bool {
    !matches!(why.code, ReasonCode::Slots | ReasonCode::Pool)
}

/// A daemon with these unfinished runs and these newest ones.
pub(crate) fn overview(
    info: &DaemonInfo,
    unfinished: &[Arc<LiveRun>],
    latest: Vec<api::RunSummary>,
    now: DateTime<Utc>,
) -> api::Overview {
    let mut runs = BTreeMap::new();
    let mut steps = BTreeMap::new();
    for live in unfinished {
        *runs.entry(run_state(&live.view, true)).or_default() += 1;
        for step in live.view.steps.iter() {
            *steps.entry(step_state(step.phase)).or_default() += 1;
        }
    }
    let mut waiting = unfinished.iter().flat_map(|live| live.waiting.iter());
    let hindrance = waiting.find(|waiting| hinders(&waiting.why));
    api::Overview {
        version: DocumentVersion,
        build: info.build.clone(),
        pid: info.pid,
        state_dir: info.state_dir.clone(),
        started_at: info.started_at,
        uptime_ms: milliseconds(info.started_at, now),
        hindrance: hindrance.map(|waiting| reason(&waiting.why).text),
        runs,
        steps,
        latest,
    }
}
