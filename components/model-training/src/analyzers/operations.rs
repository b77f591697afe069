//! The operations of a feature as the user writes them: a name, or a map of one name to arguments.

use model_scoring::expression::Expression;
use model_scoring::graph::{DatePart, DateUnit, Literal};
use serde::Deserialize;
use serde_json::{Map, Value};

/// An operation before anything is fitted for it.
#[derive(Debug, Clone, PartialEq)]
pub enum OperationSpec {
    /// `z_score`
    ZScore,
    /// `min_max`, or `min_max: { min, max }`
    MinMax {
        /// The least result.
        low: f64,
        /// The greatest result.
        high: f64,
    },
    /// `bucketize: N`
    Bucketize {
        /// The number of buckets.
        buckets: usize,
    },
    /// `vocabulary`, or `vocabulary: { top_k, min_frequency, oov_buckets }`
    Vocabulary {
        /// At most so many terms.
        top_k: Option<usize>,
        /// Only terms that occur so often.
        min_frequency: u64,
        /// Buckets for unknown terms.
        oov_buckets: usize,
    },
    /// `hash: N`
    Hash {
        /// The number of buckets.
        buckets: usize,
    },
    /// `one_hot`
    OneHot,
    /// `impute: mean | median | VALUE`
    Impute(ImputeSpec),
    /// `clip: { min, max }` or `clip: [MIN, MAX]`
    Clip {
        /// The least result.
        min: Option<f64>,
        /// The greatest result.
        max: Option<f64>,
    },
    /// `log`, or `log: { add: X }`
    Log {
        /// What is added first.
        add: f64,
    },
    /// `cross`, or `cross: N` to hash the crossed texts at once
    Cross {
        /// The number of buckets.
        buckets: Option<usize>,
    },
    /// `date_parts`, or `date_parts: [year, hour]`, or `date_parts: { parts, unit }`
    DateParts {
        /// Which parts, each a feature.
        parts: Vec<DatePart>,
        /// What integers count.
        unit: Option<DateUnit>,
    },
    /// `expr: TEXT`, in the place of columns
    Expr(Expression),
}

/// What stands in for missing values.
#[derive(Debug, Clone, PartialEq)]
pub enum ImputeSpec {
    /// `mean`; on a text column, that word.
    Mean,
    /// `median`; on a text column, that word.
    Median,
    /// A value.
    Value(Literal),
}

/// The parts that `date_parts` alone gives.
const DATE_PARTS: [DatePart; 5] = [
    DatePart::Year,
    DatePart::Month,
    DatePart::Day,
    DatePart::Weekday,
    DatePart::Hour,
];
/// The most buckets of one operation: indices beyond are not exact in float32.
const BUCKETS_MAX: u64 = 1 << 24;

const NAMES: [&str; 12] = [
    "z_score",
    "min_max",
    "bucketize",
    "vocabulary",
    "hash",
    "one_hot",
    "impute",
    "clip",
    "log",
    "cross",
    "date_parts",
    "expr",
];

impl OperationSpec {
    /// Reads one entry of `ops`; what is wrong with it, if it makes no sense.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(name) => Self::named(name, None),
            Value::Object(map) => {
                let mut entries = map.iter();
                match (entries.next(), entries.next()) {
                    (Some((name, argument)), None) => Self::named(name, Some(argument)),
                    _ => Err("an operation is a map of one name to its argument".to_owned()),
                }
            }
            other => Err(format!(
                "an operation is a name or a map of one name, not {other}"
            )),
        }
    }

    fn named(name: &str, argument: Option<&Value>) -> Result<Self, String> {
        let argument = argument.filter(|value| !value.is_null());
        match name {
            "z_score" => none(name, argument).map(|()| Self::ZScore),
            "one_hot" => none(name, argument).map(|()| Self::OneHot),
            "bucketize" => Ok(Self::Bucketize {
                buckets: buckets(name, argument, 2)?
                    .ok_or_else(|| need(name, "a number of buckets"))?,
            }),
            "hash" => Ok(Self::Hash {
                buckets: buckets(name, argument, 1)?
                    .ok_or_else(|| need(name, "a number of buckets"))?,
            }),
            "cross" => Ok(Self::Cross {
                buckets: buckets(name, argument, 1)?,
            }),
            "impute" => impute(argument),
            "min_max" => min_max(argument),
            "vocabulary" => vocabulary(argument),
            "clip" => clip(argument),
            "log" => {
                #[derive(Deserialize, Default)]
                #[serde(default, deny_unknown_fields)]
                struct Log {
                    add: f64,
                }
                Ok(Self::Log {
                    add: fields::<Log>(name, argument)?.add,
                })
            }
            "date_parts" => date_parts(argument),
            "expr" => match argument {
                Some(Value::String(text)) => Expression::parse(text)
                    .map(Self::Expr)
                    .map_err(|error| error.to_string()),
                _ => Err(need(name, "a text")),
            },
            _ => Err(format!(
                "there is no operation `{name}`; there are {}",
                NAMES.join(", ")
            )),
        }
    }
}

