//! The parameters `slices` and `thresholds`: what they may hold, each mistake with its place.

use component_api::catalog::Problem;
use model_scoring::evaluation::{Bound, Slice, Threshold};
use model_scoring::metrics::Metric;
use serde_json::{Map, Value};

/// What a threshold may say.
const THRESHOLD_KEYS: [&str; 5] = ["metric", "min", "max", "change", "slice"];
/// What a change may be bounded by.
const CHANGE_KEYS: [&str; 2] = ["absolute", "relative"];

/// Collects mistakes.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, path: String, message: String, hint: &str) {
        self.0.push(Problem {
            path,
            message,
            hint: hint.to_owned(),
        });
    }

    pub(super) fn unless_empty<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.0)
        }
    }
}

/// Crosses of columns: `[[sex], [island, sex]]`; a bare column is a cross of one.
pub(super) fn slices(params: &Map<String, Value>) -> Result<Vec<Vec<String>>, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut crosses = Vec::new();
    for (at, cross) in list(params, "slices").iter().enumerate() {
        let columns = match cross {
            Value::Array(columns) => columns.clone(),
            column => vec![column.clone()],
        };
        let names: Option<Vec<String>> = columns
            .iter()
            .map(|column| column.as_str().map(str::to_owned))
            .collect();
        match names {
            Some(names) if !names.is_empty() => crosses.push(names),
            _ => problems.add(
                format!("/slices/{at}"),
                format!("{cross} names no columns"),
                "a slice is a list of columns: `[sex]`, or `[island, sex]` for each pair of values",
            ),
        }
    }
    problems.unless_empty(crosses)
}

/// What a blessing asks for.
pub(super) fn thresholds(params: &Map<String, Value>) -> Result<Vec<Threshold>, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut thresholds = Vec::new();
    for (at, value) in list(params, "thresholds").iter().enumerate() {
        let path = format!("/thresholds/{at}");
        match value {
            Value::Object(map) => threshold(map, &path, &mut problems, &mut thresholds),
            other => problems.add(
                path,
                format!("{other} is no threshold"),
                "a threshold is a map: `{ metric: accuracy, min: 0.9 }`",
            ),
        }
    }
    problems.unless_empty(thresholds)
}

fn list<'a>(params: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    let value = params.get(name).and_then(Value::as_array);
    value.map_or(&[], Vec::as_slice)
}

/// One entry: bounds on the value and on the change are a check each.
fn threshold(
    map: &Map<String, Value>,
    path: &str,
    problems: &mut Problems,
    thresholds: &mut Vec<Threshold>,
) {
    unknown_keys(map, &THRESHOLD_KEYS, path, problems);
    let metric = metric(map, path, problems);
    let slice = slice(map, path, problems);
    let mut bounds = Vec::new();
    let (min, max) = (
        number(map, "min", path, problems),
        number(map, "max", path, problems),
    );
    if min.is_some() || max.is_some() {
        bounds.push(Bound::Value { min, max });
    }
    if let Some((min, max)) = min.zip(max).filter(|(min, max)| min > max) {
        problems.add(
            format!("{path}/min"),
            format!("nothing is at least {min} and at most {max}"),
            "`min` is the lower bound",
        );
    }
    match map.get("change") {
        None | Some(Value::Null) => {}
        Some(Value::Object(change)) => {
            let path = format!("{path}/change");
            unknown_keys(change, &CHANGE_KEYS, &path, problems);
            let absolute = number(change, "absolute", &path, problems);
            let relative = number(change, "relative", &path, problems);
            bounds.push(Bound::Change { absolute, relative });
            if !CHANGE_KEYS.iter().any(|key| change.contains_key(*key)) {
                let hint = "for example `{ absolute: -0.005 }`: at most half a point worse";
                problems.add(path, "it bounds nothing".to_owned(), hint);
            }
        }
        Some(other) => problems.add(
            format!("{path}/change"),
            format!("{other} bounds no change"),
            "a change is a map: `{ absolute: -0.005 }` or `{ relative: -0.01 }`",
        ),
    }
    if !["min", "max", "change"]
        .iter()
        .any(|key| map.contains_key(*key))
    {
        let hint = "add `min`, `max` or `change`";
        problems.add(path.to_owned(), "it bounds nothing".to_owned(), hint);
    }
    if let Some(metric) = metric {
        let threshold = |bound| Threshold {
            metric,
            slice: slice.clone(),
            bound,
        };
        thresholds.extend(bounds.into_iter().map(threshold));
    }
}

pub(super) fn unknown_keys(
    map: &Map<String, Value>,
    known: &[&str],
    path: &str,
    problems: &mut Problems,
) {
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        problems.add(
            format!("{path}/{key}"),
            format!("there is no `{key}` here"),
            &format!("there are {}", known.join(", ")),
        );
    }
}

pub(super) fn metric(
    map: &Map<String, Value>,
    path: &str,
    problems: &mut Problems,
) -> Option<Metric> {
    let names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    let hint = format!("there are {}", names.join(", "));
    let Some(Value::String(name)) = map.get("metric") else {
        problems.add(path.to_owned(), "it names no `metric`".to_owned(), &hint);
        return None;
    };
    let metric = Metric::from_name(name);
    if metric.is_none() {
        let message = format!("there is no metric `{name}`");
        problems.add(format!("{path}/metric"), message, &hint);
    }
    metric
}

fn slice(map: &Map<String, Value>, path: &str, problems: &mut Problems) -> Slice {
    match map.get("slice") {
        None | Some(Value::Null) => Slice::overall(),
        Some(Value::Object(values)) => {
            for (column, value) in values {
                if value.is_array() || value.is_object() {
                    problems.add(
                        format!("{path}/slice/{column}"),
                        format!("{value} is no value of a column"),
                        "a slice is a map of columns to values: `{ sex: male }`",
                    );
                }
            }
            Slice::of(values.clone())
        }
        Some(other) => {
            problems.add(
                format!("{path}/slice"),
                format!("{other} is no slice"),
                "a slice is a map of columns to values: `{ sex: male }`",
            );
            Slice::overall()
        }
    }
}

pub(super) fn number(
    map: &Map<String, Value>,
    name: &str,
    path: &str,
    problems: &mut Problems,
) -> Option<f64> {
    let value = map.get(name).filter(|value| !value.is_null())?;
    let number = value.as_f64().filter(|number| number.is_finite());
    if number.is_none() {
        problems.add(
            format!("{path}/{name}"),
            format!("expected a number, got {value}"),
            "",
        );
    }
    number
}
