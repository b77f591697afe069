//! Fakes for the three seams, and a world in which a loop is driven, crashed and taken up again.
//!
//! Deterministic: no thread, no file, no clock of the machine. What survives a crash lives in
//! [`store::Disk`] and [`executor::Machine`]; a loop on top of both is made anew as often as one likes.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test binary uses a part of it, and is no library"
)]

pub mod audit;
pub mod clock;
pub mod executor;
pub mod plans;
pub mod rendering;
pub mod store;
pub mod world;
