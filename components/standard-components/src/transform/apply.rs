//! Applying the graph to every split, batch by batch on all cores.

use std::path::Path;

use example_data::examples::{Examples, SplitWriter};
use model_scoring::graph::{Graph, Materialised};
use serde_json::{Map, Value};

use crate::batches;
use crate::invocation::{Failure, Invocation};

/// Writes the transformed rows of every split, and says how many there are and were left out.
pub(super) fn apply(
    invocation: &mut Invocation,
    graph: &Graph,
    examples: &[Examples],
    training_split: &str,
) -> Result<(), Failure> {
    let output = invocation.output("examples")?;
    let mut rows = Vec::new();
    let mut dropped = Map::new();
    for split in split_names(examples) {
        let counts = one_split(graph, examples, &split, &output)?;
        counts.note(invocation, &split);
        if counts.written == 0 && split == training_split {
            return Err(Failure::new(format!(
                "no row of the split {split} has a label and a weight, so there is nothing to train on"
            ))
            .hint("look at the label: does the column hold values, is the expression null?"));
        }
        dropped.insert(split.clone(), Value::from(counts.dropped()));
        rows.push((split, counts.written));
    }
    invocation.set_examples_properties("examples", &rows);
    invocation.set_property("examples", "dropped", dropped);
    let spans = invocation.artifacts("examples").iter();
    let newest = spans
        .filter_map(|artifact| artifact.metadata.get("span").and_then(Value::as_i64))
        .max();
    invocation.set_property("examples", "span", newest);
    Ok(())
}

/// The names of all splits of all examples, sorted.
fn split_names(examples: &[Examples]) -> Vec<String> {
    let mut names: Vec<String> = examples
        .iter()
        .flat_map(|some| some.splits().to_vec())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[derive(Default)]
struct Counts {
    written: u64,
    without_label: usize,
    without_weight: usize,
}

impl Counts {
    fn dropped(&self) -> usize {
        self.without_label + self.without_weight
    }

    fn note(&self, invocation: &Invocation, split: &str) {
        invocation.note(&format!("{split}: {} rows", self.written));
        let reasons = [
            (
                self.without_label,
                "they have no label, or a class that the training split does not have",
            ),
            (self.without_weight, "they have no weight"),
        ];
        for (count, reason) in reasons.iter().filter(|(count, _)| *count > 0) {
            invocation.note(&format!("{split}: {count} rows were left out: {reason}"));
        }
        if self.written == 0 {
            invocation.note(&format!("warning: the split {split} is empty"));
        }
    }
}

fn one_split(
    graph: &Graph,
    examples: &[Examples],
    split: &str,
    output: &Path,
) -> Result<Counts, Failure> {
    let mut writer = SplitWriter::create(output, split, graph.transformed_schema()?)?;
    let mut counts = Counts::default();
    let has_split = |some: &&Examples| some.splits().iter().any(|name| name == split);
    for some in examples.iter().filter(has_split) {
        batches::for_each(
            some.read(split)?,
            |batch| Ok(graph.transform(batch)?),
            |part: Materialised| {
                counts.without_label += part.without_label;
                counts.without_weight += part.without_weight;
                Ok(writer.write(&part.batch)?)
            },
        )?;
    }
    counts.written = writer.finish()?;
    Ok(counts)
}
