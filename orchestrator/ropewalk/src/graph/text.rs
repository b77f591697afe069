//! A pipeline for a terminal: a row for each step, joined by rails.

use unicode_width::UnicodeWidthStr as _;

use super::order::{drawing_order, reduced};
use super::rails::{Drawn, rails};
use super::{Graph, GraphStep};
use crate::output::colors::{Colors, Tone};
use crate::output::text::{cut, printable};

/// Between the columns.
const SPACE: usize = 2;

/// The picture, in lines of at most `width` cells where there is one.
pub(crate) fn text(graph: &Graph, width: Option<usize>, colors: Colors) -> String {
    let needs = graph.needs();
    let (finally, steps): (Vec<usize>, Vec<usize>) =
        (0..graph.steps.len()).partition(|step| graph.steps[*step].finally);
    let mut lines = vec![printable(&graph.name)];
    let mut rows = part(&needs, &steps);
    let before = rows.len();
    rows.extend(part(&needs, &finally));
    let of = |row: &Row| &graph.steps[row.step];
    let rail_width = rows
        .iter()
        .map(|row| row.rails.at.width())
        .max()
        .unwrap_or(0);
    let id_width = rows.iter().map(|row| of(row).id.width()).max().unwrap_or(0);
    for (number, row) in rows.iter().enumerate() {
        if number == before {
            lines.push("finally".to_owned());
        }
        if let Some(above) = row.rails.above.as_ref().filter(|_| number != before) {
            lines.push(colors.paint(Tone::Active, above));
        }
        let step = of(row);
        let rails = pad(&row.rails.at, rail_width);
        let id = pad(&step.id, id_width);
        let left = format!("{rails}{:SPACE$}{id}", "");
        let right = width.map(|width| width.saturating_sub(left.width() + SPACE));
        let said = cut(&said(step), right.unwrap_or(usize::MAX));
        let rails = colors.paint(Tone::Active, &rails);
        let said = colors.paint(Tone::Faint, &said);
        let line = format!("{rails}{:SPACE$}{id}{:SPACE$}{said}", "", "");
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// A step's row.
struct Row {
    step: usize,
    rails: Drawn,
}

/// Draws some of the steps, by their numbers in the whole.
fn part(needs: &[Vec<usize>], steps: &[usize]) -> Vec<Row> {
    let place = |step: &usize| steps.binary_search(step).ok();
    let needs: Vec<Vec<usize>> = steps
        .iter()
        .map(|step| needs[*step].iter().filter_map(place).collect())
        .collect();
    let needs = reduced(&needs);
    let order = drawing_order(&needs);
    let rails = rails(&needs, &order);
    let rows = order.iter().zip(rails);
    rows.map(|(step, rails)| Row {
        step: steps[*step],
        rails,
    })
    .collect()
}

/// `uses train, if ...: transform.examples, transform.graph`.
fn said(step: &GraphStep) -> String {
    let condition = if step.conditional {
        ", on a condition"
    } else {
        ""
    };
    let mut said = format!("{}{condition}", step.what);
    if !step.takes.is_empty() {
        said += &format!("  < {}", step.takes.join(", "));
    }
    printable(&said).replace(['\n', '\t'], " ")
}

fn pad(text: &str, width: usize) -> String {
    let space = width.saturating_sub(text.width());
    format!("{text}{:space$}", "")
}
