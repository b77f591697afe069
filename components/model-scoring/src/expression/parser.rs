//! From tokens to terms, by precedence climbing.

use super::lexer::{Token, TokenKind, tokens};
use super::{DEPTH_MAX, Kind, Mistake, Term};
use crate::graph::BinaryOperator;

/// Parses a whole text.
pub(super) fn parse(text: &str) -> Result<Term, Mistake> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Mistake::new(1, "the expression is empty"));
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.chars().count() + 1,
        depth: 0,
    };
    let term = parser.or()?;
    match parser.peek() {
        None => Ok(term),
        Some(token) => Err(unexpected(token)),
    }
}

fn unexpected(token: &Token) -> Mistake {
    Mistake::new(
        token.position,
        format!("`{}` was not expected here", token.kind.describe()),
    )
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The position after the last character.
    end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn position(&self) -> usize {
        self.peek().map_or(self.end, |token| token.position)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(
            self.peek().map(|token| &token.kind),
            Some(TokenKind::Name { name, quoted: false }) if name == word
        );
        self.at += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek().map(|token| &token.kind), Some(TokenKind::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn take_operator(&mut self, operators: &[BinaryOperator]) -> Option<BinaryOperator> {
        operators
            .iter()
            .copied()
            .find(|operator| self.take_symbol(operator.symbol()))
    }

    /// Runs a rule that may come back to itself, at most so deep as is allowed.
    fn nested(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Result<Term, Mistake>,
    ) -> Result<Term, Mistake> {
        if self.depth == DEPTH_MAX {
            return Err(Mistake::new(
                self.position(),
                format!("it is nested deeper than {DEPTH_MAX}"),
            ));
        }
        self.depth += 1;
        let term = rule(self);
        self.depth -= 1;
        term
    }

    fn or(&mut self) -> Result<Term, Mistake> {
        let mut left = self.and()?;
        loop {
            let position = self.position();
            if !self.take_word("or") {
                return Ok(left);
            }
            left = binary(position, BinaryOperator::Or, left, self.and()?);
        }
    }

    fn and(&mut self) -> Result<Term, Mistake> {
        let mut left = self.not()?;
        loop {
            let position = self.position();
            if !self.take_word("and") {
                return Ok(left);
            }
            left = binary(position, BinaryOperator::And, left, self.not()?);
        }
    }

    fn not(&mut self) -> Result<Term, Mistake> {
        let position = self.position();
        if !self.take_word("not") {
            return self.comparison();
        }
        let inner = self.nested(Self::not)?;
        Ok(Term {
            position,
            kind: Kind::Not(Box::new(inner)),
        })
    }

    fn comparison(&mut self) -> Result<Term, Mistake> {
        use BinaryOperator as B;
        const COMPARISONS: [BinaryOperator; 6] = [
            B::LessOrEqual,
            B::GreaterOrEqual,
            B::Less,
            B::Greater,
            B::Equal,
            B::NotEqual,
        ];
        let left = self.sum()?;
        let position = self.position();
        if self.take_word("is") {
            let not = self.take_word("not");
            if !self.take_word("null") {
                let message = "expected `null` or `not null` after `is`";
                return Err(Mistake::new(self.position(), message));
            }
            let is_null = Term {
                position,
                kind: Kind::IsNull(Box::new(left)),
            };
            return Ok(if not {
                Term {
                    position,
                    kind: Kind::Not(Box::new(is_null)),
                }
            } else {
                is_null
            });
        }
        let Some(operator) = self.take_operator(&COMPARISONS) else {
            return Ok(left);
        };
        let right = self.sum()?;
        let next = self.position();
        if self.take_operator(&COMPARISONS).is_some() {
            return Err(Mistake::new(
                next,
                "comparisons do not chain; join them with `and`",
            ));
        }
        Ok(binary(position, operator, left, right))
    }

    fn sum(&mut self) -> Result<Term, Mistake> {
        let mut left = self.product()?;
        loop {
            let position = self.position();
            let operators = [BinaryOperator::Add, BinaryOperator::Subtract];
            let Some(operator) = self.take_operator(&operators) else {
                return Ok(left);
            };
            left = binary(position, operator, left, self.product()?);
        }
    }

    fn product(&mut self) -> Result<Term, Mistake> {
        let mut left = self.sign()?;
        loop {
            let position = self.position();
            let operators = [
                BinaryOperator::Multiply,
                BinaryOperator::Divide,
                BinaryOperator::Modulo,
            ];
            let Some(operator) = self.take_operator(&operators) else {
                return Ok(left);
            };
            left = binary(position, operator, left, self.sign()?);
        }
    }

    fn sign(&mut self) -> Result<Term, Mistake> {
        let position = self.position();
        if !self.take_symbol("-") {
            return self.primary();
        }
        let inner = self.nested(Self::sign)?;
        Ok(Term {
            position,
            kind: Kind::Negate(Box::new(inner)),
        })
    }

    fn primary(&mut self) -> Result<Term, Mistake> {
        let Some(token) = self.peek() else {
            let before = self.tokens.get(self.at.wrapping_sub(1));
            let before = before.map_or_else(String::new, |token| token.kind.describe());
            return Err(Mistake::new(
                self.end,
                format!("something is missing after `{before}`"),
            ));
        };
        let position = token.position;
        if self.take_symbol("(") {
            let inner = self.nested(Self::or)?;
            if !self.take_symbol(")") {
                return Err(Mistake::new(self.position(), "a `)` is missing"));
            }
            return Ok(inner);
        }
        let kind = match &token.kind {
            TokenKind::Literal(literal) => Kind::Literal(literal.clone()),
            TokenKind::Name { name, quoted } if *quoted || !is_word(name) => {
                Kind::Column(name.clone())
            }
            _ => return Err(unexpected(token)),
        };
        self.at += 1;
        Ok(Term { position, kind })
    }
}

fn is_word(name: &str) -> bool {
    matches!(name, "and" | "or" | "not" | "is" | "null")
}

fn binary(position: usize, operator: BinaryOperator, left: Term, right: Term) -> Term {
    Term {
        position,
        kind: Kind::Binary(operator, Box::new(left), Box::new(right)),
    }
}
