//! From raw rows to the metrics of every slice.

use arrow_array::{Array as _, RecordBatch};

use super::slices::{Slice, Slicer};
use crate::error::ScoringError;
use crate::graph::{Builder, Graph, Labels, Output, Role};
use crate::metrics::{ClassOutcomes, Interval, Metric, NumberOutcomes, Outcomes, intervals};
use crate::model::{Model, score};
use crate::signature::{RawInput, Task};

/// Scores labelled rows, batch by batch, and measures when all are there.
#[derive(Debug)]
pub struct Evaluator<'a> {
    model: &'a Model,
    baseline: Option<Baseline<'a>>,
    /// What computes labels and weights.
    truth: Graph,
    label_node: usize,
    labels: TrueLabels,
    weights: Option<Vec<f64>>,
    predictions: Vec<f32>,
    slicer: Slicer,
    left_out: LeftOut,
}

#[derive(Debug)]
struct Baseline<'a> {
    model: &'a Model,
    /// For each of the candidate's classes its place among the baseline's.
    classes: Vec<Option<usize>>,
    predictions: Vec<f32>,
}

#[derive(Debug)]
enum TrueLabels {
    Classes(Vec<u32>),
    Numbers(Vec<f64>),
}

/// Rows that cannot be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Their label is missing.
    pub without_label: usize,
    /// Their label is a class that the training split did not have.
    pub unknown_class: usize,
    /// Their weight is missing.
    pub without_weight: usize,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// All rows first, then every slice.
    pub slices: Vec<SliceMetrics>,
    /// Labels and predictions of all rows, for plots.
    pub outcomes: Outcomes,
    /// Rows that were not measured.
    pub left_out: LeftOut,
}

/// The metrics of a slice.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceMetrics {
    /// Which rows.
    pub slice: Slice,
    /// How many.
    pub rows: usize,
    /// Every metric of the task; empty if the rows are too few.
    pub metrics: Vec<Measurement>,
}

/// One metric of a slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// Which.
    pub metric: Metric,
    /// Its value; NaN where it has no meaning.
    pub value: f64,
    /// Where it lies, with 95 % confidence.
    pub interval: Option<Interval>,
    /// The baseline's value.
    pub baseline: Option<f64>,
}

impl<'a> Evaluator<'a> {
    /// An evaluation without rows. Slices are crosses of columns: `[["a"], ["a", "b"]]`.
    pub fn new(
        model: &'a Model,
        baseline: Option<&'a Model>,
        slices: Vec<Vec<String>>,
    ) -> Result<Self, ScoringError> {
        let mut truth = truth(model)?;
        if model.signature().task == Task::Regression {
            truth = truth.with_numeric_label();
        }
        let label = truth
            .label_output()
            .ok_or_else(|| ScoringError::Graph("it has no label to compare with".to_owned()))?;
        let label_node = label.node;
        let signature = model.signature();
        let labels = if signature.task == Task::Regression {
            TrueLabels::Numbers(Vec::new())
        } else {
            if label.classes.as_ref() != Some(&signature.label.classes) {
                let message = "its signature and its transform graph name different classes";
                return Err(ScoringError::Model(message.to_owned()));
            }
            TrueLabels::Classes(Vec::new())
        };
        let weighted = truth.outputs.iter().any(|o| o.role == Role::Weight);
        Ok(Self {
            model,
            baseline: baseline.map(|b| Baseline::new(b, model)).transpose()?,
            label_node,
            labels,
            weights: weighted.then(Vec::new),
            truth,
            predictions: Vec::new(),
            slicer: Slicer::new(slices),
            left_out: LeftOut::default(),
        })
    }

