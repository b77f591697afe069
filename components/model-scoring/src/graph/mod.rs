//! The transform graph: from raw columns to features, label and weight, as data.
//!
//! Analyzers fit it on the training split; here it is read, written and applied. Every operation works
//! on one row at a time, so single rows and whole batches give the same bits. No operation reads a clock,
//! the environment, randomness or time-zone tables.

mod apply;
mod binary;
mod build;
mod column;
mod date;
mod examples;
mod file;
mod operation;
mod types;

pub use build::Builder;
pub use column::{Column, UTC, arrow_type, column_type};
pub use examples::{KEY_COLUMN, LABEL_COLUMN, Materialised, WEIGHT_COLUMN};
pub(crate) use file::{newest, read as read_file, write as write_file};
pub use operation::{BinaryOperator, DatePart, DateUnit, Literal, Operation, Strategy, Vocabulary};
use serde::{Deserialize, Serialize};
pub use types::{ValueType, result_type};

use crate::signature::{Class, ColumnType, RawInput};

/// The newest format of `transform.json` that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;
/// The graph's file in its folder.
pub const FILE: &str = "transform.json";

/// A fitted transformation.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The raw columns that any node reads.
    pub inputs: Vec<RawInput>,
    /// The operations, each after those it reads from.
    pub nodes: Vec<Node>,
    /// What the graph gives; features in tensor order.
    pub outputs: Vec<Output>,
    /// What the analyzers saw.
    pub analysed: Option<Analysed>,
}

/// One operation on the results of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The nodes whose results it reads, by position in [`Graph::nodes`].
    pub inputs: Vec<usize>,
    /// What it does.
    pub operation: Operation,
}

/// Something that the graph gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The node that computes it, by position.
    pub node: usize,
    /// What it is for.
    pub role: Role,
    /// How many numbers it holds per row.
    pub width: usize,
    /// Of a label with classes: these, sorted. A label without them is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<Class>>,
}

/// What an output is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An input of the model.
    Feature,
    /// What is to be predicted.
    Label,
    /// How much a row counts.
    Weight,
    /// What identifies a row.
    Key,
}

/// What the analyzers saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysed {
    /// The digest of the examples' split.
    pub digest: String,
    /// The split.
    pub split: String,
    /// Its number of rows.
    pub rows: u64,
}

/// Features of a batch, as models take them.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The number of rows.
    pub rows: usize,
    /// The number of values per row.
    pub width: usize,
    /// rows x width, row-major; NaN is missing.
    pub values: Vec<f32>,
}

/// The label of every row.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// An index into `classes` per row.
    Classes {
        /// The classes, sorted.
        classes: Vec<Class>,
        /// The class of each row; `None`: missing, or not a class of the training split.
        indices: Vec<Option<u32>>,
    },
    /// A number per row; `None`: missing.
    Numbers(Vec<Option<f64>>),
}

impl Labels {
    /// The labels as numbers, for a regression: integer and boolean classes stand for their values.
    /// `None` if the classes are text.
    pub fn numbers(&self) -> Option<Vec<Option<f64>>> {
        match self {
            Self::Numbers(numbers) => Some(numbers.clone()),
            Self::Classes { classes, indices } => {
                let values: Vec<f64> = classes
                    .iter()
                    .map(Class::as_number)
                    .collect::<Option<_>>()?;
                Some(
                    indices
                        .iter()
                        .map(|i| i.and_then(|i| values.get(i as usize).copied()))
                        .collect(),
                )
            }
        }
    }
}

impl Graph {
    /// The name and width of every feature, in tensor order.
    pub fn feature_outputs(&self) -> impl Iterator<Item = &Output> {
        self.outputs
            .iter()
            .filter(|output| output.role == Role::Feature)
    }

    /// How many numbers of the tensor a row takes.
    pub fn width(&self) -> usize {
        self.feature_outputs().map(|output| output.width).sum()
    }

    /// The names of the tensor's values: `NAME`, or `NAME.0`, `NAME.1`, ... where a feature is wider.
    pub fn feature_columns(&self) -> Vec<String> {
        self.feature_outputs()
            .flat_map(|output| {
                (0..output.width).map(move |i| {
                    if output.width == 1 {
                        output.name.clone()
                    } else {
                        format!("{}.{i}", output.name)
                    }
                })
            })
            .collect()
    }

    /// The raw columns that the features are computed from, as a signature names them.
    pub fn feature_inputs(&self) -> Vec<RawInput> {
        let nodes: Vec<usize> = self.feature_outputs().map(|output| output.node).collect();
        let needed = self.needed(&nodes);
        let read = |input: &&RawInput| {
            self.nodes.iter().zip(&needed).any(|(node, needed)| {
                *needed
                    && matches!(&node.operation, Operation::Column { name } if *name == input.name)
            })
        };
        self.inputs.iter().filter(read).cloned().collect()
    }

    /// The label's output, if the graph has one.
    pub fn label_output(&self) -> Option<&Output> {
        self.outputs
            .iter()
            .find(|output| output.role == Role::Label)
    }

    /// The same graph with a label of numbers, as a regression needs it: integers of few values and truth
    /// values are not told apart as classes, so values that the training split did not have count too.
    /// A text stays what it is.
    #[must_use]
    pub fn with_numeric_label(&self) -> Self {
        let mut graph = self.clone();
        let label = |output: &&mut Output| output.role == Role::Label;
        if let Some(output) = graph.outputs.iter_mut().find(label) {
            let classes = output.classes.take();
            output.classes = classes.filter(|c| c.iter().any(|class| class.as_number().is_none()));
        }
        graph
    }

    /// The type that the label's values had before they became class indices or numbers.
    pub fn label_type(&self) -> Option<ColumnType> {
        let output = self.label_output()?;
        match output.classes.as_ref().and_then(|classes| classes.first()) {
            Some(Class::Boolean(_)) => Some(ColumnType::Boolean),
            Some(Class::Integer(_)) => Some(ColumnType::Int64),
            Some(Class::Text(_)) => Some(ColumnType::String),
            None => Some(ColumnType::Float64),
        }
    }
}
