//! From a predictor and the folder of its graph to a model folder.
//!
//! The graph's folder carries schema, statistics and a sample of raw rows; the model's has them too,
//! and predictions beside the sample's rows, by which others check that they score alike.

use std::fs;
use std::path::Path;

use model_scoring::graph::Graph;
use model_scoring::model::{self, Model, ONNX_FILE, ONNX_FLAVOUR};
use model_scoring::predictor::Predictor;
use model_scoring::signature::{Class, Feature, Label, Output, Signature, Task};
use model_scoring::{onnx, rows, signature};

use crate::error::TrainingError;
use crate::split::{classes, names};

/// Copies what a graph's folder holds into a model's, which is made.
pub fn carry(from: &Path, to: &Path) -> Result<(), TrainingError> {
    let file = |action, path: &Path| {
        let path = path.to_owned();
        move |source| TrainingError::File {
            action,
            path,
            source,
        }
    };
    fs::create_dir_all(to).map_err(file("write", to))?;
    for entry in fs::read_dir(from).map_err(file("list", from))? {
        let entry = entry.map_err(file("list", from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(file("read", &path))?.is_dir() {
            carry(&path, &target)?;
        } else {
            // The content alone: what was recorded is read-only, and this is to be written to.
            let content = fs::read(&path).map_err(file("read", &path))?;
            fs::write(&target, content).map_err(file("write", &target))?;
        }
    }
    Ok(())
}

/// Adds signature, predictor and the sample's predictions to a folder that holds the graph, and gives
/// the model as others will load it.
pub fn complete(
    folder: &Path,
    name: &str,
    task: Task,
    predictor: &Predictor,
) -> Result<Model, TrainingError> {
    let graph = Graph::read(folder)?;
    let signature = describe(name, task, &graph, Graph::digest(folder)?)?;
    write(folder, &signature, &onnx::write(predictor, &signature))
}

/// The same with a model that another trainer wrote as ONNX; its operator says what the task is.
///
/// Its classes must be the label's, or their indices, in the same order: the order is that of its
/// probabilities.
pub fn package(folder: &Path, name: &str, model: &[u8]) -> Result<Model, TrainingError> {
    let graph = Graph::read(folder)?;
    let task = match onnx::describe(model)?.classes {
        None => Task::Regression,
        Some(found) => {
            check_classes(&found, &graph)?;
            if found.len() == 2 {
                Task::Binary
            } else {
                Task::Multiclass
            }
        }
    };
    let signature = describe(name, task, &graph, Graph::digest(folder)?)?;
    write(folder, &signature, model)
}

/// Whether a model's classes stand for the label's. A label without classes is for others to refuse.
fn check_classes(found: &[Class], graph: &Graph) -> Result<(), TrainingError> {
    let output = graph.label_output();
    let Some(label) = output.and_then(|output| output.classes.as_ref()) else {
        return Ok(());
    };
    // ONNX has no truth values; whoever learns from transformed rows meets indices.
    let as_value = |class: &Class| match class {
        Class::Boolean(value) => Class::Integer(i64::from(*value)),
        other => other.clone(),
    };
    let values = label.iter().map(as_value);
    let indices = (0..label.len() as i64).map(Class::Integer);
    if found.iter().cloned().eq(values) || found.iter().cloned().eq(indices) {
        return Ok(());
    }
    Err(TrainingError::Task {
        message: format!(
            "the model tells apart {}, but the label's classes are {}; train it on the label of the transformed rows, with every class among them",
            names(found),
            names(label)
        ),
    })
}

/// Writes the files that make a model of a graph's folder, and scores its sample.
fn write(folder: &Path, signature: &Signature, model: &[u8]) -> Result<Model, TrainingError> {
    let path = folder.join(ONNX_FILE);
    fs::write(&path, model).map_err(|source| TrainingError::File {
        action: "write",
        path,
        source,
    })?;
    signature.write(folder)?;
    let model = Model::load(folder)?;
    let sample = folder.join(rows::SAMPLE_FILE);
    if sample.exists() {
        score_sample(&model, &sample)?;
    }
    Ok(model)
}

fn describe(
    name: &str,
    task: Task,
    graph: &Graph,
    transform_digest: String,
) -> Result<Signature, TrainingError> {
    let label = graph.label_output().ok_or(TrainingError::NoLabel)?;
    let column_type = graph.label_type().ok_or(TrainingError::NoLabel)?;
    let classes = classes(graph, task)?;
    let output = if task == Task::Regression {
        Output {
            name: "value".to_owned(),
            width: 1,
        }
    } else {
        Output {
            name: "probability".to_owned(),
            width: classes.len(),
        }
    };
    let features = graph.feature_outputs().map(|output| Feature {
        name: output.name.clone(),
        width: output.width,
    });
    Ok(Signature {
        format_version: signature::FORMAT_VERSION,
        name: name.to_owned(),
        task,
        flavour: ONNX_FLAVOUR.to_owned(),
        raw_inputs: graph.feature_inputs(),
        features: features.collect(),
        label: Label {
            output: label.name.clone(),
            column_type,
            classes,
        },
        outputs: vec![output],
        transform_digest: Some(transform_digest),
    })
}

/// Writes the model's predictions beside the rows of the sample.
fn score_sample(model: &Model, path: &Path) -> Result<(), TrainingError> {
    let mut sample = rows::read_jsonl(path)?;
    let batch = rows::from_json(&sample, &model.signature().raw_inputs)?;
    let predictions = model::score(model, &batch)?;
    for (at, row) in sample.iter_mut().enumerate() {
        let (field, value) = predictions.field(at);
        row.insert(field.to_owned(), value);
    }
    rows::write_jsonl(path, &sample)?;
    Ok(())
}
