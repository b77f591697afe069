//! What a fit reports while it goes on and when it is done.

use model_scoring::predictor::Predictor;

/// One iteration, as it is shown in the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iteration {
    /// From 1.
    pub number: usize,
    /// The most there can be.
    pub of: usize,
    /// Mean loss per unit of weight on the training split, without penalties:
    /// log loss in nats for classes, squared error for numbers.
    pub train_loss: f64,
    /// The same on the eval split, where the algorithm looks at it.
    pub eval_loss: Option<f64>,
}

/// Called after every iteration.
pub type Progress<'a> = dyn FnMut(&Iteration) + 'a;

/// All iterations of a fit and why it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// In order.
    pub iterations: Vec<Iteration>,
    /// How many of them the predictor is made of: fewer than were tried if
    /// early stopping went back to the best one.
    pub kept: usize,
    /// Why it went no further.
    pub end: End,
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Another iteration would change nothing that matters.
    Converged,
    /// The eval loss had not improved for `early_stopping_rounds`.
    EarlyStopped,
    /// All rounds or iterations that were allowed.
    Exhausted,
}

/// A trained predictor and how it came about.
#[derive(Debug, Clone)]
pub struct Fit {
    /// What was learned.
    pub predictor: Predictor,
    /// How.
    pub history: History,
}
