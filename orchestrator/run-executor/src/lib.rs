//! Preparing attempts, launching them, and looking at what they leave.
//!
//! [`LocalExecutor`] stands behind the engine's `Executor` seam: it writes what an attempt is given,
//! has the keeper start it, and reads, checks, digests and syncs its outputs before its end is
//! reported. [`prepare`] and [`verify`] are the same looks at files for whoever asks without a daemon.
//!
//! It does not know the store, nor why a step runs: tasks come with everything that they need.
//!
//! # Invariant
//!
//! An attempt is reported as lost only when nothing of it is alive, and as ended only when its
//! outputs are durable.

mod executor;
mod failures;
mod launch;
pub mod layout;
pub mod limits;
mod memo;
mod outputs;
mod prepare;
mod secrets;
mod trace_context;
mod verify;

pub use executor::{
    ExecutorConfig, ExecutorError, KeeperHealth, KeeperState, LocalExecutor, may_live_on,
};
pub use launch::{ByHand, by_hand};
pub use memo::DigestMemo;
pub use outputs::bless;
pub use prepare::prepare;
pub use secrets::{Secrets, of_environment as secret_of_environment};
pub use trace_context::{attempt_span_id, run_span_id, trace_id};
pub use verify::verify;
