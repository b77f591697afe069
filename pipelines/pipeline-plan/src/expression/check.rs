//! Checking expressions when a pipeline is compiled: names, filters, types, and what they depend on.

use std::ops::Range;

use component_api::manifest::ParamType;
use minijinja::machinery::ast::{Expr, UnaryOpKind};
use minijinja::value::ValueKind;
use pipeline_spec::template::{CLOSE, Segment, split};
use pipeline_spec::{Code, did_you_mean};

use super::engine::FILTERS;
use super::path;
use super::secrets;
use super::syntax::{bytes, extent, parse};
use super::types::{self, Type};

/// What is known where an expression stands. Names are as expressions write them.
pub(crate) trait Known {
    /// A pipeline parameter: its own name and type.
    fn param(&self, name: &str) -> Option<(&str, ParamType)>;
    /// The names of all pipeline parameters.
    fn param_names(&self) -> Vec<&str>;
    /// A step: its number and its own id.
    fn step(&self, name: &str) -> Option<(usize, &str)>;
    /// A hint at the step that was meant.
    fn step_hint(&self, name: &str) -> String;
    /// An output of a step.
    fn output(&self, step: usize, name: &str) -> Option<PortType>;
    /// The names of a step's outputs.
    fn output_names(&self, step: usize) -> Vec<&str>;
    /// Whether the step's inputs are known where the expression is evaluated.
    fn has_inputs(&self) -> bool;
    /// Whether the text is a variable of the step's own, the one place for secrets.
    fn is_variable(&self) -> bool;
    /// Whether there is an item where the expression is evaluated.
    fn has_item(&self) -> bool;
    /// Whether the step runs after all others, so that it is known how the run is about to end.
    fn is_finally(&self) -> bool;
    /// Whether the step has this input, and whether it is a list.
    fn input(&self, name: &str) -> Option<bool>;
    /// The names of the step's inputs.
    fn input_names(&self) -> Vec<&str>;
}

/// What an output gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortType {
    /// An artifact, in expressions an object.
    Artifact,
    /// A value.
    Parameter(ParamType),
    /// The file does not say it in a readable way.
    Unknown,
}

/// Something that an expression depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A pipeline parameter, by its own name.
    Param(String),
    /// All pipeline parameters.
    AllParams,
    /// How a step ended, by its number.
    StepState(usize),
    /// What a step gave, by its number.
    Step(usize),
}

/// A problem in a text.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: String,
    /// Bytes of the text.
    pub(crate) bytes: Range<usize>,
}

/// What the check of a text found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The type of the text's value, if it is known.
    pub(crate) value_type: Option<ParamType>,
    pub(crate) references: Vec<Reference>,
    pub(crate) problems: Vec<Problem>,
    /// Ids of steps that expressions write in another way, and the bytes to replace.
    pub(super) replacements: Vec<(Range<usize>, String)>,
}

impl Checked {
    /// The text with the steps named by their own ids.
    pub(crate) fn canonical(&self, text: &str) -> String {
        let mut result = text.to_owned();
        let mut replacements: Vec<_> = self.replacements.iter().collect();
        replacements.sort_by_key(|(bytes, _)| std::cmp::Reverse(bytes.start));
        for (bytes, replacement) in replacements {
            result.replace_range(bytes.clone(), replacement);
        }
        result
    }
}

/// Checks every expression in a text.
pub(crate) fn check_text(text: &str, known: &dyn Known) -> Checked {
    let mut checked = Checked {
        value_type: Some(ParamType::String),
        ..Checked::default()
    };
    let segments = match split(text) {
        Ok(segments) => segments,
        Err(unclosed) => {
            checked.problems.push(Problem {
                code: Code::ExpressionSyntax,
                message: "the expression is never closed".to_owned(),
                hint: format!("add `{CLOSE}`"),
                bytes: unclosed.bytes,
            });
            return checked;
        }
    };
    let is_whole = segments.len() == 1;
    for segment in segments {
        let Segment::Expression(range) = segment else {
            continue;
        };
        let source = &text[range.clone()];
        let mut checker = Checker {
            known,
            offset: range.start,
            checked: &mut checked,
        };
        let value_type = checker.source(source);
        if is_whole {
            checked.value_type = value_type;
        }
    }
    checked
}

/// Checks one expression that begins at `offset` of its text.
pub(super) struct Checker<'a> {
    pub(super) known: &'a dyn Known,
    pub(super) offset: usize,
    pub(super) checked: &'a mut Checked,
}

