//! Reading an expression: bounds first, then the parser of minijinja.

use std::ops::Range;

use minijinja::machinery::{Span, ast::Expr, parse_expr, tokenize};

use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_TOKENS_MAX};

/// An expression that cannot be read.
#[derive(Debug)]
pub(super) struct SyntaxProblem {
    /// What is wrong, as a sentence of its own.
    pub(super) message: String,
    /// Where, in bytes of the expression.
    pub(super) bytes: Range<usize>,
}

/// The tree of an expression.
pub(super) fn parse(source: &str) -> Result<Expr<'_>, SyntaxProblem> {
    let whole = 0..source.len();
    let problem = |message: String, bytes| Err(SyntaxProblem { message, bytes });
    if source.trim().is_empty() {
        return problem("the expression is empty".to_owned(), whole);
    }
    if source.len() > EXPRESSION_BYTES_MAX {
        let message = format!("the expression is longer than {EXPRESSION_BYTES_MAX} bytes");
        return problem(message, whole);
    }
    let tokens = tokenize(source, true, minijinja::syntax::SyntaxConfig::default());
    if tokens
        .take_while(Result::is_ok)
        .take(EXPRESSION_TOKENS_MAX + 1)
        .count()
        > EXPRESSION_TOKENS_MAX
    {
        let message = format!(
            "the expression has more than {EXPRESSION_TOKENS_MAX} words and signs; compute it in a step"
        );
        return problem(message, whole);
    }
    parse_expr(source).map_err(|error| SyntaxProblem {
        message: error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned),
        bytes: error_bytes(source, &error),
    })
}

/// Where an error of minijinja lies; the whole expression if it does not say. Of a character that it does
/// not know it tells the first byte.
pub(super) fn error_bytes(source: &str, error: &minijinja::Error) -> Range<usize> {
    let range = error.range().unwrap_or_default();
    let start = range.start.min(source.len());
    let end = source.ceil_char_boundary(range.end);
    if start < end && source.is_char_boundary(start) {
        start..end
    } else {
        0..source.len()
    }
}

/// The bytes of a span.
pub(super) fn bytes(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// The bytes of a whole expression: the parser lets those of an operator begin too early.
pub(super) fn extent(expression: &Expr<'_>) -> Range<usize> {
    let end = bytes(expression.span()).end;
    let mut first = expression;
    loop {
        first = match first {
            Expr::BinOp(binary) => &binary.left,
            Expr::Compare(compare) => &compare.expr,
            _ => return bytes(first.span()).start.min(end)..end,
        };
    }
}
