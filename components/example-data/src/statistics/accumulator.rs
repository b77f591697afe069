//! The accumulator of one feature: presence, number of values, and the values themselves.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};
use serde::{Deserialize, Serialize};

use super::categories::CategoryAccumulator;
use super::model::{
    Bucket, CommonStatistics, CustomStatistic, FeatureNameStatistics, Histogram, HistogramType,
    Type,
};
use super::numeric::{NumericAccumulator, quantile_buckets};
use super::quantiles::QuantileSketch;
use crate::DataError;
use crate::limits::HISTOGRAM_BUCKETS;

/// The custom statistic by which a timestamp column tells schema inference what its integers are.
const TIMESTAMP_DOMAIN: &str = "time_domain { integer_format: UNIX_MICROSECONDS }";

/// What one pass over a feature leaves behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FeatureAccumulator {
    pub(super) name: String,
    kind: Kind,
    num_missing: u64,
    num_non_missing: u64,
    tot_num_values: u64,
    min_num_values: u64,
    max_num_values: u64,
    /// Numbers of values, kept for lists only.
    lengths: Option<QuantileSketch>,
    values: Values,
}

/// What a column holds and how its values are to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Int,
    Float,
    Timestamp,
    CategoricalInt,
    Boolean,
    Text,
    Bytes,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Values {
    Numbers(NumericAccumulator),
    Categories(CategoryAccumulator),
}

impl FeatureAccumulator {
    /// An accumulator that has seen nothing yet.
    pub(super) fn new(field: &Field, categorical: bool) -> Result<Self, DataError> {
        let (data_type, list) = match field.data_type() {
            DataType::List(item) => (item.data_type(), true),
            other => (other, false),
        };
        let kind = match data_type {
            DataType::Int64 if categorical => Kind::CategoricalInt,
            DataType::Int64 => Kind::Int,
            DataType::Float64 => Kind::Float,
            DataType::Timestamp(_, _) => Kind::Timestamp,
            DataType::Boolean => Kind::Boolean,
            DataType::Utf8 => Kind::Text,
            DataType::Binary => Kind::Bytes,
            other => {
                return Err(DataError::Request(format!(
                    "column `{}` is of type {other}, which has no statistics",
                    field.name()
                )));
            }
        };
        let values = match kind {
            Kind::Int | Kind::Float | Kind::Timestamp => {
                Values::Numbers(NumericAccumulator::default())
            }
            Kind::CategoricalInt | Kind::Boolean | Kind::Text | Kind::Bytes => {
                Values::Categories(CategoryAccumulator::default())
            }
        };
        Ok(Self {
            name: field.name().clone(),
            kind,
            num_missing: 0,
            num_non_missing: 0,
            tot_num_values: 0,
            min_num_values: 0,
            max_num_values: 0,
            lengths: list.then(QuantileSketch::default),
            values,
        })
    }

    /// The accumulator of one more batch's column, to be merged.
    pub(super) fn of(&self, column: &ArrayRef) -> Result<Self, DataError> {
        let mut part = Self {
            lengths: self.lengths.as_ref().map(|_| QuantileSketch::default()),
            values: match self.values {
                Values::Numbers(_) => Values::Numbers(NumericAccumulator::default()),
                Values::Categories(_) => Values::Categories(CategoryAccumulator::default()),
            },
            name: self.name.clone(),
            num_missing: column.null_count() as u64,
            num_non_missing: (column.len() - column.null_count()) as u64,
            tot_num_values: 0,
            min_num_values: 0,
            max_num_values: 0,
            kind: self.kind,
        };
        if part.lengths.is_some() {
            let lists = column.as_list::<i32>();
            let present: Vec<ArrayRef> = lists.iter().flatten().collect();
            let lengths: Vec<f64> = present
                .iter()
                .map(|list| (list.len() - list.null_count()) as f64)
                .collect();
            part.min_num_values = lengths.iter().copied().fold(f64::INFINITY, f64::min) as u64;
            if lengths.is_empty() {
                part.min_num_values = 0;
            }
            part.max_num_values = lengths.iter().copied().fold(0.0, f64::max) as u64;
            part.tot_num_values = lengths.iter().sum::<f64>() as u64;
            if let Some(sketch) = &mut part.lengths {
                sketch.insert(&lengths);
            }
            let borrowed: Vec<&dyn Array> = present.iter().map(AsRef::as_ref).collect();
            if !borrowed.is_empty() {
                let flat = arrow_select::concat::concat(&borrowed).map_err(|error| {
                    DataError::arrow(
                        format!("cannot flatten the lists of column `{}`", self.name),
                        error,
                    )
                })?;
                part.values = values_of(&flat, self.kind);
            }
        } else {
            let one = u64::from(part.num_non_missing > 0);
            (part.min_num_values, part.max_num_values) = (one, one);
            part.tot_num_values = part.num_non_missing;
            part.values = values_of(column, self.kind);
        }
        Ok(part)
    }

