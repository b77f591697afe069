//! Schemas: what the data should look like.
//!
//! `schema.yaml` carries TensorFlow Metadata's `Schema` under the proto's own names, written by a
//! person or inferred from statistics by TFDV's rules. Fields that this version does not use are
//! kept as they are.
//!
//! It does not compare a schema with data; [`crate::anomalies`] does.

mod accept;
mod change;
mod constraints;
mod domains;
mod edit;
mod infer;
mod model;
mod store;
mod update;

pub use accept::accept;
pub use change::{Change, Edit, Step, changes};
pub use constraints::{
    Comparator, DatasetConstraints, Dimension, DistributionConstraints, FeaturePresence,
    FixedShape, JensenShannonThreshold, NumericValueComparator, Threshold, UniqueConstraints,
    ValueCount, ValueCountList,
};
pub use domains::{BoolDomain, FloatDomain, IntDomain, StringDomain, TimeDomain};
pub use infer::infer;
pub use model::{
    Feature, FeatureType, LifecycleStage, OtherFields, Path, RopewalkBlock, Schema, WeightedFeature,
};
pub use store::{SCHEMA_FILE, read, write, write_file};
pub use update::update;
