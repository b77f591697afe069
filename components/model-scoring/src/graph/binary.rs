//! The operators of expressions over whole columns.
//!
//! A missing operand gives a missing result, and so does what has no finite meaning: a division by 0,
//! an integer beyond 64 bits, a result that is not a number.

use arrow_array::{BooleanArray, Float64Array, Int64Array};

use super::column::Column;
use super::operation::BinaryOperator;

/// `left operator right`, row by row; `None` if the columns' types do not fit, which the type check of
/// the graph excludes.
pub(super) fn apply(operator: BinaryOperator, left: &Column, right: &Column) -> Option<Column> {
    use BinaryOperator as B;
    match operator {
        B::Add | B::Subtract | B::Multiply | B::Modulo => match (left, right) {
            (Column::Integer(a), Column::Integer(b)) => {
                Some(Column::Integer(integers(a, b, integer_function(operator))))
            }
            _ => Some(Column::Number(numbers(
                &left.numbers()?,
                &right.numbers()?,
                number_function(operator),
            ))),
        },
        B::Divide => Some(Column::Number(numbers(
            &left.numbers()?,
            &right.numbers()?,
            |a, b| (b != 0.0).then(|| a / b),
        ))),
        B::And | B::Or => match (left, right) {
            (Column::Boolean(a), Column::Boolean(b)) => {
                Some(Column::Boolean(pairs(a.iter(), b.iter(), |a, b| {
                    if operator == B::And { a && b } else { a || b }
                })))
            }
            _ => None,
        },
        _ => compare(operator, left, right).map(Column::Boolean),
    }
}

fn integer_function(operator: BinaryOperator) -> fn(i64, i64) -> Option<i64> {
    match operator {
        BinaryOperator::Add => i64::checked_add,
        BinaryOperator::Subtract => i64::checked_sub,
        BinaryOperator::Multiply => i64::checked_mul,
        _ => |a, b| {
            let rest = a.checked_rem(b)?;
            Some(if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            })
        },
    }
}

fn number_function(operator: BinaryOperator) -> fn(f64, f64) -> Option<f64> {
    match operator {
        BinaryOperator::Add => |a, b| Some(a + b),
        BinaryOperator::Subtract => |a, b| Some(a - b),
        BinaryOperator::Multiply => |a, b| Some(a * b),
        _ => |a, b| {
            let rest = a % b;
            Some(if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
                rest + b
            } else {
                rest
            })
        },
    }
}

fn integers(
    a: &Int64Array,
    b: &Int64Array,
    function: impl Fn(i64, i64) -> Option<i64>,
) -> Int64Array {
    a.iter().zip(b).map(|(a, b)| function(a?, b?)).collect()
}

fn numbers(
    a: &Float64Array,
    b: &Float64Array,
    function: impl Fn(f64, f64) -> Option<f64>,
) -> Float64Array {
    a.iter()
        .zip(b)
        .map(|(a, b)| function(a?, b?).filter(|x| !x.is_nan()))
        .collect()
}

fn pairs<T>(
    a: impl Iterator<Item = Option<T>>,
    b: impl Iterator<Item = Option<T>>,
    test: impl Fn(T, T) -> bool,
) -> BooleanArray {
    a.zip(b).map(|(a, b)| Some(test(a?, b?))).collect()
}

fn compare(operator: BinaryOperator, left: &Column, right: &Column) -> Option<BooleanArray> {
    Some(match (left, right) {
        (Column::Integer(a), Column::Integer(b)) | (Column::Timestamp(a), Column::Timestamp(b)) => {
            pairs(a.iter(), b.iter(), |a, b| holds(operator, &a, &b))
        }
        (Column::Text(a), Column::Text(b)) => {
            pairs(a.iter(), b.iter(), |a, b| holds(operator, a, b))
        }
        (Column::Boolean(a), Column::Boolean(b)) => {
            pairs(a.iter(), b.iter(), |a, b| holds(operator, &a, &b))
        }
        _ => pairs(left.numbers()?.iter(), right.numbers()?.iter(), |a, b| {
            holds(operator, &a, &b)
        }),
    })
}

fn holds<T: PartialOrd + ?Sized>(operator: BinaryOperator, a: &T, b: &T) -> bool {
    match operator {
        BinaryOperator::Less => a < b,
        BinaryOperator::LessOrEqual => a <= b,
        BinaryOperator::Greater => a > b,
        BinaryOperator::GreaterOrEqual => a >= b,
        BinaryOperator::Equal => a == b,
        _ => a != b,
    }
}
