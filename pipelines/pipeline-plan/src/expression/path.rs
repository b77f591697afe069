//! Paths in expressions: a name and what is asked of it, as in `steps.train.outputs.model`.

use std::ops::Range;

use minijinja::machinery::ast::{CallArg, Expr};

use super::syntax::{bytes, parse};

/// A name and the parts that are asked of it.
pub(super) struct Path<'a> {
    /// The first name.
    pub(super) root: &'a str,
    /// Where it stands in the expression.
    pub(super) root_bytes: Range<usize>,
    /// What follows: `.name`, `["name"]` or `[0]`.
    pub(super) segments: Vec<Segment>,
}

/// One part that is asked of what stands before it.
pub(super) struct Segment {
    /// Its name, or its number as text.
    pub(super) name: String,
    /// Where the name stands.
    pub(super) bytes: Range<usize>,
    /// The same with the dot or the brackets.
    pub(super) access: Range<usize>,
}

impl Path<'_> {
    /// From the first name to the end.
    pub(super) fn bytes(&self) -> Range<usize> {
        let end = self
            .segments
            .last()
            .map_or(self.root_bytes.end, |s| s.access.end);
        self.root_bytes.start..end
    }

    fn end(&self) -> usize {
        self.bytes().end
    }
}

/// The path that an expression is, if it is one.
pub(super) fn of<'a>(expression: &Expr<'a>) -> Option<Path<'a>> {
    match expression {
        Expr::Var(var) => Some(Path {
            root: var.id,
            root_bytes: bytes(var.span()),
            segments: Vec::new(),
        }),
        Expr::GetAttr(attribute) => {
            let mut path = of(&attribute.expr)?;
            let end = bytes(attribute.span()).end;
            path.segments.push(Segment {
                name: attribute.name.to_owned(),
                bytes: end.saturating_sub(attribute.name.len())..end,
                access: path.end()..end,
            });
            Some(path)
        }
        Expr::GetItem(item) => {
            let Expr::Const(subscript) = &item.subscript_expr else {
                return None;
            };
            let mut path = of(&item.expr)?;
            let end = bytes(item.span()).end;
            path.segments.push(Segment {
                name: subscript.value.to_string(),
                bytes: bytes(subscript.span()),
                access: path.end()..end,
            });
            Some(path)
        }
        _ => None,
    }
}

/// Every path in the source of an expression; none if it cannot be read.
pub(super) fn all_in(source: &str) -> Vec<Path<'_>> {
    let mut found = Vec::new();
    if let Ok(expression) = parse(source) {
        collect(&expression, &mut found);
    }
    found
}

/// Adds every path in an expression, in order.
pub(super) fn collect<'a>(expression: &Expr<'a>, found: &mut Vec<Path<'a>>) {
    match of(expression) {
        Some(path) => found.push(path),
        None => children(expression)
            .into_iter()
            .for_each(|child| collect(child, found)),
    }
}

/// What an expression is made of.
pub(super) fn children<'e, 'a>(expression: &'e Expr<'a>) -> Vec<&'e Expr<'a>> {
    match expression {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(slice) => {
            let ends = [&slice.start, &slice.stop, &slice.step];
            let ends = ends.into_iter().filter_map(Option::as_ref);
            std::iter::once(&slice.expr).chain(ends).collect()
        }
        Expr::UnaryOp(unary) => vec![&unary.expr],
        Expr::BinOp(binary) => vec![&binary.left, &binary.right],
        Expr::Compare(compare) => {
            let operands = compare.ops.iter().map(|op| &op.expr);
            std::iter::once(&compare.expr).chain(operands).collect()
        }
        Expr::IfExpr(choice) => {
            let mut parts = vec![&choice.true_expr, &choice.test_expr];
            parts.extend(&choice.false_expr);
            parts
        }
        Expr::Filter(filter) => {
            let arguments = filter.args.iter().map(argument);
            filter.expr.iter().chain(arguments).collect()
        }
        Expr::Test(test) => {
            let arguments = test.args.iter().map(argument);
            std::iter::once(&test.expr).chain(arguments).collect()
        }
        Expr::GetAttr(attribute) => vec![&attribute.expr],
        Expr::GetItem(item) => vec![&item.expr, &item.subscript_expr],
        Expr::Call(call) => {
            let arguments = call.args.iter().map(argument);
            std::iter::once(&call.expr).chain(arguments).collect()
        }
        Expr::List(list) => list.items.iter().collect(),
        Expr::Tuple(tuple) => tuple.items.iter().collect(),
        Expr::Map(map) => map.keys.iter().chain(&map.values).collect(),
    }
}

/// The value of an argument of a filter, test or call.
pub(super) fn argument<'e, 'a>(argument: &'e CallArg<'a>) -> &'e Expr<'a> {
    match argument {
        CallArg::Pos(value)
        | CallArg::Kwarg(_, value)
        | CallArg::PosSplat(value)
        | CallArg::KwargSplat(value) => value,
    }
}
