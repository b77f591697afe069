//! Permutation importance (Breiman, Random Forests, 2001; scikit-learn's `permutation_importance`): the
//! loss of a metric when the values of a raw column are dealt out to other rows.
//!
//! The random numbers come from a fixed seed: equal rows give equal importances, bit for bit.

use std::sync::Arc;

use arrow_array::{RecordBatch, UInt64Array};
use arrow_select::take::take;
use serde::Serialize;

use crate::error::ScoringError;
use crate::evaluation::Evaluator;
use crate::metrics::{Metric, below};
use crate::model::Model;

/// How often a column is shuffled: enough to see whether what is found is chance.
const REPEATS: usize = 5;
/// Any fixed number.
const SEED: u64 = 0x7065_726d_7574_6564;

/// What the shuffling of a column cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Permuted {
    /// The raw column.
    pub column: String,
    /// The mean loss: positive if the model is worse without the column.
    pub mean: f64,
    /// The standard deviation over the repeats.
    pub standard_deviation: f64,
}

/// How much worse a metric gets without each raw column that the model reads, the worst first.
///
/// `batch` holds raw rows with their labels. Empty if the metric has no value on them.
pub fn permutation(
    model: &Model,
    batch: &RecordBatch,
    metric: Metric,
) -> Result<Vec<Permuted>, ScoringError> {
    let measure = |batch: &RecordBatch| -> Result<f64, ScoringError> {
        let mut evaluator = Evaluator::new(model, None, Vec::new())?;
        evaluator.add(batch)?;
        let value = evaluator.outcomes().metric(metric);
        Ok(if metric.higher_is_better() {
            value
        } else {
            -value
        })
    };
    let whole = measure(batch)?;
    if !whole.is_finite() {
        return Ok(Vec::new());
    }
    let mut state = SEED;
    let mut found = Vec::new();
    for input in &model.signature().raw_inputs {
        let mut losses = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            let shuffled = shuffle(batch, &input.name, &mut state)?;
            losses.push(whole - measure(&shuffled)?);
        }
        let mean = losses.iter().sum::<f64>() / REPEATS as f64;
        let spread = losses.iter().map(|loss| (loss - mean).powi(2));
        found.push(Permuted {
            column: input.name.clone(),
            mean,
            standard_deviation: (spread.sum::<f64>() / REPEATS as f64).sqrt(),
        });
    }
    found.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    Ok(found)
}

/// The rows with the values of one column dealt out anew (Fisher and Yates).
fn shuffle(batch: &RecordBatch, name: &str, state: &mut u64) -> Result<RecordBatch, ScoringError> {
    let mut order: Vec<u64> = (0..batch.num_rows() as u64).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(state, last + 1));
    }
    let order = UInt64Array::from(order);
    let schema = batch.schema();
    let mut columns = batch.columns().to_vec();
    if let Some((at, _)) = schema.column_with_name(name) {
        columns[at] = take(&columns[at], &order, None)?;
    }
    Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
}
