//! `ropewalk graph FILE`: the pipeline as a picture.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use orchestrator_api::DocumentVersion;
use serde::Serialize;

use super::Outcome;
use crate::context::Context;
use crate::exit::Exit;
use crate::graph::{Graph, dot, mermaid, svg, text};
use crate::pipeline_file::plan_of;
use crate::printing;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The pipeline file
    file: PathBuf,
    /// As what
    #[arg(long = "as", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

/// The forms of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a terminal
    #[default]
    Text,
    /// Graphviz
    Dot,
    /// Mermaid, as Markdown viewers draw it
    Mermaid,
    /// A picture
    Svg,
}

pub(crate) fn execute(arguments: &Arguments, context: &Context) -> Outcome {
    let (_, plan) = plan_of(&arguments.file, context)?;
    let graph = Graph::of(&plan);
    if context.is_json() {
        printing::document(&document(&graph))?;
        return Ok(Exit::Success);
    }
    let picture = match arguments.form {
        Form::Text => text::text(&graph, context.width, context.colors),
        Form::Dot => dot::dot(&graph),
        Form::Mermaid => mermaid::mermaid(&graph),
        Form::Svg => svg::svg(&graph),
    };
    printing::print(&picture)?;
    Ok(Exit::Success)
}

/// The picture for programs.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: DocumentVersion,
    pipeline: &'a str,
    nodes: Vec<NodeEntry<'a>>,
    edges: Vec<EdgeEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct NodeEntry<'a> {
    id: &'a str,
    what: &'a str,
    conditional: bool,
    finally: bool,
}

#[derive(Debug, Serialize)]
struct EdgeEntry<'a> {
    from: &'a str,
    to: &'a str,
    ports: &'a [String],
}

fn document(graph: &Graph) -> Document<'_> {
    let nodes = graph.steps.iter().map(|step| NodeEntry {
        id: &step.id,
        what: &step.what,
        conditional: step.conditional,
        finally: step.finally,
    });
    let edges = graph.edges.iter().map(|((from, to), edge)| EdgeEntry {
        from: &graph.steps[*from].id,
        to: &graph.steps[*to].id,
        ports: &edge.ports,
    });
    Document {
        version: DocumentVersion,
        pipeline: &graph.name,
        nodes: nodes.collect(),
        edges: edges.collect(),
    }
}
