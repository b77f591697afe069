//! The crash matrix: every write of a set of scenarios is the one at which the daemon dies.
//!
//! The write is lost, or it lands and some of the effects that follow it are carried out. The attempts
//! die with the daemon, or live on. Whatever dies, the outcome is that of an undisturbed run, nothing
//! that ended well runs again, and never do two attempts of one step live.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at what it did not expect"
)]

mod support;

#[path = "crash_matrix/matrix.rs"]
mod matrix;
#[path = "crash_matrix/play.rs"]
mod play;
#[path = "crash_matrix/scenarios.rs"]
mod scenarios;
