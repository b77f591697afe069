//! A pipeline as a picture: its steps, and what each of them waits for.
//!
//! It knows plans, not runs. The forms are modules: `text` for a terminal, `dot`, `mermaid`, `svg`.

pub(crate) mod dot;
pub(crate) mod mermaid;
mod order;
mod rails;
pub(crate) mod svg;
pub(crate) mod text;

use std::collections::BTreeMap;

use pipeline_plan::{Action, Node, NodeId, Plan, Source};

/// The steps of a plan and the edges between them.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The pipeline's name.
    pub(crate) name: String,
    /// In topological order.
    pub(crate) steps: Vec<GraphStep>,
    /// By the numbers of the steps that they join.
    pub(crate) edges: BTreeMap<(usize, usize), Edge>,
}

/// A step as it is drawn.
#[derive(Debug)]
pub(crate) struct GraphStep {
    pub(crate) id: String,
    /// `uses train`, `run python3 train.py, for each item`.
    pub(crate) what: String,
    /// What enters, in the words of the pipeline: `ingest.examples`, `data/*.csv`.
    pub(crate) takes: Vec<String>,
    /// Whether it runs only under a condition.
    pub(crate) conditional: bool,
    /// Whether it stands in `finally:`.
    pub(crate) finally: bool,
}

/// What a step takes of another one: ports, or nothing where only the order matters.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    pub(crate) ports: Vec<String>,
}

impl Graph {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut edges = BTreeMap::new();
        for (number, node) in plan.nodes.iter().enumerate() {
            for need in &node.needs {
                edges.insert((index(*need), number), Edge::default());
            }
            for source in node.inputs.values().flat_map(|input| &input.sources) {
                if let Source::Output { node, port } = source {
                    let edge: &mut Edge = edges.entry((index(*node), number)).or_default();
                    if !edge.ports.contains(port) {
                        edge.ports.push(port.clone());
                    }
                }
            }
        }
        Self {
            name: plan.name.clone(),
            steps: plan.nodes.iter().map(|node| step(plan, node)).collect(),
            edges,
        }
    }

    /// For each step the steps that it waits for.
    pub(crate) fn needs(&self) -> Vec<Vec<usize>> {
        let mut needs = vec![Vec::new(); self.steps.len()];
        for (from, to) in self.edges.keys() {
            needs[*to].push(*from);
        }
        needs
    }
}

fn step(plan: &Plan, node: &Node) -> GraphStep {
    let sources = node.inputs.values().flat_map(|input| &input.sources);
    let mut takes: Vec<String> = Vec::new();
    for taken in sources.map(|source| taken(plan, source)) {
        if !takes.contains(&taken) {
            takes.push(taken);
        }
    }
    GraphStep {
        id: node.id.clone(),
        what: match &node.foreach {
            Some(_) => format!("{}, for each item", what(&node.action)),
            None => what(&node.action),
        },
        takes,
        conditional: node.condition.is_some(),
        finally: node.finally,
    }
}

fn what(action: &Action) -> String {
    match action {
        Action::Component { name, .. } => format!("uses {name}"),
        Action::Approve(message) => format!("approve {message}"),
        Action::Command(words) => format!("run {}", words.join(" ")),
        Action::Shell(script) => {
            let mut lines = script
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty());
            let first = lines.next().unwrap_or_default();
            let more = if lines.next().is_some() { " ..." } else { "" };
            format!("run {first}{more}")
        }
    }
}

fn taken(plan: &Plan, source: &Source) -> String {
    match source {
        Source::Output { node, port } => format!("{}.{port}", plan.node(*node).id),
        Source::Files(globs) | Source::FilesOfSpan { globs, .. } => globs.join(" "),
        Source::Import { uri, .. } => uri.clone(),
        Source::Latest {
            pipeline,
            step,
            port,
        } => match pipeline {
            Some(pipeline) => format!("latest {step}.{port} of {pipeline}"),
            None => format!("latest {step}.{port}"),
        },
        Source::LatestSpans { step, port, count } => {
            format!("latest {count} spans of {step}.{port}")
        }
        Source::PreviousSpan { step, port } => format!("previous span of {step}.{port}"),
        Source::LatestBlessed(model) => format!("latest blessed {model}"),
        Source::LatestPushed(model) => format!("latest pushed {model}"),
    }
}

fn index(node: NodeId) -> usize {
    node.0 as usize
}
