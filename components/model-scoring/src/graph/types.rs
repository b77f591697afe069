//! The type of every node's values, and which types an operation takes.
//!
//! Types are found when a graph is built or read, so that applying it can meet no surprise but in the
//! raw columns. It computes no values.

use super::operation::{BinaryOperator, Literal, Operation};
use crate::signature::ColumnType;

/// The type of a node's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Integers.
    Integer,
    /// Floats.
    Number,
    /// Texts.
    Text,
    /// Truth values.
    Boolean,
    /// Moments.
    Timestamp,
    /// Integers from 0 to below `size` (or -1: none), as vocabularies, buckets and hashes give them.
    Index {
        /// How many there may be.
        size: usize,
    },
    /// `size` numbers of which at most one is 1.
    OneHot {
        /// How many numbers.
        size: usize,
    },
}

impl ValueType {
    /// The type of a raw column's values.
    pub fn of_column(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Int64 => Self::Integer,
            ColumnType::Float64 => Self::Number,
            ColumnType::String => Self::Text,
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Timestamp => Self::Timestamp,
        }
    }

    /// How many numbers of the tensor such values take; `None` if they are no numbers.
    pub fn width(self) -> Option<usize> {
        match self {
            Self::Integer | Self::Number | Self::Boolean | Self::Index { .. } => Some(1),
            Self::OneHot { size } => Some(size),
            Self::Text | Self::Timestamp => None,
        }
    }

    /// Whether such values can be computed with as numbers.
    pub fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Integer | Self::Number | Self::Boolean | Self::Index { .. }
        )
    }

    /// Whether such values can be told apart as texts.
    pub fn is_categorical(self) -> bool {
        matches!(
            self,
            Self::Integer | Self::Text | Self::Boolean | Self::Index { .. }
        )
    }

    /// The type in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Number => "a float",
            Self::Text => "a text",
            Self::Boolean => "a boolean",
            Self::Timestamp => "a timestamp",
            Self::Index { .. } => "an index",
            Self::OneHot { .. } => "a one-hot value",
        }
    }
}

/// The type of an operation's result over inputs of these types, or what is wrong with them.
/// A raw column has no inputs; its type stands in the graph's list of inputs.
pub fn result_type(operation: &Operation, inputs: &[ValueType]) -> Result<ValueType, String> {
    use Operation as O;
    let name = operation.name();
    let arity = |expected: usize| {
        if inputs.len() == expected {
            Ok(())
        } else {
            Err(format!(
                "`{name}` takes {expected} inputs, not {}",
                inputs.len()
            ))
        }
    };
    match operation {
        O::Column { .. } => Err("a raw column's type stands in the graph's inputs".to_owned()),
        O::Literal(literal) => arity(0).map(|()| literal_type(literal)),
        O::Cross => cross(inputs),
        O::Binary(operator) => {
            arity(2)?;
            binary(*operator, inputs[0], inputs[1])
        }
        _ => {
            arity(1)?;
            unary(operation, inputs[0])
        }
    }
}

