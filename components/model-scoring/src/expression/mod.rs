//! The expressions of `expr`: columns, literals, `+ - * / %`, comparisons, `and` `or` `not`, `is null`.
//!
//! A text becomes nodes of a transform graph, so that an expression is computed as every other
//! operation is. Errors name the character in the text. It does not know what an expression is for.
//!
//! Precedence, loosest first: `or`, `and`, `not`, comparisons (which do not chain), `+ -`, `* / %`,
//! the sign. Names that are no words stand in backticks, texts in single or double quotes.

mod lexer;
mod parser;

use crate::error::ScoringError;
use crate::graph::{BinaryOperator, Builder, Literal, Operation};

/// The longest expression, in characters: more is a program, which belongs into a step of its own.
pub const LENGTH_MAX: usize = 4_096;
/// The deepest nesting of brackets, `not` and signs: recursion needs a bound.
pub const DEPTH_MAX: usize = 64;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Term,
}

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
struct Term {
    /// Where it stands, in characters, from 1.
    position: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Column(String),
    Literal(Literal),
    Negate(Box<Term>),
    Not(Box<Term>),
    IsNull(Box<Term>),
    Binary(BinaryOperator, Box<Term>, Box<Term>),
}

/// What is wrong in a text, and where.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    position: usize,
    message: String,
}

impl Mistake {
    fn new(position: usize, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }

    fn of(self, text: &str) -> ScoringError {
        ScoringError::Expression {
            text: text.to_owned(),
            position: self.position,
            message: self.message,
        }
    }
}

impl Expression {
    /// Parses a text.
    ///
    /// ```
    /// use model_scoring::expression::Expression;
    /// let expression = Expression::parse("tips > 0.2 * fare").unwrap();
    /// assert_eq!(expression.columns(), ["fare", "tips"]);
    /// let error = Expression::parse("tips > > fare").unwrap_err();
    /// assert!(error.to_string().contains("at character 8"));
    /// ```
    pub fn parse(text: &str) -> Result<Self, ScoringError> {
        if text.chars().count() > LENGTH_MAX {
            let message = format!("it is longer than {LENGTH_MAX} characters");
            return Err(Mistake::new(LENGTH_MAX, message).of(text));
        }
        let root = parser::parse(text).map_err(|mistake| mistake.of(text))?;
        Ok(Self {
            text: text.to_owned(),
            root,
        })
    }

    /// The columns that it reads, sorted, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        let mut rest = vec![&self.root];
        while let Some(term) = rest.pop() {
            match &term.kind {
                Kind::Column(name) => columns.push(name.as_str()),
                Kind::Literal(_) => {}
                Kind::Negate(inner) | Kind::Not(inner) | Kind::IsNull(inner) => rest.push(inner),
                Kind::Binary(_, left, right) => rest.extend([left.as_ref(), right.as_ref()]),
            }
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Adds its nodes to a graph and gives the one that holds its value.
    pub fn add_to(&self, builder: &mut Builder) -> Result<usize, ScoringError> {
        add(&self.root, builder).map_err(|mistake| mistake.of(&self.text))
    }
}

fn add(term: &Term, builder: &mut Builder) -> Result<usize, Mistake> {
    let (operation, inputs) = match &term.kind {
        Kind::Column(name) => {
            return builder
                .column(name)
                .map_err(|message| Mistake::new(term.position, message));
        }
        Kind::Literal(literal) => (Operation::Literal(literal.clone()), Vec::new()),
        Kind::Negate(inner) => (Operation::Negate, vec![add(inner, builder)?]),
        Kind::Not(inner) => (Operation::Not, vec![add(inner, builder)?]),
        Kind::IsNull(inner) => (Operation::IsNull, vec![add(inner, builder)?]),
        Kind::Binary(operator, left, right) => {
            let inputs = vec![add(left, builder)?, add(right, builder)?];
            (Operation::Binary(*operator), inputs)
        }
    };
    builder
        .push(operation, inputs)
        .map_err(|message| Mistake::new(term.position, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            ("", 1, "the expression is empty"),
            ("fare >", 7, "something is missing after `>`"),
            ("fare = 1", 6, "`=` is no operator; write `==` to compare"),
            ("(fare", 6, "a `)` is missing"),
            ("fare)", 5, "`)` was not expected here"),
            (
                "a < b < c",
                7,
                "comparisons do not chain; join them with `and`",
            ),
            ("'abc", 1, "the text has no closing quote"),
            ("fare # 2", 6, "`#` is not known here"),
            ("fare is 3", 9, "expected `null` or `not null` after `is`"),
            (
                "99999999999999999999 > fare",
                1,
                "the integer does not fit into 64 bits",
            ),
            ("fare tips", 6, "`tips` was not expected here"),
        ];
        for (text, expected_position, expected) in cases {
            match Expression::parse(text) {
                Err(ScoringError::Expression {
                    position, message, ..
                }) => {
                    assert_eq!(
                        (position, message.as_str()),
                        (expected_position, expected),
                        "{text}"
                    );
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let text = format!("{}1{}", "(".repeat(1000), ")".repeat(1000));
        let error = Expression::parse(&text).unwrap_err().to_string();
        assert!(error.contains("nested deeper than 64"), "{error}");
        assert!(Expression::parse(&"-".repeat(1000)).is_err());
    }
}
