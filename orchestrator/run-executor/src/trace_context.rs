//! The trace of a run (W3C Trace Context): identities that follow from the run's own.
//!
//! So whoever starts an attempt and whoever tells of it later need not speak to each other, and a
//! daemon that takes a run up tells of the same trace.

use run_engine::ids::{AttemptId, RunId};

use crate::executor::name_of;

/// The variable in which an attempt is told its place in the trace.
pub(crate) const VARIABLE: &str = "TRACEPARENT";

/// The trace that a run is.
pub fn trace_id(run: RunId) -> [u8; 16] {
    run.0.into_bytes()
}

/// The span that a run is in its trace.
pub fn run_span_id(run: RunId) -> [u8; 8] {
    span_id(&run.to_string())
}

/// The span that an attempt is in its run's trace.
pub fn attempt_span_id(attempt: AttemptId) -> [u8; 8] {
    span_id(&name_of(attempt))
}

/// What an attempt is told: version 00, the trace, its own span as the parent of what it does, sampled.
pub(crate) fn traceparent(attempt: AttemptId) -> String {
    let trace = u128::from_be_bytes(trace_id(attempt.run));
    let span = u64::from_be_bytes(attempt_span_id(attempt));
    format!("00-{trace:032x}-{span:016x}-01")
}

/// From the name of what is unlike everything else.
fn span_id(name: &str) -> [u8; 8] {
    let digest = blake3::hash(name.as_bytes());
    let mut id = [0; 8];
    id.copy_from_slice(&digest.as_bytes()[..8]);
    id
}