fn unary(operation: &Operation, input: ValueType) -> Result<ValueType, String> {
    use Operation as O;
    let name = operation.name();
    let numeric = |result: ValueType| {
        if input.is_numeric() {
            Ok(result)
        } else {
            Err(format!(
                "`{name}` needs numbers, but this is {}",
                input.describe()
            ))
        }
    };
    let categorical = |size: usize| {
        if input.is_categorical() {
            Ok(ValueType::Index { size })
        } else {
            let hint = if input == ValueType::Number {
                "; put `bucketize` before it"
            } else {
                ""
            };
            Err(format!(
                "`{name}` needs texts, integers or booleans, but this is {}{hint}",
                input.describe()
            ))
        }
    };
    match operation {
        O::Bucketize { boundaries, .. } => numeric(ValueType::Index { size: boundaries.len() + 1 }),
        O::Vocabulary { vocabulary, oov_buckets, .. } => {
            categorical(vocabulary.terms().len() + oov_buckets)
        }
        O::Hash { buckets } => categorical(*buckets),
        O::OneHot { size } => match input {
            ValueType::Index { size: values } if values == *size => {
                Ok(ValueType::OneHot { size: *size })
            }
            ValueType::Boolean if *size == 2 => Ok(ValueType::OneHot { size: 2 }),
            ValueType::Index { .. } | ValueType::Boolean => {
                Err("`one_hot` has not the size of its index".to_owned())
            }
            _ => Err(format!(
                "`one_hot` needs an index, but this is {}; put `vocabulary`, `bucketize` or `hash` before it",
                input.describe()
            )),
        },
        O::Impute { value, .. } => impute(input, value),
        O::DatePart { unit, .. } => match (input, unit) {
            (ValueType::Timestamp, None) | (ValueType::Integer, Some(_)) => Ok(ValueType::Integer),
            (ValueType::Integer, None) => Err(
                "`date_parts` of an integer needs to know what it counts: `date_parts: { unit: seconds }`"
                    .to_owned(),
            ),
            _ => Err(format!("`date_parts` needs timestamps, but this is {}", input.describe())),
        },
        O::Negate => numeric(if input == ValueType::Number {
            ValueType::Number
        } else {
            ValueType::Integer
        }),
        O::Not if input == ValueType::Boolean => Ok(ValueType::Boolean),
        O::Not => Err(format!("`not` needs a boolean, but this is {}", input.describe())),
        O::IsNull => Ok(ValueType::Boolean),
        // z_score, min_max, clip, log
        _ => numeric(ValueType::Number),
    }
}

fn impute(input: ValueType, value: &Literal) -> Result<ValueType, String> {
    match (input, literal_type(value)) {
        (ValueType::Integer | ValueType::Index { .. }, ValueType::Integer) => {
            Ok(ValueType::Integer)
        }
        (input, ValueType::Integer | ValueType::Number) if input.is_numeric() => {
            Ok(ValueType::Number)
        }
        (input, value) if input == value => Ok(input),
        (input, value) => Err(format!(
            "`impute` cannot put {} where {} is missing",
            value.describe(),
            input.describe()
        )),
    }
}

fn cross(inputs: &[ValueType]) -> Result<ValueType, String> {
    if inputs.len() < 2 {
        return Err("`cross` needs at least two columns".to_owned());
    }
    match inputs.iter().find(|input| !input.is_categorical()) {
        None => Ok(ValueType::Text),
        Some(ValueType::Number) => {
            Err("`cross` cannot cross floats; put `bucketize` before it".to_owned())
        }
        Some(other) => Err(format!("`cross` cannot cross {}", other.describe())),
    }
}

fn literal_type(literal: &Literal) -> ValueType {
    match literal {
        Literal::Boolean(_) => ValueType::Boolean,
        Literal::Integer(_) => ValueType::Integer,
        Literal::Number(_) => ValueType::Number,
        Literal::Text(_) => ValueType::Text,
    }
}

fn binary(
    operator: BinaryOperator,
    left: ValueType,
    right: ValueType,
) -> Result<ValueType, String> {
    use BinaryOperator as B;
    let integer = |t| matches!(t, ValueType::Integer | ValueType::Index { .. });
    let number = |t| integer(t) || t == ValueType::Number;
    let both = |test: &dyn Fn(ValueType) -> bool| test(left) && test(right);
    let result = match operator {
        B::Add | B::Subtract | B::Multiply | B::Modulo if both(&integer) => {
            Some(ValueType::Integer)
        }
        B::Add | B::Subtract | B::Multiply | B::Divide | B::Modulo if both(&number) => {
            Some(ValueType::Number)
        }
        B::And | B::Or if both(&|t| t == ValueType::Boolean) => Some(ValueType::Boolean),
        B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual | B::Equal | B::NotEqual
            if both(&number) || (left == right && !matches!(left, ValueType::OneHot { .. })) =>
        {
            Some(ValueType::Boolean)
        }
        _ => None,
    };
    result.ok_or_else(|| {
        format!(
            "`{}` cannot be used between {} and {}",
            operator.symbol(),
            left.describe(),
            right.describe()
        )
    })
}
