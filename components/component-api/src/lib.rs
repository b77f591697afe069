//! What a component is to the rest of the product: artifact types, manifests and the worker contract.
//!
//! Pure. It knows neither how steps are scheduled nor how any component does its work, and
//! touches no file: paths are values here.
#![deny(clippy::disallowed_methods)]

pub mod artifact;
pub mod catalog;
pub mod contract;
pub mod files;
pub mod manifest;
pub mod span;
