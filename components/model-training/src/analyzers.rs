//! Analyzers: from what a transformation should do and the training split to a fitted graph.
//!
//! [`Spec`] is what the user wrote; [`fit`] takes it to a [`Graph`](model_scoring::graph::Graph), reading the training split once for
//! every stage of operations that must be fitted (`impute: mean` before `z_score` are two). All
//! row groups of a stage are read on all cores and merged in their order. It does not know components.
//!
//! # Invariant
//!
//! Equal rows in equal files give an equal graph, whatever the number of threads.

mod accumulate;
mod error;
mod fit;
mod lanes;
mod operations;
mod spec;
mod wildcard;

pub use error::AnalysisError;
pub use fit::{TrainingSplit, fit};
pub use operations::{ImputeSpec, OperationSpec};
pub use spec::{FeatureSpec, LabelSpec, Spec, SpecProblem};

/// The most distinct values of a text label: more are no classes.
pub const TEXT_CLASSES_MAX: usize = 1_000;
/// The most distinct values of an integer label that are classes; with more it is a number.
pub const INTEGER_CLASSES_MAX: usize = 100;
/// The most distinct terms that are counted for one vocabulary: about a gigabyte of memory.
pub const VOCABULARY_TERMS_MAX: usize = 10_000_000;
