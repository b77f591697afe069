//! Building a graph node by node, each checked as it is added.
//!
//! Analyzers and the expression parser build with it. It does not know where constants come from.

use super::operation::{Literal, Operation};
use super::types::{ValueType, result_type};
use super::{Analysed, Graph, Node, Output};
use crate::error::ScoringError;
use crate::signature::RawInput;

/// A graph that grows.
#[derive(Debug, Clone)]
pub struct Builder {
    available: Vec<RawInput>,
    graph: Graph,
    types: Vec<ValueType>,
}

impl Builder {
    /// A graph without nodes, over raw rows with these columns.
    pub fn new(available: Vec<RawInput>) -> Self {
        let graph = Graph {
            inputs: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            analysed: None,
        };
        Self {
            available,
            graph,
            types: Vec::new(),
        }
    }

    /// The columns of the raw rows.
    pub fn available(&self) -> &[RawInput] {
        &self.available
    }

    /// The type of a node's values.
    pub fn value_type(&self, node: usize) -> ValueType {
        self.types[node]
    }

    /// The graph so far: it can be evaluated.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The node of a raw column, added if it is the first to ask for it; what is wrong, if there is no
    /// such column.
    pub fn column(&mut self, name: &str) -> Result<usize, String> {
        let reads =
            |node: &Node| matches!(&node.operation, Operation::Column { name: n } if n == name);
        if let Some(position) = self.graph.nodes.iter().position(reads) {
            return Ok(position);
        }
        let Some(input) = self.available.iter().find(|input| input.name == name) else {
            let names: Vec<&str> = self.available.iter().map(|i| i.name.as_str()).collect();
            return Err(format!(
                "there is no column `{name}`; there are {}",
                names.join(", ")
            ));
        };
        let value_type = ValueType::of_column(input.column_type);
        self.graph.inputs.push(input.clone());
        Ok(self.add(
            Operation::Column {
                name: name.to_owned(),
            },
            Vec::new(),
            value_type,
        ))
    }

    /// Adds an operation on earlier nodes; what is wrong, if it does not take their values.
    pub fn push(&mut self, operation: Operation, inputs: Vec<usize>) -> Result<usize, String> {
        if let Some(constant) = not_finite(&operation) {
            return Err(format!(
                "`{}` cannot have the constant {constant}",
                operation.name()
            ));
        }
        let types: Vec<ValueType> = inputs.iter().map(|input| self.types[*input]).collect();
        let value_type = result_type(&operation, &types)?;
        Ok(self.add(operation, inputs, value_type))
    }

    fn add(&mut self, operation: Operation, inputs: Vec<usize>, value_type: ValueType) -> usize {
        self.graph.nodes.push(Node { inputs, operation });
        self.types.push(value_type);
        self.graph.nodes.len() - 1
    }

    /// Names a node's values as something that the graph gives.
    pub fn output(&mut self, output: Output) {
        self.graph.outputs.push(output);
    }

    /// Notes that a raw column has missing values.
    pub fn set_nullable(&mut self, name: &str) {
        for input in self
            .graph
            .inputs
            .iter_mut()
            .filter(|input| input.name == name)
        {
            input.nullable = true;
        }
    }

    /// The finished graph.
    pub fn finish(mut self, analysed: Option<Analysed>) -> Result<Graph, ScoringError> {
        self.graph.analysed = analysed;
        self.graph.check()?;
        Ok(self.graph)
    }
}

/// A constant that JSON cannot hold.
fn not_finite(operation: &Operation) -> Option<f64> {
    let constants: Vec<f64> = match operation {
        Operation::Literal(Literal::Number(x))
        | Operation::Impute {
            value: Literal::Number(x),
            ..
        }
        | Operation::Log { add: x } => vec![*x],
        Operation::ZScore { mean, variance } => vec![*mean, *variance],
        Operation::MinMax {
            low,
            high,
            minimum,
            maximum,
        } => [Some(*low), Some(*high), *minimum, *maximum]
            .into_iter()
            .flatten()
            .collect(),
        Operation::Bucketize { boundaries, .. } => boundaries.clone(),
        Operation::Clip { min, max } => min.iter().chain(max).copied().collect(),
        _ => Vec::new(),
    };
    constants.into_iter().find(|x| !x.is_finite())
}
