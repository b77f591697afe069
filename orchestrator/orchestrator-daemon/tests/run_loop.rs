//! The loop over fakes of its three seams.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "run_loop/approvals.rs"]
mod approvals;
#[path = "run_loop/backoff.rs"]
mod backoff;
#[path = "run_loop/clock.rs"]
mod clock;
#[path = "run_loop/conditions.rs"]
mod conditions;
#[path = "run_loop/finally.rs"]
mod finally;
#[path = "run_loop/moments.rs"]
mod moments;
#[path = "run_loop/planning.rs"]
mod planning;
#[path = "run_loop/preparing.rs"]
mod preparing;
#[path = "run_loop/recovery.rs"]
mod recovery;
#[path = "run_loop/retry.rs"]
mod retry;
#[path = "run_loop/reuse.rs"]
mod reuse;
#[path = "run_loop/running.rs"]
mod running;
#[path = "run_loop/stuck.rs"]
mod stuck;
#[path = "run_loop/threads.rs"]
mod threads;
#[path = "run_loop/waiting.rs"]
mod waiting;
