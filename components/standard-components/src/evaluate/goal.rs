//! `goal`: from a metric to what it is good for.
//!
//! How well people do, how good the model has to be and by when, and what each decision is worth. From
//! that follows what to work on: a model that is worse than people on rows that it has seen needs to
//! learn more of them (bias), one that is worse on new rows than on those needs more of them (variance).

use component_api::catalog::Problem;
use model_scoring::evaluation::number_text;
use model_scoring::metrics::{Metric, Outcomes};
use model_scoring::signature::Class;
use serde_json::{Map, Value, json};

use super::params::{Problems, metric, number, unknown_keys};
use crate::invocation::Failure;

/// What a goal may say.
const KEYS: [&str; 5] = ["metric", "human", "target", "by", "value"];

/// What a model is wanted for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Goal {
    metric: Metric,
    human: Option<f64>,
    target: Option<f64>,
    by: Option<String>,
    /// For a label: what each decision is worth.
    worth: Map<String, Value>,
}

/// Reads the parameter `goal`.
pub(super) fn parse(params: &Map<String, Value>) -> Result<Option<Goal>, Vec<Problem>> {
    let mut problems = Problems::default();
    let map = match params.get("goal") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(map)) => map,
        Some(other) => {
            let hint = "a goal is a map: `{ metric: accuracy, human: 0.98, target: 0.95, by: 2027-01-01 }`";
            problems.add("/goal".to_owned(), format!("{other} is no goal"), hint);
            return problems.unless_empty(None);
        }
    };
    unknown_keys(map, &KEYS, "/goal", &mut problems);
    let metric = metric(map, "/goal", &mut problems);
    let human = number(map, "human", "/goal", &mut problems);
    let target = number(map, "target", "/goal", &mut problems);
    let by = by(map, &mut problems);
    let worth = worth(map, &mut problems);
    let goal = metric.map(|metric| Goal {
        metric,
        human,
        target,
        by,
        worth,
    });
    problems.unless_empty(goal)
}

fn by(map: &Map<String, Value>, problems: &mut Problems) -> Option<String> {
    let value = map.get("by").filter(|value| !value.is_null())?;
    let text = value.as_str().unwrap_or_default();
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &&str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_date = matches!(parts.as_slice(), [year, month, day]
        if is_number(year, 4) && is_number(month, 2) && is_number(day, 2));
    if !is_date {
        let message = format!("{value} is no date");
        problems.add("/goal/by".to_owned(), message, "a date is `2027-01-31`");
    }
    Some(text.to_owned())
}

fn worth(map: &Map<String, Value>, problems: &mut Problems) -> Map<String, Value> {
    let hint = "for each label what each decision is worth: `{ true: { true: 5, false: -5 }, false: { true: -1 } }`";
    let labels = match map.get("value") {
        None | Some(Value::Null) => return Map::new(),
        Some(Value::Object(labels)) => labels,
        Some(other) => {
            problems.add(
                "/goal/value".to_owned(),
                format!("{other} is no value"),
                hint,
            );
            return Map::new();
        }
    };
    for (label, decisions) in labels {
        let path = format!("/goal/value/{label}");
        match decisions {
            Value::Object(decisions) => {
                for decision in decisions.keys() {
                    number(decisions, decision, &path, problems);
                }
            }
            other => problems.add(path, format!("{other} is no value"), hint),
        }
    }
    labels.clone()
}

impl Goal {
    /// What the parameters could not say without knowing the model.
    pub(super) fn check(&self, classes: &[Class], metrics: &[Metric]) -> Result<(), Failure> {
        if !metrics.contains(&self.metric) {
            let names: Vec<&str> = metrics.iter().map(|metric| metric.name()).collect();
            return Err(Failure::new(format!(
                "`with`.goal.metric: a model of this task has no {}",
                self.metric.name()
            ))
            .hint(format!("it has {}", names.join(", "))));
        }
        let names: Vec<String> = classes.iter().map(Class::to_string).collect();
        let decisions = self.worth.values().filter_map(Value::as_object);
        let mut named = decisions.flat_map(Map::keys).chain(self.worth.keys());
        match named.find(|name| !names.contains(name)) {
            None => Ok(()),
            Some(name) if names.is_empty() => Err(Failure::new(format!(
                "`with`.goal.value names the class `{name}`, but the model predicts a number"
            ))
            .hint("leave `value` out")),
            Some(name) => Err(Failure::new(format!(
                "`with`.goal.value names the class `{name}`, which the label does not have"
            ))
            .hint(format!("its classes are {}", names.join(", ")))),
        }
    }

