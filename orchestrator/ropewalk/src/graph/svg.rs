//! A pipeline as an SVG picture: steps in layers, from top to bottom.
//!
//! A step stands below all that it waits for. Within a layer steps stand near what they wait for:
//! a few sweeps by the mean place of neighbours, as Sugiyama, Tagawa and Toda described it (1981).

use std::fmt::Write as _;

use super::Graph;
use super::order::reduced;
use crate::output::text::{cut, printable};

const BOX_WIDTH: f64 = 190.0;
const BOX_HEIGHT: f64 = 44.0;
const GAP_ACROSS: f64 = 24.0;
const GAP_DOWN: f64 = 40.0;
const MARGIN: f64 = 16.0;
/// Characters that fit into a box.
const LABEL_CHARACTERS_MAX: usize = 26;
/// After so many sweeps crossings hardly get fewer.
const SWEEPS: usize = 8;

pub(crate) fn svg(graph: &Graph) -> String {
    let needs = reduced(&graph.needs());
    let layers = layers(&needs);
    let widest = layers.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let width = 2.0 * MARGIN + widest * (BOX_WIDTH + GAP_ACROSS) - GAP_ACROSS;
    let height = 2.0 * MARGIN + layers.len() as f64 * (BOX_HEIGHT + GAP_DOWN) - GAP_DOWN;
    let mut places = vec![(0.0, 0.0); graph.steps.len()];
    for (depth, layer) in layers.iter().enumerate() {
        let row = layer.len() as f64 * (BOX_WIDTH + GAP_ACROSS) - GAP_ACROSS;
        for (index, step) in layer.iter().enumerate() {
            let x = (width - row) / 2.0 + index as f64 * (BOX_WIDTH + GAP_ACROSS);
            places[*step] = (x, MARGIN + depth as f64 * (BOX_HEIGHT + GAP_DOWN));
        }
    }
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\">\n<title>{}</title>\n",
        escaped(&graph.name)
    );
    for (to, from) in needs
        .iter()
        .enumerate()
        .flat_map(|(to, from)| from.iter().map(move |f| (to, f)))
    {
        let look = match graph.edges.get(&(*from, to)) {
            Some(edge) if !edge.ports.is_empty() => "",
            _ => " stroke-dasharray=\"4 3\"",
        };
        let (x1, y1) = (
            places[*from].0 + BOX_WIDTH / 2.0,
            places[*from].1 + BOX_HEIGHT,
        );
        let (x2, y2) = (places[to].0 + BOX_WIDTH / 2.0, places[to].1);
        let bend = GAP_DOWN / 2.0;
        let _ = writeln!(
            text,
            "<path d=\"M{x1} {y1} C{x1} {} {x2} {} {x2} {y2}\" fill=\"none\" stroke=\"#888888\"{look}/>",
            y1 + bend,
            y2 - bend
        );
    }
    for (step, (x, y)) in graph.steps.iter().zip(&places) {
        let fill = if step.finally { "#eeeeee" } else { "#ffffff" };
        let dashes = if step.conditional {
            " stroke-dasharray=\"4 3\""
        } else {
            ""
        };
        let middle = x + BOX_WIDTH / 2.0;
        let (id, what) = (label(&step.id), label(&step.what));
        let _ = writeln!(
            text,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"{fill}\" stroke=\"#333333\"{dashes}/>\n<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"13\">{id}</text>\n<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#666666\">{what}</text></g>",
            escaped(&format!("{}: {}", step.id, step.what)),
            y + 18.0,
            y + 34.0
        );
    }
    text + "</svg>\n"
}

/// The steps by how many stand above them at least, each layer in the order from left to right.
fn layers(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut depth = vec![0; needs.len()];
    let mut layers: Vec<Vec<usize>> = Vec::new();
    for (step, direct) in needs.iter().enumerate() {
        depth[step] = direct
            .iter()
            .map(|need| depth[*need] + 1)
            .max()
            .unwrap_or(0);
        layers.resize(layers.len().max(depth[step] + 1), Vec::new());
        layers[depth[step]].push(step);
    }
    let mut follow = vec![Vec::new(); needs.len()];
    for (step, direct) in needs.iter().enumerate() {
        for need in direct {
            follow[*need].push(step);
        }
    }
    let mut place = vec![0.0; needs.len()];
    for sweep in 0..=SWEEPS {
        for layer in &mut layers {
            for (index, step) in layer.iter().enumerate() {
                // From the middle, for layers are centred.
                place[*step] = index as f64 - (layer.len() as f64 - 1.0) / 2.0;
            }
        }
        if sweep == SWEEPS {
            break;
        }
        let neighbours = if sweep % 2 == 0 { needs } else { &follow };
        for layer in &mut layers {
            let mean = |step: usize| {
                let near = &neighbours[step];
                let sum: f64 = near.iter().map(|other| place[*other]).sum();
                if near.is_empty() {
                    place[step]
                } else {
                    sum / near.len() as f64
                }
            };
            layer.sort_by(|a, b| mean(*a).total_cmp(&mean(*b)));
        }
    }
    layers
}

fn label(text: &str) -> String {
    escaped(&cut(text, LABEL_CHARACTERS_MAX))
}

fn escaped(text: &str) -> String {
    let text = printable(text).replace('&', "&amp;");
    let text = text.replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace(['\n', '\t'], " ")
}
