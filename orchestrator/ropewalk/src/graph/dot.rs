//! A pipeline in Graphviz's language.

use std::fmt::Write as _;

use super::Graph;
use crate::output::text::printable;

pub(crate) fn dot(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.name));
    text += "  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n";
    for step in &graph.steps {
        let label = quoted(&format!("{}\n{}", step.id, printable(&step.what)));
        let style = match (step.conditional, step.finally) {
            (true, _) => ", style=\"rounded,dashed\"",
            (_, true) => ", style=\"rounded,filled\", fillcolor=\"#eeeeee\"",
            _ => "",
        };
        let _ = writeln!(text, "  {} [label={label}{style}];", quoted(&step.id));
    }
    for ((from, to), edge) in &graph.edges {
        let (from, to) = (&graph.steps[*from].id, &graph.steps[*to].id);
        let look = if edge.ports.is_empty() {
            " [style=dashed]".to_owned()
        } else {
            format!(" [label={}]", quoted(&edge.ports.join(", ")))
        };
        let _ = writeln!(text, "  {} -> {}{look};", quoted(from), quoted(to));
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}