    /// How far the model is from the goal.
    pub(super) fn assess(
        &self,
        eval: &Outcomes,
        train: Option<&Outcomes>,
        classes: &[Class],
    ) -> Assessment {
        let measure =
            |outcomes: &Outcomes| Some(outcomes.metric(self.metric)).filter(|x| x.is_finite());
        let (eval_value, train_value) = (measure(eval), train.and_then(measure));
        // Positive is worse, whichever way the metric counts.
        let short = |wanted: Option<f64>, found: Option<f64>| {
            let difference = wanted? - found?;
            Some(if self.metric.higher_is_better() {
                difference
            } else {
                -difference
            })
        };
        Assessment {
            goal: self.clone(),
            eval: eval_value,
            train: train_value,
            avoidable_bias: short(self.human, train_value),
            variance: short(train_value, eval_value),
            gap: short(self.target, eval_value),
            money: self.money(eval, classes),
        }
    }

    /// What the decisions on the rows were worth; `None` if nothing says what one is.
    fn money(&self, outcomes: &Outcomes, classes: &[Class]) -> Option<Money> {
        let Outcomes::Classes(outcomes) = outcomes else {
            return None;
        };
        if self.worth.is_empty() {
            return None;
        }
        let confusion = outcomes.confusion(outcomes.weights());
        let names: Vec<String> = classes.iter().map(Class::to_string).collect();
        let worth = |label: &str, decision: &str| {
            let value = self.worth.get(label).and_then(|of| of.get(decision));
            value.and_then(Value::as_f64).unwrap_or(0.0)
        };
        let matrix: Vec<Vec<f64>> = confusion
            .chunks(names.len().max(1))
            .zip(&names)
            .map(|(weights, label)| {
                let pairs = weights.iter().zip(&names);
                pairs
                    .map(|(weight, decision)| weight * worth(label, decision))
                    .collect()
            })
            .collect();
        let total: f64 = matrix.iter().flatten().sum();
        let rows: f64 = confusion.iter().sum();
        Some(Money {
            matrix,
            total,
            per_row: total / rows,
        })
    }
}

/// Where a model stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assessment {
    goal: Goal,
    eval: Option<f64>,
    train: Option<f64>,
    avoidable_bias: Option<f64>,
    variance: Option<f64>,
    gap: Option<f64>,
    money: Option<Money>,
}

/// The confusion matrix in money: rows are labels, columns decisions.
#[derive(Debug, Clone, PartialEq)]
struct Money {
    matrix: Vec<Vec<f64>>,
    total: f64,
    per_row: f64,
}

impl Assessment {
    /// As `evaluation.json` holds it.
    pub(super) fn json(&self) -> Value {
        let money = self.money.as_ref().map(|money| {
            json!({ "matrix": money.matrix, "total": money.total, "per_row": money.per_row })
        });
        json!({
            "metric": self.goal.metric.name(),
            "human": self.goal.human,
            "target": self.goal.target,
            "by": self.goal.by,
            "eval": self.eval,
            "train": self.train,
            "avoidable_bias": self.avoidable_bias,
            "variance": self.variance,
            "gap": self.gap,
            "advice": self.advice(),
            "money": money,
        })
    }

    /// What a person reads.
    pub(super) fn lines(&self) -> Vec<String> {
        let metric = self.goal.metric.name();
        let mut lines = Vec::new();
        let mut line = |value: Option<f64>, text: &dyn Fn(String) -> String| {
            lines.extend(value.map(|value| text(number_text(value))));
        };
        line(self.avoidable_bias, &|x| {
            format!("avoidable bias in {metric}, people against the training rows: {x}")
        });
        line(self.variance, &|x| {
            format!("variance in {metric}, the training rows against new ones: {x}")
        });
        let by = self
            .goal
            .by
            .as_ref()
            .map_or_else(String::new, |by| format!(" by {by}"));
        line(self.gap.filter(|gap| *gap > 0.0), &|x| {
            format!("the target{by} is missed by {x}")
        });
        if self.gap.is_some_and(|gap| gap <= 0.0) {
            lines.push("the target is reached".to_owned());
        }
        if let Some(money) = &self.money {
            lines.push(format!(
                "the decisions are worth {}, {} a row",
                number_text(money.total),
                number_text(money.per_row)
            ));
        }
        lines.extend(self.advice().map(str::to_owned));
        lines
    }

    /// What to work on next.
    fn advice(&self) -> Option<&'static str> {
        if self.gap.is_some_and(|gap| gap <= 0.0) {
            return None;
        }
        let (bias, variance) = (self.avoidable_bias?, self.variance?);
        Some(if bias <= 0.0 && variance <= 0.0 {
            "it does as well as people: look at the labels and the target"
        } else if bias >= variance {
            "bias is the greater part: try a larger model, better features or longer training"
        } else {
            "variance is the greater part: try more rows, a simpler model or more regularization"
        })
    }
}
