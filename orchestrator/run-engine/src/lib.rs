//! The run engine: what may happen to a run, and what follows.
//!
//! Pure. It reads no clock and does no IO: `now` is an argument, effects are the caller's. It
//! knows neither how events are stored nor how attempts are executed; both stand behind [`seams`].
//!
//! # Invariant
//!
//! Any prefix of a valid journal is a valid journal: the daemon may die between any two events.
#![deny(clippy::disallowed_methods)]

mod apply;
mod approval;
pub mod artifact;
pub mod decide;
pub mod event;
mod expansion;
pub mod failure_code;
mod finally;
pub mod ids;
pub mod invariants;
pub mod launch;
mod pages;
pub mod reason;
pub mod retry;
pub mod reuse;
pub mod seams;
pub mod state;
pub mod tasks;

pub use apply::{ApplyError, event_name};
pub use pages::Pages;
/// The plan, whose types the seams' own types hold: who stands behind a seam needs no other way to them.
pub use pipeline_plan as plan;
