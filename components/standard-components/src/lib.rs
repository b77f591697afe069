//! The components that ship with the binary, a module each.
//!
//! A module is thin: it reads the worker contract and calls `example-data`, `model-scoring` or
//! `model-training`. None of them knows the engine, the store or that it is part of a pipeline.

mod batches;
mod blessing;
mod checks;
mod command_line;
mod evaluate;
mod files;
mod folder_digest;
mod graph_folder;
mod infra_validate;
mod ingest;
mod invocation;
mod package_model;
mod predict;
mod push;
mod registry;
mod schema;
mod statistics;
mod train;
mod transform;
mod validate;

pub use command_line::run;
pub use registry::catalog;
