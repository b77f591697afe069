//! The way of a feature's columns through its operations.
//!
//! A lane is one column on its way to one feature. All lanes of a feature advance together; they stop
//! before an operation that must be fitted, say what must be counted, and go on with what was.

use std::collections::HashMap;

use example_data::statistics::QuantileSketch;
use model_scoring::graph::{
    Builder, DatePart, Literal, Operation, Output, Role, Strategy, ValueType, Vocabulary,
};

use super::accumulate::{Accumulator, Moments, terms};
use super::error::AnalysisError;
use super::operations::{ImputeSpec, OperationSpec};
use super::spec::FeatureSpec;

/// A feature (or several of the same operations) on its way.
pub(super) struct Lanes<'a> {
    spec: &'a FeatureSpec,
    position: usize,
    all: Vec<Lane>,
    next: usize,
}

struct Lane {
    name: String,
    node: usize,
}

impl<'a> Lanes<'a> {
    /// The lanes of these columns, at their beginning.
    pub(super) fn begin(
        spec: &'a FeatureSpec,
        position: usize,
        columns: &[String],
        builder: &mut Builder,
    ) -> Result<Self, AnalysisError> {
        let mut lanes = Self {
            spec,
            position,
            all: Vec::new(),
            next: 0,
        };
        if let (Some(OperationSpec::Expr(expression)), Some(name)) =
            (spec.operations.first(), &spec.name)
        {
            let node = expression
                .add_to(builder)
                .map_err(|error| lanes.wrong(None, error.to_string()))?;
            lanes.all.push(Lane {
                name: name.clone(),
                node,
            });
            lanes.next = 1;
            return Ok(lanes);
        }
        for column in columns {
            let node = builder
                .column(column)
                .map_err(|message| lanes.wrong(None, message))?;
            let name = spec.name.clone().unwrap_or_else(|| column.clone());
            lanes.all.push(Lane { name, node });
        }
        Ok(lanes)
    }

    fn wrong(&self, lane: Option<&Lane>, message: String) -> AnalysisError {
        let operation = if self.spec.operations.is_empty() {
            String::new()
        } else {
            format!(".ops[{}]", self.next.min(self.spec.operations.len() - 1))
        };
        let column = lane.map_or_else(String::new, |lane| format!(", `{}`", lane.name));
        AnalysisError::Feature {
            place: format!("features[{}]{operation}{column}", self.position),
            message,
        }
    }

    /// Goes through the operations up to the next that must be fitted, or to the end.
    pub(super) fn advance(&mut self, builder: &mut Builder) -> Result<(), AnalysisError> {
        while let Some(operation) = self.spec.operations.get(self.next) {
            if self.requests(builder).is_some() {
                return Ok(());
            }
            match operation {
                OperationSpec::Cross { buckets } => self.cross(*buckets, builder)?,
                OperationSpec::DateParts { parts, .. } => {
                    self.date_parts(parts, operation, builder)?;
                }
                _ => {
                    for at in 0..self.all.len() {
                        let input = builder.value_type(self.all[at].node);
                        let fixed = fixed(operation, input);
                        self.push(at, fixed, builder)?;
                    }
                }
            }
            self.next += 1;
        }
        Ok(())
    }

    /// What must be counted before the next operation, for every lane; `None` if nothing.
    pub(super) fn requests(&self, builder: &Builder) -> Option<Vec<(usize, Accumulator)>> {
        let operation = self.spec.operations.get(self.next)?;
        let mut requests = Vec::new();
        for lane in &self.all {
            requests.push((
                lane.node,
                accumulator(operation, builder.value_type(lane.node))?,
            ));
        }
        Some(requests)
    }

    /// Goes on with what was counted for each lane.
    pub(super) fn fitted(
        &mut self,
        counted: Vec<Accumulator>,
        builder: &mut Builder,
    ) -> Result<(), AnalysisError> {
        let Some(operation) = self.spec.operations.get(self.next) else {
            return Ok(());
        };
        for (at, accumulator) in counted.into_iter().enumerate() {
            let fitted = fit(operation, accumulator)
                .map_err(|message| self.wrong(self.all.get(at), message))?;
            self.push(at, fitted, builder)?;
        }
        self.next += 1;
        Ok(())
    }

