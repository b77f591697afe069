//! The simulation: seeded random runs on machines that fail, against the real loop.
//!
//! A seed makes a world: pipelines, what their steps do, which kinds of trouble there are. Then one thing
//! after another happens, drawn by chance: reports arrive late, in any order, twice or never; attempts
//! end; runs are asked for, retried, cancelled; daemons, keepers and machines die; clocks jump. After a
//! while the trouble ends, everything comes to rest, and what is left is held against what the steps do.
//!
//! A seed that fails is played again with its log printed; `SEED=7 cargo test -p orchestrator-daemon
//! --test simulation` plays it alone. `SEEDS=100000` in its place plays so many.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test stops at what it did not expect, and tells what it saw"
)]

mod support;

#[path = "simulation/chance.rs"]
mod chance;
#[path = "simulation/oracle.rs"]
mod oracle;
#[path = "simulation/pipelines.rs"]
mod pipelines;
#[path = "simulation/reports.rs"]
mod reports;
#[path = "simulation/seeds.rs"]
mod seeds;
#[path = "simulation/trouble.rs"]
mod trouble;
#[path = "simulation/universe.rs"]
mod universe;
