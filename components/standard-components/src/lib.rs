//! The components that ship with the binary, a module each.
//!
//! A module is thin: it reads the worker contract and calls `example-data`, `model-scoring` or
//! `model-training`. None of them knows the engine, the store or that it is part of a pipeline.

mod command_line;
mod invocation;
mod registry;

pub use command_line::run;
pub use registry::catalog;
