//! Schemas: what the data should look like.
//!
//! `schema.yaml` carries TensorFlow Metadata's `Schema` under the proto's own names, written by a
//! person or inferred from statistics by TFDV's rules. Fields that this version does not use are
//! kept as they are.
//!
//! It does not compare a schema with data; [`crate::anomalies`] does.

mod constraints;
mod domains;
mod infer;
mod model;
mod store;

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
