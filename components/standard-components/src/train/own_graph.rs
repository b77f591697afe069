//! Training without `transform`: columns as they are, by a graph that passes them through.
//!
//! So a model always knows its raw columns and its label, and scoring has one path only.

use std::path::Path;

use example_data::examples::{Examples, split_folder};
use example_data::{schema, statistics};
use model_scoring::signature::Task;
use model_training::analyzers::{self, FeatureSpec, LabelSpec, Spec, TrainingSplit};

use crate::folder_digest::folder_digest;
use crate::graph_folder;
use crate::invocation::Failure;

/// Fits the graph to the training split and writes it, with the schema, statistics and sample that a
/// model carries, into `folder`.
pub(super) fn write(
    examples: &Examples,
    label: &str,
    features: &[String],
    task: Task,
    splits: (&str, &str),
    folder: &Path,
) -> Result<(), Failure> {
    let split = splits.0;
    let spec = Spec {
        label: Some(LabelSpec::Column(label.to_owned())),
        features: vec![FeatureSpec {
            columns: features.to_vec(),
            operations: Vec::new(),
            name: None,
        }],
        ..Spec::default()
    };
    // A split that is not there is told by the splits that are.
    examples.row_count(split)?;
    let digest = folder_digest(&split_folder(examples.folder(), split))?;
    let data = TrainingSplit {
        examples: std::slice::from_ref(examples),
        split,
        digest: &digest,
    };
    let mut graph = analyzers::fit(&spec, data)?;
    if task == Task::Regression {
        graph = graph.with_numeric_label();
    }
    graph.write(folder)?;
    let found = statistics::compute_split(examples, split, None)?.finish(split);
    schema::write(folder, &schema::infer(std::slice::from_ref(&found)))?;
    graph_folder::write_statistics(folder, &found)?;
    let examples = std::slice::from_ref(examples);
    graph_folder::write_sample(folder, examples, splits, &[label.to_owned()])
}