fn need(name: &str, what: &str) -> String {
    format!("`{name}` needs {what}")
}

fn none(name: &str, argument: Option<&Value>) -> Result<(), String> {
    match argument {
        None => Ok(()),
        Some(Value::Object(map)) if map.is_empty() => Ok(()),
        Some(other) => Err(format!("`{name}` takes no argument, but has {other}")),
    }
}

/// The fields of an operation's map; defaults if there is no argument.
fn fields<T: serde::de::DeserializeOwned>(
    name: &str,
    argument: Option<&Value>,
) -> Result<T, String> {
    let value = argument
        .cloned()
        .unwrap_or_else(|| Value::Object(Map::new()));
    serde_json::from_value(value).map_err(|error| format!("`{name}`: {error}"))
}

/// A number of buckets, given alone or as `{ buckets: N }`.
fn buckets(name: &str, argument: Option<&Value>, least: u64) -> Result<Option<usize>, String> {
    let number = match argument {
        None => return Ok(None),
        Some(Value::Object(map)) if map.len() == 1 => map.get("buckets"),
        other => other,
    };
    let number = number.and_then(Value::as_u64);
    match number.filter(|n| (least..=BUCKETS_MAX).contains(n)) {
        Some(number) => Ok(Some(number as usize)),
        None => Err(need(
            name,
            &format!("a number of buckets from {least} to {BUCKETS_MAX}"),
        )),
    }
}

fn impute(argument: Option<&Value>) -> Result<OperationSpec, String> {
    let spec = match argument {
        Some(Value::String(text)) if text == "mean" => ImputeSpec::Mean,
        Some(Value::String(text)) if text == "median" => ImputeSpec::Median,
        Some(Value::String(text)) => ImputeSpec::Value(Literal::Text(text.clone())),
        Some(Value::Bool(value)) => ImputeSpec::Value(Literal::Boolean(*value)),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => ImputeSpec::Value(Literal::Integer(integer)),
            (None, Some(float)) => ImputeSpec::Value(Literal::Number(float)),
            (None, None) => return Err(need("impute", "a number in range")),
        },
        _ => return Err(need("impute", "`mean`, `median` or a value")),
    };
    Ok(OperationSpec::Impute(spec))
}

fn min_max(argument: Option<&Value>) -> Result<OperationSpec, String> {
    #[derive(Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct MinMax {
        min: f64,
        max: f64,
    }
    impl Default for MinMax {
        fn default() -> Self {
            Self { min: 0.0, max: 1.0 }
        }
    }
    let MinMax { min, max } = fields("min_max", argument)?;
    if min >= max {
        return Err(format!(
            "`min_max` needs `min` below `max`, but has {min} and {max}"
        ));
    }
    Ok(OperationSpec::MinMax {
        low: min,
        high: max,
    })
}

fn vocabulary(argument: Option<&Value>) -> Result<OperationSpec, String> {
    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Vocabulary {
        top_k: Option<usize>,
        min_frequency: u64,
        oov_buckets: usize,
    }
    let Vocabulary {
        top_k,
        min_frequency,
        oov_buckets,
    } = fields("vocabulary", argument)?;
    if top_k == Some(0) {
        return Err(need("vocabulary", "a `top_k` of at least 1"));
    }
    if oov_buckets as u64 > BUCKETS_MAX {
        return Err(need(
            "vocabulary",
            &format!("at most {BUCKETS_MAX} `oov_buckets`"),
        ));
    }
    Ok(OperationSpec::Vocabulary {
        top_k,
        min_frequency,
        oov_buckets,
    })
}

fn clip(argument: Option<&Value>) -> Result<OperationSpec, String> {
    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Clip {
        min: Option<f64>,
        max: Option<f64>,
    }
    let Clip { min, max } = match argument {
        Some(Value::Array(pair)) if pair.len() == 2 => {
            let number = |value: &Value| match value {
                Value::Null => Ok(None),
                value => value
                    .as_f64()
                    .map(Some)
                    .ok_or_else(|| need("clip", "two numbers")),
            };
            Clip {
                min: number(&pair[0])?,
                max: number(&pair[1])?,
            }
        }
        argument => fields("clip", argument)?,
    };
    match (min, max) {
        (None, None) => Err(need("clip", "`min`, `max` or both")),
        (Some(min), Some(max)) if min > max => Err(format!(
            "`clip` needs `min` at most `max`, but has {min} and {max}"
        )),
        _ => Ok(OperationSpec::Clip { min, max }),
    }
}

fn date_parts(argument: Option<&Value>) -> Result<OperationSpec, String> {
    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct DateParts {
        parts: Vec<DatePart>,
        unit: Option<DateUnit>,
    }
    let DateParts { mut parts, unit } = match argument {
        Some(Value::Array(parts)) => DateParts {
            parts: fields("date_parts", Some(&Value::Array(parts.clone())))?,
            unit: None,
        },
        argument => fields("date_parts", argument)?,
    };
    if parts.is_empty() {
        parts = DATE_PARTS.to_vec();
    }
    Ok(OperationSpec::DateParts { parts, unit })
}
