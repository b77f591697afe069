//! A model measured on labelled raw rows, overall and by slices, and held against thresholds.
//!
//! Labels and weights come from the candidate's graph, for the candidate and the baseline alike; each
//! is scored through its own graph. It does not know parameters, files or what follows from a verdict.

mod measure;
mod slices;
mod thresholds;

pub use measure::{Evaluator, LeftOut, Measured, Measurement, SliceMetrics};
pub use slices::Slice;
pub use thresholds::{Bound, Check, Threshold, Verdict, check, number_text};

/// Most slices of one evaluation: a column with more values is no way to tell groups apart, and a
/// person reads far fewer.
pub const SLICES_MAX: usize = 1_000;
