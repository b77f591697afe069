//! What a training says of itself: lines in the log, and the Metrics artifact.

use std::fs;
use std::path::Path;

use model_scoring::evaluation::number_text;
use model_scoring::metrics::{Metric, Outcomes};
use model_scoring::signature::Task;
use model_training::Iteration;
use model_training::history::{End, History};
use serde_json::{Map, Value};

use crate::invocation::Failure;

/// A line of progress.
pub(super) fn progress_line(iteration: &Iteration) -> String {
    let mut line = format!(
        "iteration {} of {}: train loss {}",
        iteration.number,
        iteration.of,
        number_text(iteration.train_loss)
    );
    if let Some(eval_loss) = iteration.eval_loss {
        line += ", eval loss ";
        line += &number_text(eval_loss);
    }
    line
}

/// Why training ended.
pub(super) fn end_line(history: &History) -> String {
    match history.end {
        End::Converged => format!("converged after {} iterations", history.kept),
        End::Exhausted if history.kept == history.iterations.len() => {
            format!("ended after all {} iterations", history.kept)
        }
        End::Exhausted => format!(
            "ended after all iterations; the eval loss was best after {}",
            history.kept
        ),
        End::EarlyStopped => format!(
            "stopped early after {} iterations: the eval loss was best after {}",
            history.iterations.len(),
            history.kept
        ),
    }
}

/// The outcomes of the model and of the baseline on each split.
pub(super) struct Results {
    pub(super) task: Task,
    pub(super) train: Outcomes,
    /// None without an eval split.
    pub(super) eval: Option<Outcomes>,
    /// On the eval split if there is one.
    pub(super) baseline: Outcomes,
    pub(super) iterations: usize,
    pub(super) features: usize,
}

impl Results {
    /// The metrics by name: those of the eval split bear a metric's own name, the others a prefix.
    pub(super) fn metrics(&self) -> Map<String, Value> {
        let mut metrics = Map::new();
        let mut put = |name: String, value: f64| {
            // Where a metric has no value it is absent, as JSON has no number for it.
            if value.is_finite() {
                metrics.insert(name, Value::from(value));
            }
        };
        for metric in Metric::of_task(self.task) {
            let name = metric.name();
            if let Some(eval) = &self.eval {
                put(name.to_owned(), eval.metric(metric));
            }
            put(format!("train_{name}"), self.train.metric(metric));
            put(format!("baseline_{name}"), self.baseline.metric(metric));
        }
        put("train_loss".to_owned(), self.loss(&self.train));
        put("baseline_loss".to_owned(), self.loss(&self.baseline));
        if let Some(eval) = &self.eval {
            put("eval_loss".to_owned(), self.loss(eval));
        }
        let eval_rows = self.eval.as_ref().map_or(0, Outcomes::rows);
        for (name, count) in [
            ("iterations", self.iterations),
            ("features", self.features),
            ("train_rows", self.train.rows()),
            ("eval_rows", eval_rows),
        ] {
            metrics.insert(name.to_owned(), Value::from(count));
        }
        metrics
    }

    /// What training minimizes, without penalties and class weights: log loss, or the squared error.
    fn loss(&self, outcomes: &Outcomes) -> f64 {
        match self.task {
            Task::Regression => outcomes.metric(Metric::Rmse).powi(2),
            Task::Binary | Task::Multiclass => outcomes.metric(Metric::LogLoss),
        }
    }

    /// The metrics as a table for people.
    pub(super) fn table(&self) -> Vec<String> {
        let baseline_name = match self.task {
            Task::Regression => "mean",
            Task::Binary | Task::Multiclass => "majority",
        };
        let row = |name: &str, cells: [&str; 3]| {
            format!("{name:<18}{:>12}{:>12}{:>12}", cells[0], cells[1], cells[2])
        };
        let mut lines = vec![row("metric", ["eval", "train", baseline_name])];
        for metric in Metric::of_task(self.task) {
            let eval = self.eval.as_ref().map(|eval| eval.metric(metric));
            let eval = eval.map_or_else(|| "-".to_owned(), number_text);
            let train = number_text(self.train.metric(metric));
            let baseline = number_text(self.baseline.metric(metric));
            lines.push(row(metric.name(), [&eval, &train, &baseline]));
        }
        lines
    }
}

/// Writes the metrics as a file of JSON.
pub(super) fn write(path: &Path, metrics: &Map<String, Value>) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(metrics)?;
    text.push('\n');
    fs::write(path, text).map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))
}