    fn push(
        &mut self,
        at: usize,
        operation: Operation,
        builder: &mut Builder,
    ) -> Result<(), AnalysisError> {
        let node = builder
            .push(operation, vec![self.all[at].node])
            .map_err(|message| self.wrong(self.all.get(at), message))?;
        self.all[at].node = node;
        Ok(())
    }

    fn cross(
        &mut self,
        buckets: Option<usize>,
        builder: &mut Builder,
    ) -> Result<(), AnalysisError> {
        let inputs = self.all.iter().map(|lane| lane.node).collect();
        let mut node = builder
            .push(Operation::Cross, inputs)
            .map_err(|message| self.wrong(None, message))?;
        if let Some(buckets) = buckets {
            node = builder
                .push(Operation::Hash { buckets }, vec![node])
                .map_err(|message| self.wrong(None, message))?;
        }
        // The spec's check has it that a cross is named.
        let name = self.spec.name.clone().unwrap_or_default();
        self.all = vec![Lane { name, node }];
        Ok(())
    }

    fn date_parts(
        &mut self,
        parts: &[DatePart],
        operation: &OperationSpec,
        builder: &mut Builder,
    ) -> Result<(), AnalysisError> {
        let OperationSpec::DateParts { unit, .. } = operation else {
            return Ok(());
        };
        let mut lanes = Vec::new();
        for lane in &self.all {
            for part in parts {
                let node = builder
                    .push(
                        Operation::DatePart {
                            part: *part,
                            unit: *unit,
                        },
                        vec![lane.node],
                    )
                    .map_err(|message| self.wrong(Some(lane), message))?;
                let name = match parts {
                    [_] if self.spec.name.is_some() => lane.name.clone(),
                    _ => format!("{}.{}", lane.name, part_name(*part)),
                };
                lanes.push(Lane { name, node });
            }
        }
        self.all = lanes;
        Ok(())
    }

    /// The features at the end of the lanes.
    pub(super) fn finish(self, builder: &mut Builder) -> Result<(), AnalysisError> {
        for lane in &self.all {
            let value_type = builder.value_type(lane.node);
            let Some(width) = value_type.width() else {
                let hint = match value_type {
                    ValueType::Text => "add `vocabulary` or `hash` to its `ops`",
                    _ => "add `date_parts` to its `ops`",
                };
                return Err(self.wrong(
                    Some(lane),
                    format!(
                        "a feature is a number, but this is {}: {hint}",
                        value_type.describe()
                    ),
                ));
            };
            builder.output(Output {
                name: lane.name.clone(),
                node: lane.node,
                role: Role::Feature,
                width,
                classes: None,
            });
        }
        Ok(())
    }
}

/// The name of a part as in the pipeline language.
fn part_name(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "year",
        DatePart::Month => "month",
        DatePart::Day => "day",
        DatePart::DayOfYear => "day_of_year",
        DatePart::Weekday => "weekday",
        DatePart::Hour => "hour",
        DatePart::Minute => "minute",
        DatePart::Second => "second",
    }
}

/// What must be counted for an operation on values of a type.
fn accumulator(operation: &OperationSpec, input: ValueType) -> Option<Accumulator> {
    let numeric = input.is_numeric();
    match operation {
        OperationSpec::ZScore if numeric => Some(Accumulator::Moments(Moments::default())),
        OperationSpec::Impute(ImputeSpec::Mean) if numeric => {
            Some(Accumulator::Moments(Moments::default()))
        }
        OperationSpec::Impute(ImputeSpec::Median) | OperationSpec::Bucketize { .. } if numeric => {
            Some(Accumulator::Quantiles(QuantileSketch::default()))
        }
        OperationSpec::MinMax { .. } if numeric => Some(Accumulator::Range(None)),
        OperationSpec::Vocabulary { .. } if input.is_categorical() => {
            Some(Accumulator::Frequencies(HashMap::new()))
        }
        _ => None,
    }
}

