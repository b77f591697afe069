//! Where statistics and a schema disagree.
//!
//! The kinds, their names and their conditions are those of TensorFlow Data Validation's list of
//! detected anomalies (its `anomalies` guide); shapes are those of `anomalies.proto`. Kinds of
//! images, natural language and sparse features are not detected.
//!
//! Where TFDV is silent and should not be, this is not: an L-infinity threshold on a number that is
//! not categorical is an error, and so is an environment that the schema does not mention.

mod comparators;
mod dataset;
mod divergence;
mod domains;
mod features;
mod model;
mod presence;
mod self_check;
mod store;
mod table;
mod weighted;

pub use features::{ValidationOptions, validate};
pub use model::{
    Anomalies, AnomalyInfo, AnomalyKind, DriftSkewInfo, FeaturePath, Measurement, MeasurementType,
    Reason, Severity,
};
pub use store::{read, write};
pub use table::table;
