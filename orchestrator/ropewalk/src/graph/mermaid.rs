//! A pipeline in Mermaid's language, which Markdown viewers draw.

use std::fmt::Write as _;

use super::Graph;
use crate::output::text::printable;

pub(crate) fn mermaid(graph: &Graph) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (number, step) in graph.steps.iter().enumerate() {
        // Ids of steps may be words of the language, such as `end`, so nodes have names of their own.
        let label = format!("{}<br/>{}", escaped(&step.id), escaped(&step.what));
        let (open, close) = if step.conditional {
            ("{{", "}}")
        } else {
            ("[", "]")
        };
        let _ = writeln!(text, "  s{number}{open}\"{label}\"{close}");
    }
    for ((from, to), edge) in &graph.edges {
        let arrow = if edge.ports.is_empty() {
            "-.->".to_owned()
        } else {
            format!("-->|\"{}\"|", escaped(&edge.ports.join(", ")))
        };
        let _ = writeln!(text, "  s{from} {arrow} s{to}");
    }
    text
}

/// Mermaid reads HTML's entities, and what it would take for its own syntax must be one.
fn escaped(text: &str) -> String {
    let mut result = String::new();
    for character in printable(text).chars() {
        match character {
            '"' => result += "#quot;",
            '<' => result += "#lt;",
            '>' => result += "#gt;",
            '#' => result += "#35;",
            '&' => result += "#amp;",
            '`' => result += "#96;",
            '\n' | '\t' => result.push(' '),
            other => result.push(other),
        }
    }
    result
}
