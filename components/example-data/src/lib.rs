//! Examples, schemas and statistics over Arrow batches.
//!
//! What data *is* for every component: how examples lie on disk ([`examples`]), how files become
//! examples ([`ingest`], [`splits`]), what their statistics are ([`statistics`]), what a schema says
//! and how one is inferred ([`schema`]), and where the two disagree ([`anomalies`]).
//!
//! It does not know pipelines, steps, parameters of components, or models.
//!
//! # Invariant
//!
//! The same input gives the same bytes: no clock, no random source, no dependence on the number
//! of threads or on the order in which they finish.

#![expect(
    clippy::float_cmp,
    reason = "equal means equal here: a constant, the bound of a bucket, a fraction of exactly 1"
)]

pub mod anomalies;
pub mod column_type;
mod error;
pub mod examples;
pub mod ingest;
pub mod limits;
pub mod schema;
pub mod splits;
pub mod statistics;

pub use error::{Cell, DataError, Position, RowError};
