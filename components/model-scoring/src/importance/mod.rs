//! Which inputs a model's predictions hang on.
//!
//! [`permutation`] asks any model: how much worse does it get when a raw column is shuffled. `shap`
//! looks into trees: how much does each feature add to each prediction. It does not know files or
//! reports.

mod permutation;
mod sample;
mod shap;

pub use permutation::{Permuted, permutation};
pub use sample::Sample;
pub use shap::{Explanation, explain, shap_importances};