    /// Takes another part of the data in.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), DataError> {
        if self.name != other.name
            || self.kind != other.kind
            || self.lengths.is_some() != other.lengths.is_some()
        {
            return Err(DataError::Request(format!(
                "cannot merge the statistics of `{}` and `{}`: they are not of the same column and type",
                self.name, other.name
            )));
        }
        if other.num_non_missing > 0 {
            self.min_num_values = if self.num_non_missing == 0 {
                other.min_num_values
            } else {
                self.min_num_values.min(other.min_num_values)
            };
            self.max_num_values = self.max_num_values.max(other.max_num_values);
        }
        self.num_missing += other.num_missing;
        self.num_non_missing += other.num_non_missing;
        self.tot_num_values += other.tot_num_values;
        if let (Some(lengths), Some(more)) = (&mut self.lengths, &other.lengths) {
            lengths.merge(more);
        }
        match (&mut self.values, &other.values) {
            (Values::Numbers(own), Values::Numbers(more)) => own.merge(more),
            (Values::Categories(own), Values::Categories(more)) => own.merge(more),
            // The kinds are equal, and they decide which it is.
            (Values::Numbers(_), Values::Categories(_))
            | (Values::Categories(_), Values::Numbers(_)) => {}
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> FeatureNameStatistics {
        let common = self.common();
        let (num_stats, string_stats) = match &self.values {
            Values::Numbers(numbers) => (Some(numbers.finish(common)), None),
            Values::Categories(categories) => (None, Some(categories.finish(common))),
        };
        let custom_stats = if self.kind == Kind::Timestamp {
            vec![CustomStatistic {
                name: "domain_info".to_owned(),
                str: TIMESTAMP_DOMAIN.to_owned(),
                ..CustomStatistic::default()
            }]
        } else {
            Vec::new()
        };
        FeatureNameStatistics {
            name: self.name.clone(),
            feature_type: match self.kind {
                Kind::Int | Kind::Timestamp | Kind::CategoricalInt => Type::Int,
                Kind::Float => Type::Float,
                Kind::Boolean | Kind::Text | Kind::Bytes => Type::String,
            },
            num_stats,
            string_stats,
            custom_stats,
            validation_derived_source: None,
        }
    }

    fn common(&self) -> CommonStatistics {
        let present = self.num_non_missing;
        let buckets = if present == 0 {
            None
        } else if let Some(lengths) = &self.lengths {
            let (min, max) = (self.min_num_values as f64, self.max_num_values as f64);
            Some(quantile_buckets(&lengths.weighted_values(), min, max))
        } else {
            let share = present as f64 / HISTOGRAM_BUCKETS as f64;
            let bucket = Bucket {
                low_value: 1.0,
                high_value: 1.0,
                sample_count: share,
            };
            Some(vec![bucket; HISTOGRAM_BUCKETS])
        };
        CommonStatistics {
            num_non_missing: present,
            num_missing: self.num_missing,
            min_num_values: self.min_num_values,
            max_num_values: self.max_num_values,
            avg_num_values: if present == 0 {
                0.0
            } else {
                self.tot_num_values as f64 / present as f64
            },
            tot_num_values: self.tot_num_values,
            num_values_histogram: buckets.map(|buckets| Histogram {
                num_nan: 0,
                buckets,
                histogram_type: HistogramType::Quantiles,
            }),
            presence_and_valency_stats: Vec::new(),
        }
    }
}

/// Accumulates the values that are not null.
fn values_of(column: &ArrayRef, kind: Kind) -> Values {
    let mut categories = CategoryAccumulator::default();
    match kind {
        Kind::Int => {
            let numbers = column.as_primitive::<Int64Type>();
            return Values::Numbers(NumericAccumulator::of(
                numbers.iter().flatten().map(|value| value as f64).collect(),
            ));
        }
        Kind::Timestamp => {
            let numbers = column.as_primitive::<TimestampMicrosecondType>();
            return Values::Numbers(NumericAccumulator::of(
                numbers.iter().flatten().map(|value| value as f64).collect(),
            ));
        }
        Kind::Float => {
            let numbers = column.as_primitive::<Float64Type>();
            return Values::Numbers(NumericAccumulator::of(numbers.iter().flatten().collect()));
        }
        Kind::CategoricalInt => {
            for value in column.as_primitive::<Int64Type>().iter().flatten() {
                categories.observe(&value.to_string());
            }
        }
        Kind::Boolean => {
            let booleans = column.as_boolean();
            let truths = booleans.true_count() as u64;
            let lies = booleans.false_count() as u64;
            if truths > 0 {
                categories.observe_many("true", truths);
            }
            if lies > 0 {
                categories.observe_many("false", lies);
            }
        }
        Kind::Text => {
            for value in column.as_string::<i32>().iter().flatten() {
                categories.observe(value);
            }
        }
        Kind::Bytes => {
            for value in column.as_binary::<i32>().iter().flatten() {
                categories.observe_bytes(value);
            }
        }
    }
    categories.bound();
    Values::Categories(categories)
}
