//! The loop over fakes of its three seams.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "run_loop/recovery.rs"]
mod recovery;
#[path = "run_loop/reuse.rs"]
mod reuse;
#[path = "run_loop/running.rs"]
mod running;
