//! The types of expressions, as far as they are known before anything runs.
//!
//! `None` is a type that only the run will show. Only what could never work is a problem.

use component_api::manifest::ParamType;
use minijinja::machinery::ast::BinOpKind;

/// A type, or nothing if it is not known yet.
pub(super) type Type = Option<ParamType>;

/// The type in a sentence.
pub(crate) fn with_article(given: ParamType) -> &'static str {
    match given {
        ParamType::String => "a string",
        ParamType::Integer => "an integer",
        ParamType::Number => "a number",
        ParamType::Boolean => "a boolean",
        ParamType::List => "a list",
        ParamType::Map => "a map",
        ParamType::Any => "any value",
    }
}

/// The type that two values have in common.
pub(super) fn common(left: Type, right: Type) -> Type {
    match (left?, right?) {
        (a, b) if a == b => Some(a),
        (ParamType::Integer, ParamType::Number) | (ParamType::Number, ParamType::Integer) => {
            Some(ParamType::Number)
        }
        _ => None,
    }
}

/// Whether a value of the type `given` can stand where `wanted` is.
pub(super) fn fits(given: ParamType, wanted: ParamType) -> bool {
    given == wanted
        || wanted == ParamType::Any
        || given == ParamType::Any
        || (given == ParamType::Integer && wanted == ParamType::Number)
}

/// The type of `left op right`, or why it can have no value.
pub(super) fn binary(op: BinOpKind, left: Type, right: Type) -> Result<Type, String> {
    match op {
        BinOpKind::Eq | BinOpKind::Ne | BinOpKind::In => Ok(Some(ParamType::Boolean)),
        BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => ordering(left, right),
        BinOpKind::ScAnd | BinOpKind::ScOr => Ok(common(left, right)),
        BinOpKind::Concat => Ok(Some(ParamType::String)),
        BinOpKind::Add => match (left, right) {
            (Some(l), Some(r)) if l == r && matches!(l, ParamType::String | ParamType::List) => {
                Ok(left)
            }
            _ => arithmetic("+", left, right),
        },
        BinOpKind::Mul => match (left, right) {
            (Some(ParamType::String | ParamType::List), _)
            | (_, Some(ParamType::String | ParamType::List)) => Ok(None),
            _ => arithmetic("*", left, right),
        },
        BinOpKind::Div => arithmetic("/", left, right).map(|_| Some(ParamType::Number)),
        BinOpKind::Sub => arithmetic("-", left, right),
        BinOpKind::FloorDiv => arithmetic("//", left, right),
        BinOpKind::Rem => arithmetic("%", left, right),
        // An integer to a negative power is a fraction.
        BinOpKind::Pow => arithmetic("**", left, right).map(|_| Some(ParamType::Number)),
    }
}

/// Comparing less and greater: jinja orders values of different types by type, which no one means.
pub(super) fn ordering(left: Type, right: Type) -> Result<Type, String> {
    if let (Some(l), Some(r)) = (left, right)
        && !fits(l, r)
        && !fits(r, l)
    {
        return Err(format!(
            "{} and {} cannot be compared by size",
            with_article(l),
            with_article(r)
        ));
    }
    Ok(Some(ParamType::Boolean))
}

fn arithmetic(sign: &str, left: Type, right: Type) -> Result<Type, String> {
    for operand in [left, right].into_iter().flatten() {
        if !is_number(operand) {
            let operand = with_article(operand);
            return Err(format!("`{sign}` takes numbers, not {operand}"));
        }
    }
    Ok(common(left, right))
}

fn is_number(given: ParamType) -> bool {
    fits(given, ParamType::Number)
}

/// The type of `value | filter`, or why it can have no value.
pub(super) fn filter(name: &str, given: Type, fallback: Type) -> Result<Type, String> {
    let refuse = |wanted: &str| {
        let given = given.map_or("this value", with_article);
        Err(format!("`{name}` takes {wanted}, not {given}"))
    };
    match name {
        "default" => Ok(common(given, fallback)),
        "length" => match given {
            Some(ParamType::Integer | ParamType::Number | ParamType::Boolean) => {
                refuse("text, a list or a map")
            }
            _ => Ok(Some(ParamType::Integer)),
        },
        "int" | "float" if matches!(given, Some(ParamType::List | ParamType::Map)) => {
            refuse("a number or text")
        }
        "int" => Ok(Some(ParamType::Integer)),
        "float" => Ok(Some(ParamType::Number)),
        "round" => match given {
            Some(given) if !is_number(given) => refuse("a number"),
            _ => Ok(given),
        },
        "join" => match given {
            Some(ParamType::Integer | ParamType::Number | ParamType::Boolean) => refuse("a list"),
            _ => Ok(Some(ParamType::String)),
        },
        _ => Ok(Some(ParamType::String)),
    }
}