/// An operation for which nothing is counted, or whose input is of no use to it: the graph's own check
/// says why.
fn fixed(operation: &OperationSpec, input: ValueType) -> Operation {
    match operation {
        OperationSpec::ZScore => Operation::ZScore {
            mean: 0.0,
            variance: 0.0,
        },
        OperationSpec::MinMax { low, high } => Operation::MinMax {
            low: *low,
            high: *high,
            minimum: None,
            maximum: None,
        },
        OperationSpec::Bucketize { buckets } => Operation::Bucketize {
            buckets: *buckets,
            boundaries: Vec::new(),
        },
        OperationSpec::Vocabulary {
            top_k,
            min_frequency,
            oov_buckets,
        } => Operation::Vocabulary {
            top_k: *top_k,
            min_frequency: *min_frequency,
            oov_buckets: *oov_buckets,
            vocabulary: Vocabulary::default(),
        },
        OperationSpec::Hash { buckets } => Operation::Hash { buckets: *buckets },
        OperationSpec::OneHot => Operation::OneHot {
            size: match input {
                ValueType::Index { size } => size,
                _ => 2,
            },
        },
        OperationSpec::Impute(spec) => Operation::Impute {
            strategy: Strategy::Value,
            value: match spec {
                ImputeSpec::Mean => Literal::Text("mean".to_owned()),
                ImputeSpec::Median => Literal::Text("median".to_owned()),
                ImputeSpec::Value(value) => value.clone(),
            },
        },
        OperationSpec::Clip { min, max } => Operation::Clip {
            min: *min,
            max: *max,
        },
        OperationSpec::Log { add } => Operation::Log { add: *add },
        // These three do not come here: `advance` and `begin` take them.
        OperationSpec::Cross { .. } | OperationSpec::Expr(_) => Operation::Cross,
        OperationSpec::DateParts { unit, .. } => Operation::DatePart {
            part: DatePart::Year,
            unit: *unit,
        },
    }
}

/// The operation with what was counted for it.
fn fit(operation: &OperationSpec, counted: Accumulator) -> Result<Operation, String> {
    let empty = |what: &str| {
        format!("the training split has no value to take the {what} of; impute a value instead")
    };
    Ok(match (operation, counted) {
        (OperationSpec::ZScore, Accumulator::Moments(moments)) => Operation::ZScore {
            mean: moments.mean,
            variance: moments.variance(),
        },
        (OperationSpec::Impute(_), Accumulator::Moments(moments)) => {
            if moments.count == 0 {
                return Err(empty("mean"));
            }
            Operation::Impute {
                strategy: Strategy::Mean,
                value: Literal::Number(moments.mean),
            }
        }
        (OperationSpec::Impute(_), Accumulator::Quantiles(sketch)) => {
            let median = sketch
                .weighted_values()
                .median()
                .ok_or_else(|| empty("median"))?;
            Operation::Impute {
                strategy: Strategy::Median,
                value: Literal::Number(median),
            }
        }
        (OperationSpec::MinMax { low, high }, Accumulator::Range(range)) => Operation::MinMax {
            low: *low,
            high: *high,
            minimum: range.map(|range| range.0),
            maximum: range.map(|range| range.1),
        },
        (OperationSpec::Bucketize { buckets }, Accumulator::Quantiles(sketch)) => {
            let values = sketch.weighted_values();
            let quantile = |i: usize| values.quantile(i as f64 / *buckets as f64);
            let mut boundaries: Vec<f64> = (1..*buckets).filter_map(quantile).collect();
            boundaries.dedup();
            Operation::Bucketize {
                buckets: *buckets,
                boundaries,
            }
        }
        (
            OperationSpec::Vocabulary {
                top_k,
                min_frequency,
                oov_buckets,
            },
            Accumulator::Frequencies(counts),
        ) => Operation::Vocabulary {
            top_k: *top_k,
            min_frequency: *min_frequency,
            oov_buckets: *oov_buckets,
            vocabulary: Vocabulary::new(terms(counts, *min_frequency, *top_k)),
        },
        _ => return Err("nothing was counted for it".to_owned()),
    })
}
