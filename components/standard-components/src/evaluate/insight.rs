//! What lies behind the metrics: which inputs they hang on, and how far the goal is.

use example_data::examples::Examples;
use model_scoring::evaluation::{Evaluator, Measured, number_text};
use model_scoring::importance::{Sample, permutation, shap_importances};
use model_scoring::metrics::Metric;
use model_scoring::model::Model;
use serde_json::{Value, json};

use super::goal::{Assessment, Goal};
use crate::invocation::{Failure, Invocation};

/// Columns that the log names; all are in the evaluation.
const NOTED_MAX: usize = 5;

/// What lies behind the metrics.
pub(super) struct Insight {
    /// As `evaluation.json` holds them; null if they were not asked for.
    pub(super) importances: Value,
    pub(super) goal: Option<Assessment>,
}

/// How much each column and feature matters to the model on a sample of rows.
pub(super) fn importances(
    invocation: &Invocation,
    model: &Model,
    sample: &Sample,
    metric: Metric,
) -> Result<Value, Failure> {
    let Some(batch) = sample.batch()? else {
        return Ok(Value::Null);
    };
    let permuted = permutation(model, &batch, metric)?;
    if !permuted.is_empty() {
        let named = permuted.iter().take(NOTED_MAX);
        let named: Vec<String> = named
            .map(|column| format!("{} {}", column.column, number_text(column.mean)))
            .collect();
        invocation.note(&format!(
            "what shuffling a column costs in {}: {}",
            metric.name(),
            named.join(", ")
        ));
    }
    let shap = shap_importances(model, &model.features(&batch)?).map(|shap| {
        let one =
            |(feature, size): (String, f64)| json!({ "feature": feature, "mean_absolute": size });
        shap.into_iter().map(one).collect::<Vec<Value>>()
    });
    Ok(json!({
        "permutation": {
            "metric": metric.name(),
            "rows": batch.num_rows(),
            "columns": permuted,
        },
        "shap": shap,
    }))
}

/// Scores the rows that the model learned from as well, and says how far it is from the goal.
pub(super) fn assess(
    invocation: &Invocation,
    goal: &Goal,
    model: &Model,
    examples: &Examples,
    train_split: &str,
    measured: &Measured,
) -> Result<Assessment, Failure> {
    let train = if examples.splits().iter().any(|split| split == train_split) {
        let mut evaluator = Evaluator::new(model, None, Vec::new())?;
        for batch in examples.read(train_split)? {
            evaluator.add(&batch?)?;
        }
        Some(evaluator.outcomes())
    } else {
        invocation.note(&format!(
            "there is no split `{train_split}`: bias and variance cannot be told apart"
        ));
        None
    };
    let classes = &model.signature().label.classes;
    let assessment = goal.assess(&measured.outcomes, train.as_ref(), classes);
    for line in assessment.lines() {
        invocation.note(&line);
    }
    Ok(assessment)
}
