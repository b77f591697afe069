//! The parameters that say how to train, and the trainers' options that they stand for.

use std::collections::BTreeMap;

use component_api::catalog::Problem;
use component_api::manifest::{Manifest, ParamSpec, ParamType};
use model_scoring::signature::{Class, Task};
use model_training::weighting::ClassWeight;
use model_training::{boosted_trees, linear, logistic};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::invocation::Failure;

/// Largest seed: every integer up to here is exact in JSON readers that know floats only.
const SEED_MAX: f64 = 9_007_199_254_740_991.0;
/// Least rate or fraction: below it training does nothing in any number of rounds that is allowed.
const FRACTION_MIN: f64 = 1e-6;
/// Most rounds of boosting; a model of more trees takes longer to score than anyone waits.
const ROUNDS_MAX: f64 = 100_000.0;
/// Most iterations of the search for a linear model's minimum.
const ITERATIONS_MAX: f64 = 1_000_000.0;
/// Most leaves of one tree: far beyond any that generalises.
const LEAVES_MAX: f64 = 65_536.0;
/// Deepest tree.
const DEPTH_MAX: f64 = 1_000.0;
/// The penalty of linear models where none is given; scikit-learn's default.
const LINEAR_L2: f64 = 1.0;

/// How to train.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Options {
    pub(super) task: Task,
    pub(super) algorithm: Algorithm,
    seed: u64,
    class_weight: Value,
    l2: Option<f64>,
    learning_rate: f64,
    rounds: usize,
    max_leaves: usize,
    max_depth: usize,
    min_rows_per_leaf: usize,
    subsample: f64,
    max_features: f64,
    early_stopping_rounds: usize,
    max_iterations: usize,
}

/// A built-in trainer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Algorithm {
    Linear,
    Logistic,
    BoostedTrees,
}

impl Algorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Logistic => "logistic",
            Self::BoostedTrees => "boosted_trees",
        }
    }
}

/// Adds the parameters to the manifest.
pub(super) fn params(manifest: Manifest) -> Manifest {
    let number = |text: &str, default: f64, min: f64, max: f64| {
        ParamSpec::new(ParamType::Number, text)
            .default_value(default)
            .between(min, max)
    };
    let integer = |text: &str, default: i64, min: f64, max: f64| {
        ParamSpec::new(ParamType::Integer, text)
            .default_value(default)
            .between(min, max)
    };
    let choice =
        |text: &str, values: &[&str]| ParamSpec::new(ParamType::String, text).one_of(values);
    manifest
        .param("task", choice("What is predicted: one of two classes, one of several, or a number.", &["binary", "multiclass", "regression"]).required())
        .param("algorithm", choice("The trainer: `linear` for regression, `logistic` for classes, `boosted_trees` for both.", &["linear", "logistic", "boosted_trees"]).default_value("boosted_trees"))
        .param("seed", integer("Decides what is sampled; the same seed gives the same model, bit for bit.", 0, 0.0, SEED_MAX))
        .param("class_weight", ParamSpec::new(ParamType::Any, "How much each class counts: `none`, `balanced` (inversely to how often it occurs), or a map from class to factor.").default_value("none"))
        .param("l2", ParamSpec::new(ParamType::Number, "Shrinks coefficients or leaves; 1 for linear and logistic models and 0 for trees if not given.").between(0.0, f64::MAX))
        .param("learning_rate", number("Boosted trees: how much of each tree's answer is taken.", 0.1, FRACTION_MIN, 1.0))
        .param("rounds", integer("Boosted trees: the most trees per class.", 100, 1.0, ROUNDS_MAX))
        .param("max_leaves", integer("Boosted trees: the most leaves of a tree.", 31, 2.0, LEAVES_MAX))
        .param("max_depth", integer("Boosted trees: the most splits between root and leaf; 0 is no bound.", 0, 0.0, DEPTH_MAX))
        .param("min_rows_per_leaf", integer("Boosted trees: the fewest training rows of a leaf.", 20, 1.0, f64::from(u32::MAX)))
        .param("subsample", number("Boosted trees: the fraction of rows that each round learns from.", 1.0, FRACTION_MIN, 1.0))
        .param("max_features", number("Boosted trees: the fraction of features that each split looks at.", 1.0, FRACTION_MIN, 1.0))
        .param("early_stopping_rounds", integer("Boosted trees: stop when the eval loss has not improved for so many rounds, and go back to the best; 0 is never.", 10, 0.0, ROUNDS_MAX))
        .param("max_iterations", integer("Linear and logistic models: the most iterations.", 500, 1.0, ITERATIONS_MAX))
}

