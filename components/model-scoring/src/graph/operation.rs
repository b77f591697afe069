//! The operations of a graph, with what was fitted for them.
//!
//! They are data: the `apply` module computes them, the `file` module writes and reads them.
//! A changed behaviour of an operation is a new version of it, and the old one stays.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What a node does with its inputs' values.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// A raw column. NaN counts as missing.
    Column {
        /// Its name.
        name: String,
    },
    /// A constant.
    Literal(Literal),
    /// `(x - mean) / sqrt(variance)`; `x - mean` if the variance is 0 (as TFT's `scale_to_z_score`).
    ZScore {
        /// The mean of the training split.
        mean: f64,
        /// Its population variance.
        variance: f64,
    },
    /// The training split's range projected to `low..high`; without a range (constant or no data) the
    /// logistic function of x, projected (as TFT's `scale_by_min_max`).
    MinMax {
        /// The least result.
        low: f64,
        /// The greatest result.
        high: f64,
        /// The least value of the training split; `None`: it had none.
        minimum: Option<f64>,
        /// The greatest value of the training split; `None`: it had none.
        maximum: Option<f64>,
    },
    /// The number of boundaries that are at most x.
    Bucketize {
        /// How many buckets were asked for; equal quantiles are one boundary, so there may be fewer.
        buckets: usize,
        /// The quantiles of the training split, ascending.
        boundaries: Vec<f64>,
    },
    /// The index of a term by descending frequency; unknown terms are hashed into `oov_buckets` after
    /// the known ones, or -1 if there are none.
    Vocabulary {
        /// At most so many terms.
        top_k: Option<usize>,
        /// Only terms that occur at least so often.
        min_frequency: u64,
        /// The number of buckets for unknown terms.
        oov_buckets: usize,
        /// The terms.
        vocabulary: Vocabulary,
    },
    /// A bucket by hash.
    Hash {
        /// The number of buckets.
        buckets: usize,
    },
    /// As many numbers as the index can have values, all 0 but the index's, which is 1. Missing: all 0.
    OneHot {
        /// How many numbers.
        size: usize,
    },
    /// A value in the place of missing ones.
    Impute {
        /// How the value was found.
        strategy: Strategy,
        /// The value.
        value: Literal,
    },
    /// At least `min`, at most `max`.
    Clip {
        /// The least result.
        min: Option<f64>,
        /// The greatest result.
        max: Option<f64>,
    },
    /// The natural logarithm of `x + add`; missing where that is not positive.
    Log {
        /// What is added first.
        add: f64,
    },
    /// The texts of several values, joined by `_X_` (as `tf.sparse.cross`).
    Cross,
    /// A part of a moment, in UTC.
    DatePart {
        /// Which part.
        part: DatePart,
        /// What integers count; `None` for timestamps.
        unit: Option<DateUnit>,
    },
    /// `-x`.
    Negate,
    /// `not x`.
    Not,
    /// Whether x is missing; never missing itself.
    IsNull,
    /// Two operands.
    Binary(BinaryOperator),
}

/// A constant value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// How a value for missing ones is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The mean of the training split.
    Mean,
    /// The median of the training split.
    Median,
    /// The user gave it.
    Value,
}

/// A part of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// The year.
    Year,
    /// 1 to 12.
    Month,
    /// The day of the month, 1 to 31.
    Day,
    /// The day of the year, 1 to 366.
    DayOfYear,
    /// 1 (Monday) to 7, as ISO 8601.
    Weekday,
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// 0 to 59.
    Second,
}

/// What an integer moment counts, from 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// An operator of expressions with two operands. A missing operand gives a missing result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, always a float; missing when divided by 0.
    Divide,
    /// `%`, with the divisor's sign as in Python; missing when divided by 0.
    Modulo,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `and`
    And,
    /// `or`
    Or,
}

/// The terms of a vocabulary, most frequent first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vocabulary {
    terms: Vec<String>,
    positions: HashMap<String, usize>,
}

impl Vocabulary {
    /// A vocabulary of these terms, in this order; of equal terms the first counts.
    pub fn new(terms: Vec<String>) -> Self {
        let mut positions = HashMap::with_capacity(terms.len());
        for (position, term) in terms.iter().enumerate() {
            positions.entry(term.clone()).or_insert(position);
        }
        Self { terms, positions }
    }

    /// The terms, most frequent first.
    pub fn terms(&self) -> &[String] {
        &self.terms
    }

    /// Where a term stands.
    pub fn position(&self, term: &str) -> Option<usize> {
        self.positions.get(term).copied()
    }
}

impl Operation {
    /// The name in `transform.json`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Column { .. } => "column",
            Self::Literal(_) => "literal",
            Self::ZScore { .. } => "z_score",
            Self::MinMax { .. } => "min_max",
            Self::Bucketize { .. } => "bucketize",
            Self::Vocabulary { .. } => "vocabulary",
            Self::Hash { .. } => "hash",
            Self::OneHot { .. } => "one_hot",
            Self::Impute { .. } => "impute",
            Self::Clip { .. } => "clip",
            Self::Log { .. } => "log",
            Self::Cross => "cross",
            Self::DatePart { .. } => "date_part",
            Self::Negate => "negate",
            Self::Not => "not",
            Self::IsNull => "is_null",
            Self::Binary(operator) => operator.name(),
        }
    }
}

impl BinaryOperator {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Modulo,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Equal,
        Self::NotEqual,
        Self::And,
        Self::Or,
    ];

    /// The name in `transform.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Modulo => "modulo",
            Self::Less => "less",
            Self::LessOrEqual => "less_or_equal",
            Self::Greater => "greater",
            Self::GreaterOrEqual => "greater_or_equal",
            Self::Equal => "equal",
            Self::NotEqual => "not_equal",
            Self::And => "and",
            Self::Or => "or",
        }
    }

    /// How expressions write it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::And => "and",
            Self::Or => "or",
        }
    }
}
