//! Analyzers and trainers that write a model folder.
//!
//! A trainer is a function from a [`Dataset`] of numbers and its options to a
//! [`model_scoring::predictor::Predictor`] and the history of the fit. None of
//! them knows files, columns or components: [`split`] makes the dataset of
//! examples, [`model_folder`] writes what was learned.
//!
//! # Invariant
//!
//! The same dataset, options and seed give the same predictor, bit for bit,
//! whatever the number of threads: every sum is taken in an order that depends
//! on the data alone.

pub mod analyzers;
pub mod baseline;
pub mod boosted_trees;
pub mod dataset;
mod error;
pub mod history;
mod lbfgs;
mod limits;
pub mod linear;
pub mod logistic;
mod matrix;
pub mod model_folder;
mod random;
pub mod split;
mod standardize;
pub mod weighting;

pub use dataset::{Dataset, Label};
pub use error::TrainingError;
pub use history::{Fit, History, Iteration, Progress};