/// What no single parameter's type says.
pub(super) fn check(params: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |path: &str, message: String, hint: &str| {
        problems.push(Problem {
            path: path.to_owned(),
            message,
            hint: hint.to_owned(),
        });
    };
    let text = |name: &str| params.get(name).and_then(Value::as_str);
    match (text("task"), text("algorithm")) {
        (Some("binary" | "multiclass"), Some("linear")) => problem(
            "/algorithm",
            "a linear regression predicts numbers, not classes".to_owned(),
            "use `algorithm: logistic` or `boosted_trees`",
        ),
        (Some("regression"), Some("logistic")) => problem(
            "/algorithm",
            "a logistic regression predicts classes, not numbers".to_owned(),
            "use `algorithm: linear` or `boosted_trees`",
        ),
        _ => {}
    }
    match params.get("class_weight") {
        None | Some(Value::Null) => {}
        Some(Value::String(word)) if word == "none" => {}
        Some(_) if text("task") == Some("regression") => problem(
            "/class_weight",
            "a regression has no classes to weigh".to_owned(),
            "leave it out; a `weight` in `transform` weighs rows",
        ),
        Some(Value::String(word)) if word == "balanced" => {}
        Some(Value::Object(map)) => {
            for (class, factor) in map {
                if !factor.as_f64().is_some_and(|f| f.is_finite() && f >= 0.0) {
                    problem(
                        &format!("/class_weight/{}", pointer_part(class)),
                        format!("{factor} is no factor for the class `{class}`"),
                        "a factor is a number of at least 0",
                    );
                }
            }
        }
        Some(other) => problem(
            "/class_weight",
            format!("{other} says nothing about classes"),
            "use `none`, `balanced`, or a map from class to factor",
        ),
    }
    problems
}

/// A key as part of a JSON pointer.
fn pointer_part(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl Options {
    fn class_weight(&self, classes: &[Class]) -> Result<ClassWeight, Failure> {
        let map = match &self.class_weight {
            Value::String(word) if word == "balanced" => return Ok(ClassWeight::Balanced),
            Value::Object(map) => map,
            _ => return Ok(ClassWeight::None),
        };
        let names: Vec<String> = classes.iter().map(Class::to_string).collect();
        let mut given = BTreeMap::new();
        for (class, factor) in map {
            let index = names.iter().position(|name| name == class).ok_or_else(|| {
                Failure::new(format!(
                    "`class_weight` names the class `{class}`, which the label does not have"
                ))
                .hint(format!("its classes are {}", names.join(", ")))
            })?;
            // `check` has seen that it is a number.
            given.insert(index, factor.as_f64().unwrap_or(1.0));
        }
        Ok(ClassWeight::Given(given))
    }

    pub(super) fn linear(&self) -> linear::Options {
        linear::Options {
            l2: self.l2.unwrap_or(LINEAR_L2),
            max_iterations: self.max_iterations,
        }
    }

    pub(super) fn logistic(&self, classes: &[Class]) -> Result<logistic::Options, Failure> {
        Ok(logistic::Options {
            l2: self.l2.unwrap_or(LINEAR_L2),
            max_iterations: self.max_iterations,
            class_weight: self.class_weight(classes)?,
        })
    }

    pub(super) fn boosted_trees(
        &self,
        classes: &[Class],
    ) -> Result<boosted_trees::Options, Failure> {
        Ok(boosted_trees::Options {
            learning_rate: self.learning_rate,
            rounds: self.rounds,
            max_leaves: self.max_leaves,
            max_depth: self.max_depth,
            min_rows_per_leaf: self.min_rows_per_leaf,
            l2: self.l2.unwrap_or(0.0),
            subsample: self.subsample,
            max_features: self.max_features,
            early_stopping_rounds: self.early_stopping_rounds,
            class_weight: self.class_weight(classes)?,
            seed: self.seed,
        })
    }
}
