//! A split of examples as numbers to learn from.
//!
//! Rows may be raw, then they go through the graph here, or transformed already. It does not know
//! which algorithm will read them.

use example_data::examples::Examples;
use model_scoring::graph::{Graph, Labels};
use model_scoring::metrics::{ClassOutcomes, NumberOutcomes, Outcomes};
use model_scoring::predictor::Predictor;
use model_scoring::signature::{Class, Task};

use crate::dataset::{Dataset, Label};
use crate::error::TrainingError;

/// What the rows of examples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As they came, to be transformed.
    Raw,
    /// Features, label and weight, as a graph gives them.
    Transformed,
}

/// The numbers of a split.
#[derive(Debug, Clone)]
pub struct Split {
    /// Features, label and weight of every row.
    pub dataset: Dataset,
    /// Raw rows that were left out because their label or weight is missing. Rows that were
    /// transformed elsewhere were left out there.
    pub left_out: usize,
}

/// Which form examples have for a graph: transformed if they have exactly the columns that it gives.
pub fn form(examples: &Examples, graph: &Graph) -> Result<Form, TrainingError> {
    if examples.schema() == graph.transformed_schema()? {
        Ok(Form::Transformed)
    } else {
        Ok(Form::Raw)
    }
}

/// Reads a split through a graph.
pub fn read(
    examples: &Examples,
    split: &str,
    graph: &Graph,
    form: Form,
    task: Task,
) -> Result<Split, TrainingError> {
    // Raw labels are numbers as they are; transformed ones are what the graph made of them.
    let numeric =
        (form == Form::Raw && task == Task::Regression).then(|| graph.with_numeric_label());
    let graph = numeric.as_ref().unwrap_or(graph);
    let mut dataset = Dataset {
        feature_names: graph.feature_columns(),
        features: Vec::new(),
        label: empty_label(graph, task)?,
        weight: None,
    };
    let mut left_out = 0;
    for batch in examples.read(split)? {
        let batch = batch?;
        let batch = match form {
            Form::Transformed => batch,
            Form::Raw => {
                let transformed = graph.transform(&batch)?;
                left_out += transformed.without_label + transformed.without_weight;
                transformed.batch
            }
        };
        let features = graph.transformed_features(&batch)?;
        dataset.features.extend_from_slice(&features.values);
        add_labels(&mut dataset.label, &graph.transformed_labels(&batch)?)?;
        if let Some(weights) = graph.transformed_weights(&batch)? {
            let all = dataset.weight.get_or_insert_default();
            all.extend(weights.into_iter().map(|weight| weight as f32));
        }
    }
    Ok(Split { dataset, left_out })
}

/// The classes that a task tells apart; none of a regression.
pub fn classes(graph: &Graph, task: Task) -> Result<Vec<Class>, TrainingError> {
    let wrong = |message: String| Err(TrainingError::Task { message });
    let Some(output) = graph.label_output() else {
        return Err(TrainingError::NoLabel);
    };
    let classes = output.classes.clone().unwrap_or_default();
    match (task, classes.len()) {
        (Task::Regression, 0) => Ok(Vec::new()),
        (Task::Regression, _) if classes.iter().all(|class| class.as_number().is_some()) => {
            Ok(Vec::new())
        }
        (Task::Regression, _) => wrong(format!(
            "the task is a regression, but the label is a text ({}); use `task: multiclass`, or a label of numbers",
            names(&classes)
        )),
        (_, 0) => wrong(
            "the task is to tell classes apart, but the label is a number; use `task: regression`, or a label such as `{ expr: \"tips > 0.2 * fare\" }`"
                .to_owned(),
        ),
        (_, 1) => Err(TrainingError::OneClass),
        (Task::Binary, 2) | (Task::Multiclass, _) => Ok(classes),
        (Task::Binary, count) => wrong(format!(
            "the task is binary, but the label has {count} classes ({}); use `task: multiclass`",
            names(&classes)
        )),
    }
}

/// Classes that a message names before it says how many more there are.
const CLASSES_NAMED_MAX: usize = 8;

/// The classes for a message.
pub(crate) fn names(classes: &[Class]) -> String {
    let shown = classes.iter().take(CLASSES_NAMED_MAX).map(Class::to_string);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match classes.len().checked_sub(CLASSES_NAMED_MAX) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn empty_label(graph: &Graph, task: Task) -> Result<Label, TrainingError> {
    let classes = classes(graph, task)?;
    Ok(if task == Task::Regression {
        Label::Values(Vec::new())
    } else {
        Label::Classes {
            indices: Vec::new(),
            count: classes.len(),
        }
    })
}

fn add_labels(label: &mut Label, found: &Labels) -> Result<(), TrainingError> {
    let missing = |row: usize| TrainingError::BadLabel {
        row,
        found: "missing".to_owned(),
        expected: "a label; transform leaves such rows out".to_owned(),
    };
    match (label, found) {
        (Label::Classes { indices, .. }, Labels::Classes { indices: more, .. }) => {
            for index in more {
                indices.push(index.ok_or_else(|| missing(indices.len()))?);
            }
        }
        (Label::Values(values), found) => {
            for value in found.numbers().unwrap_or_default() {
                values.push(value.ok_or_else(|| missing(values.len()))?);
            }
        }
        // `classes` has refused a number where classes are told apart.
        (Label::Classes { .. }, Labels::Numbers(_)) => {}
    }
    Ok(())
}

/// What a predictor says of a split, to be measured.
///
/// # Panics
///
/// If the dataset has not the predictor's features and classes: that is the caller's broken promise.
pub fn outcomes(predictor: &Predictor, dataset: &Dataset) -> Outcomes {
    let predictions = predictor.predict(&dataset.features, dataset.rows());
    let weights = dataset.weight.as_ref();
    let weights = weights.map(|weights| weights.iter().map(|w| f64::from(*w)).collect());
    match &dataset.label {
        Label::Classes { indices, count } => Outcomes::Classes(ClassOutcomes::new(
            *count,
            indices.clone(),
            predictions,
            weights,
        )),
        Label::Values(values) => {
            Outcomes::Numbers(NumberOutcomes::new(values.clone(), predictions, weights))
        }
    }
}
