//! Statistics of a split: what a person wants to know of every column, and what validation
//! compares.
//!
//! The shapes are those of TensorFlow Metadata's `statistics.proto`; the values are accumulated in
//! one pass over the row groups, on all cores, and merge: the statistics of shards give those of
//! the whole, exactly for counts, within stated bounds where a sketch takes over.
//!
//! It does not know what a schema demands; of a schema it reads only which integers are categories.

mod accumulator;
mod categories;
mod compute;
mod model;
pub(crate) mod number;
mod numeric;
mod quantiles;
mod sketch;
mod store;

pub use compute::{compute, compute_split};
pub use model::{
    Bucket, CommonStatistics, CustomStatistic, DatasetFeatureStatistics, FeatureNameStatistics,
    Histogram, HistogramType, NumericStatistics, RankBucket, RankHistogram, StringStatistics,
    TopValue, Type,
};
pub use quantiles::QuantileSketch;
pub use sketch::SplitSketch;
pub use store::{digest, read, read_sketch, write};
