//! A model folder as a function from raw rows to predictions.
//!
//! Serving, evaluation, checks before a push and batch prediction all go through [`model::score`]: one
//! code path from a raw row to a prediction, so that training and serving cannot differ.
//! This crate knows how to compute and how to read and write what is computed from; it does not know
//! how anything is fitted.

mod error;
pub mod evaluation;
pub mod expression;
pub mod graph;
pub mod importance;
pub mod metrics;
pub mod model;
pub mod onnx;
pub mod predictor;
pub mod rows;
pub mod signature;

pub use error::ScoringError;
