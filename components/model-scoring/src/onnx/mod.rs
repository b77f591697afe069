//! ONNX files of the models that run without any other library.
//!
//! Written: one `LinearClassifier`, `LinearRegressor`, `TreeEnsembleClassifier` or
//! `TreeEnsembleRegressor` over one float tensor `[rows, features]`, as any ONNX runtime takes it.
//! Read: those, as skl2onnx and onnxmltools write them (`zipmap=False`), with what they put around
//! them. Anything else is an error that names the operator.

mod messages;
mod read;
mod trees;
mod write;

pub use read::{Description, describe, read};
pub use write::write;

/// The domain of the operators of classical machine learning.
const ML_DOMAIN: &str = "ai.onnx.ml";