    /// Scores raw rows with their labels.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ScoringError> {
        let mut kept = vec![true; batch.num_rows()];
        self.add_labels(batch, &mut kept)?;
        take_rows(
            &score(self.model, batch)?.values,
            &kept,
            &mut self.predictions,
        );
        if let Some(baseline) = &mut self.baseline {
            baseline.add(batch, &kept)?;
        }
        self.slicer.add(batch, &kept)
    }

    /// Takes the labels and weights of the rows that have both; `kept` says which.
    fn add_labels(&mut self, batch: &RecordBatch, kept: &mut [bool]) -> Result<(), ScoringError> {
        let weights = match &self.weights {
            Some(_) => self.truth.weights(batch)?,
            None => None,
        };
        let raw = self.truth.evaluate(batch, &[self.label_node])?;
        let raw = raw[&self.label_node].to_array();
        let found = self.truth.labels(batch)?;
        let numbers = match &self.labels {
            TrueLabels::Numbers(_) => Some(found.numbers().ok_or_else(|| {
                ScoringError::Model("it predicts a number, but the label is a text".to_owned())
            })?),
            TrueLabels::Classes(_) => None,
        };
        for (row, kept) in kept.iter_mut().enumerate() {
            let weight = weights.as_ref().map(|weights| weights[row]);
            let missing = raw.is_null(row);
            let index = match &found {
                Labels::Classes { indices, .. } => indices[row],
                Labels::Numbers(_) => None,
            };
            let number = numbers.as_ref().and_then(|numbers| numbers[row]);
            *kept = match (&mut self.labels, index, number) {
                _ if missing => {
                    self.left_out.without_label += 1;
                    false
                }
                (TrueLabels::Classes(_), None, _) | (TrueLabels::Numbers(_), _, None) => {
                    self.left_out.unknown_class += 1;
                    false
                }
                _ if weight == Some(None) => {
                    self.left_out.without_weight += 1;
                    false
                }
                (TrueLabels::Classes(labels), Some(index), _) => {
                    labels.push(index);
                    true
                }
                (TrueLabels::Numbers(labels), _, Some(number)) => {
                    labels.push(number);
                    true
                }
            };
            if let (true, Some(all), Some(Some(weight))) = (*kept, &mut self.weights, weight) {
                all.push(weight);
            }
        }
        Ok(())
    }

    /// The labels and predictions of all rows, without measuring them.
    pub fn outcomes(self) -> Outcomes {
        self.outcomes_and_baseline().0
    }

    fn outcomes_and_baseline(self) -> (Outcomes, Option<Outcomes>) {
        let classes = self.model.predictor().width();
        let outcomes = |labels: &TrueLabels, predictions: Vec<f32>, weights| match labels {
            TrueLabels::Classes(labels) => Outcomes::Classes(ClassOutcomes::new(
                classes,
                labels.clone(),
                predictions,
                weights,
            )),
            TrueLabels::Numbers(labels) => {
                Outcomes::Numbers(NumberOutcomes::new(labels.clone(), predictions, weights))
            }
        };
        let baseline = self
            .baseline
            .map(|baseline| outcomes(&self.labels, baseline.predictions, self.weights.clone()));
        let candidate = outcomes(&self.labels, self.predictions, self.weights);
        (candidate, baseline)
    }

    /// Measures all rows and every slice of at least `min_rows` rows.
    pub fn finish(mut self, min_rows: usize) -> Measured {
        let metrics = Metric::of_task(self.model.signature().task);
        let (slicer, left_out) = (std::mem::take(&mut self.slicer), self.left_out);
        let (candidate, baseline) = self.outcomes_and_baseline();
        let mut slices = vec![SliceMetrics {
            slice: Slice::overall(),
            rows: candidate.rows(),
            metrics: measure(&metrics, &candidate, baseline.as_ref()),
        }];
        for (slice, rows) in slicer.finish() {
            let measured = if rows.len() < min_rows {
                Vec::new()
            } else {
                let baseline = baseline.as_ref().map(|baseline| baseline.select(&rows));
                measure(&metrics, &candidate.select(&rows), baseline.as_ref())
            };
            slices.push(SliceMetrics {
                slice,
                rows: rows.len(),
                metrics: measured,
            });
        }
        Measured {
            slices,
            outcomes: candidate,
            left_out,
        }
    }
}

fn measure(
    metrics: &[Metric],
    candidate: &Outcomes,
    baseline: Option<&Outcomes>,
) -> Vec<Measurement> {
    let intervals = intervals(candidate, metrics);
    let pairs = metrics.iter().zip(intervals);
    pairs
        .map(|(metric, interval)| Measurement {
            metric: *metric,
            value: candidate.metric(*metric),
            interval,
            baseline: baseline.map(|baseline| baseline.metric(*metric)),
        })
        .collect()
}

impl<'a> Baseline<'a> {
    fn new(model: &'a Model, candidate: &Model) -> Result<Self, ScoringError> {
        let (of, with) = (model.signature(), candidate.signature());
        if (of.task == Task::Regression) != (with.task == Task::Regression) {
            return Err(ScoringError::Model(
                "the baseline and the model do not predict the same: one gives a number, the other classes"
                    .to_owned(),
            ));
        }
        let place = |class| of.label.classes.iter().position(|other| other == class);
        Ok(Self {
            model,
            classes: with.label.classes.iter().map(place).collect(),
            predictions: Vec::new(),
        })
    }

    fn add(&mut self, batch: &RecordBatch, kept: &[bool]) -> Result<(), ScoringError> {
        let scored =
            score(self.model, batch).map_err(|error| ScoringError::Baseline(Box::new(error)))?;
        if self.classes.is_empty() {
            take_rows(&scored.values, kept, &mut self.predictions);
            return Ok(());
        }
        for row in (0..scored.rows).filter(|row| kept[*row]) {
            let probabilities = scored.row(row);
            // A class that the baseline does not know is impossible to it.
            let of = |place: &Option<usize>| place.map_or(0.0, |place| probabilities[place]);
            self.predictions.extend(self.classes.iter().map(of));
        }
        Ok(())
    }
}

/// Appends the values of the rows that are kept.
fn take_rows(values: &[f32], kept: &[bool], to: &mut Vec<f32>) {
    let width = values.len() / kept.len().max(1);
    for (row, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
        to.extend_from_slice(&values[row * width..(row + 1) * width]);
    }
}

/// The graph that computes a model's label: its own, or one that reads the label's column.
fn truth(model: &Model) -> Result<Graph, ScoringError> {
    if let Some(graph) = model.graph() {
        return Ok(graph.clone());
    }
    let label = &model.signature().label;
    let mut builder = Builder::new(vec![RawInput {
        name: label.output.clone(),
        column_type: label.column_type,
        nullable: true,
    }]);
    let node = builder.column(&label.output).map_err(ScoringError::Graph)?;
    builder.output(Output {
        name: label.output.clone(),
        node,
        role: Role::Label,
        width: 1,
        classes: Some(label.classes.clone()).filter(|classes| !classes.is_empty()),
    });
    builder.finish(None)
}
