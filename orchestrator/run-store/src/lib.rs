//! What is remembered of runs, in sled: journals, executions, artifacts, lineage, reuse.
//!
//! One thread writes through [`RunStore`], any number read through [`StoreReader`]s. Neither decides
//! anything: what follows from an event is the engine's, what a reader is shown the daemon's. How
//! rows and files look is written down in `docs/store-format.md`.
//!
//! # Invariant
//!
//! A turn is durable as a whole or not at all, and every file that a row names is durable before it.

mod acknowledged;
mod batch;
mod database;
mod error;
mod fold;
mod folder;
mod given;
mod journals;
mod keys;
mod limits;
mod live;
mod objects;
mod reader;
mod store;
mod stored;
mod turn;

pub use error::OpenError;
pub use reader::{ArtifactFilter, Ended, Journal, RunFilter, RunRow, StoreReader};
pub use store::RunStore;