impl Checker<'_> {
    fn source(&mut self, source: &str) -> Type {
        match parse(source) {
            Ok(tree) => {
                self.secrets_alone(&tree);
                self.tree(&tree)
            }
            Err(problem) => {
                let message = format!("not a valid expression: {}", problem.message);
                self.problem(
                    Code::ExpressionSyntax,
                    problem.bytes,
                    message,
                    String::new(),
                );
                None
            }
        }
    }

    pub(super) fn problem(
        &mut self,
        code: Code,
        bytes: Range<usize>,
        message: String,
        hint: String,
    ) {
        self.checked.problems.push(Problem {
            code,
            message,
            hint,
            bytes: bytes.start + self.offset..bytes.end + self.offset,
        });
    }

    fn tree(&mut self, tree: &Expr<'_>) -> Type {
        if let Some(path) = path::of(tree) {
            return self.path(&path);
        }
        match tree {
            Expr::Const(constant) => constant_type(&constant.value),
            Expr::UnaryOp(unary) => {
                let given = self.tree(&unary.expr);
                match unary.op {
                    UnaryOpKind::Not => Some(ParamType::Boolean),
                    UnaryOpKind::Neg => given,
                }
            }
            Expr::BinOp(binary) => {
                let (left, right) = (self.tree(&binary.left), self.tree(&binary.right));
                self.typed(tree, types::binary(binary.op, left, right))
            }
            Expr::IfExpr(choice) => {
                self.tree(&choice.test_expr);
                let chosen = self.tree(&choice.true_expr);
                let other = choice.false_expr.as_ref().and_then(|e| self.tree(e));
                types::common(chosen, other)
            }
            Expr::Filter(filter) => {
                let given = filter.expr.as_ref().and_then(|e| self.tree(e));
                let arguments = filter.args.iter().map(path::argument);
                let arguments: Vec<Type> = arguments.map(|a| self.tree(a)).collect();
                self.filter(tree, filter.name, given, &arguments)
            }
            Expr::Test(test) => {
                self.children(tree);
                let message = format!("there is no test `is {}`", test.name);
                let hint = "compare with `==`; `| default(...)` stands in for what is missing";
                let bytes = bytes(tree.span());
                self.problem(Code::ExpressionFunction, bytes, message, hint.to_owned());
                Some(ParamType::Boolean)
            }
            Expr::Call(call) => {
                call.args.iter().for_each(|a| {
                    self.tree(path::argument(a));
                });
                self.call(&call.expr);
                None
            }
            Expr::Compare(_) => {
                self.children(tree);
                Some(ParamType::Boolean)
            }
            Expr::List(_) | Expr::Tuple(_) => {
                self.children(tree);
                Some(ParamType::List)
            }
            Expr::Map(_) => {
                self.children(tree);
                Some(ParamType::Map)
            }
            Expr::Slice(_) | Expr::GetAttr(_) | Expr::GetItem(_) | Expr::Var(_) => {
                self.children(tree);
                None
            }
        }
    }

    /// A secret is known only when an attempt is launched, and nothing else is known then.
    fn secrets_alone(&mut self, tree: &Expr<'_>) {
        let mut paths = Vec::new();
        path::collect(tree, &mut paths);
        if !paths.iter().any(|path| path.root == secrets::ROOT) {
            return;
        }
        if let Some(other) = paths.iter().find(|path| path.root != secrets::ROOT) {
            let message = "an expression with a secret speaks of nothing else".to_owned();
            let hint = "write two expressions side by side";
            let bytes = other.bytes();
            self.problem(Code::ExpressionMisplaced, bytes, message, hint.to_owned());
        }
    }

    fn children(&mut self, tree: &Expr<'_>) {
        for child in path::children(tree) {
            self.tree(child);
        }
    }

    fn typed(&mut self, tree: &Expr<'_>, found: Result<Type, String>) -> Type {
        found.unwrap_or_else(|message| {
            self.problem(Code::TypeMismatch, extent(tree), message, String::new());
            None
        })
    }

    fn filter(&mut self, tree: &Expr<'_>, name: &str, given: Type, arguments: &[Type]) -> Type {
        if FILTERS.contains(&name) {
            let fallback = arguments.first().copied().flatten();
            return self.typed(tree, types::filter(name, given, fallback));
        }
        let message = format!("there is no filter `{name}`");
        let hint = did_you_mean(name, FILTERS.iter().copied());
        self.problem(Code::ExpressionFunction, bytes(tree.span()), message, hint);
        None
    }

    fn call(&mut self, called: &Expr<'_>) {
        let end = bytes(called.span()).end;
        let (name, start) = match called {
            Expr::Var(var) => (var.id, bytes(var.span()).start),
            Expr::GetAttr(attribute) => (attribute.name, end - attribute.name.len()),
            _ => ("this", bytes(called.span()).start),
        };
        let hint = if FILTERS.contains(&name) {
            format!("write it as a filter: `value | {name}`")
        } else {
            did_you_mean("", FILTERS.iter().copied()).replace("known here", "there are filters")
        };
        let message =
            format!("expressions cannot call `{name}`: they know no functions or methods");
        self.problem(Code::ExpressionFunction, start..end, message, hint);
    }
}

fn constant_type(value: &minijinja::Value) -> Type {
    match value.kind() {
        ValueKind::Bool => Some(ParamType::Boolean),
        ValueKind::Number if value.is_integer() => Some(ParamType::Integer),
        ValueKind::Number => Some(ParamType::Number),
        ValueKind::String => Some(ParamType::String),
        ValueKind::Seq => Some(ParamType::List),
        ValueKind::Map => Some(ParamType::Map),
        _ => None,
    }
}
