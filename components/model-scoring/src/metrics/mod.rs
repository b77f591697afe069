//! How good predictions are.
//!
//! [`Outcomes`] holds labels and predictions; [`Metric`] names what can be computed of them. Values are
//! those of scikit-learn's functions, which each metric names with its formula. It does not know slices'
//! names, thresholds or files.

mod bootstrap;
mod classes;
mod curves;
mod numbers;

pub(crate) use bootstrap::below;
pub use bootstrap::{Interval, intervals};
pub use classes::ClassOutcomes;
pub use curves::{CalibrationBin, CurvePoint};
pub use numbers::NumberOutcomes;

use crate::signature::Task;

/// A measure of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// The area under the ROC curve; of several classes the mean of each against the rest.
    Auc,
    /// Average precision: the area under the precision-recall steps, without interpolation.
    PrAuc,
    /// The mean negative logarithm of the label's probability.
    LogLoss,
    /// The share of right decisions.
    Accuracy,
    /// Of the rows decided positive, the share that is.
    Precision,
    /// Of the positive rows, the share decided so.
    Recall,
    /// The harmonic mean of precision and recall.
    F1,
    /// The mean of the classes' precisions.
    PrecisionMacro,
    /// The mean of the classes' recalls.
    RecallMacro,
    /// The mean of the classes' F1.
    F1Macro,
    /// The mean absolute error.
    Mae,
    /// The root of the mean squared error.
    Rmse,
    /// The coefficient of determination.
    R2,
    /// The mean absolute error as a share of the label.
    Mape,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 14] = [
        Self::Auc,
        Self::PrAuc,
        Self::LogLoss,
        Self::Accuracy,
        Self::Precision,
        Self::Recall,
        Self::F1,
        Self::PrecisionMacro,
        Self::RecallMacro,
        Self::F1Macro,
        Self::Mae,
        Self::Rmse,
        Self::R2,
        Self::Mape,
    ];

    /// The name in pipelines and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auc => "auc",
            Self::PrAuc => "pr_auc",
            Self::LogLoss => "log_loss",
            Self::Accuracy => "accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::F1 => "f1",
            Self::PrecisionMacro => "precision_macro",
            Self::RecallMacro => "recall_macro",
            Self::F1Macro => "f1_macro",
            Self::Mae => "mae",
            Self::Rmse => "rmse",
            Self::R2 => "r2",
            Self::Mape => "mape",
        }
    }

    /// The metric of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether more is better.
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Self::LogLoss | Self::Mae | Self::Rmse | Self::Mape)
    }

    /// The metrics of a task.
    pub fn of_task(task: Task) -> Vec<Self> {
        let range = match task {
            Task::Binary => vec![
                Self::Auc,
                Self::PrAuc,
                Self::LogLoss,
                Self::Accuracy,
                Self::Precision,
                Self::Recall,
                Self::F1,
            ],
            Task::Multiclass => vec![
                Self::Auc,
                Self::LogLoss,
                Self::Accuracy,
                Self::PrecisionMacro,
                Self::RecallMacro,
                Self::F1Macro,
            ],
            Task::Regression => vec![Self::Mae, Self::Rmse, Self::R2, Self::Mape],
        };
        debug_assert!(range.is_sorted());
        range
    }
}

/// Labels and what was predicted for them.
#[derive(Debug, Clone)]
pub enum Outcomes {
    /// Of a binary or multiclass model.
    Classes(ClassOutcomes),
    /// Of a regression.
    Numbers(NumberOutcomes),
}

impl Outcomes {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes(outcomes) => outcomes.rows(),
            Self::Numbers(outcomes) => outcomes.rows(),
        }
    }

    /// The weight of every row.
    pub fn weights(&self) -> &[f64] {
        match self {
            Self::Classes(outcomes) => outcomes.weights(),
            Self::Numbers(outcomes) => outcomes.weights(),
        }
    }

    /// These rows alone.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes(outcomes) => Self::Classes(outcomes.select(rows)),
            Self::Numbers(outcomes) => Self::Numbers(outcomes.select(rows)),
        }
    }

    /// A metric of all rows; NaN where it has no meaning, such as the AUC of a single class.
    pub fn metric(&self, metric: Metric) -> f64 {
        self.weighted(metric, self.weights())
    }

    /// A metric with other weights for the rows.
    pub fn weighted(&self, metric: Metric, weights: &[f64]) -> f64 {
        match self {
            Self::Classes(outcomes) => outcomes.metric(metric, weights),
            Self::Numbers(outcomes) => outcomes.metric(metric, weights),
        }
    }
}

/// `a / b`, and `otherwise` if b is 0.
fn ratio(a: f64, b: f64, otherwise: f64) -> f64 {
    if b == 0.0 { otherwise } else { a / b }
}
