//! Checking expressions when a pipeline is compiled: names, filters, types, and what they depend on.

use std::ops::Range;

use component_api::manifest::ParamType;
use minijinja::machinery::ast::{Expr, UnaryOpKind};
use minijinja::value::ValueKind;
use pipeline_spec::template::{CLOSE, Segment, split};
use pipeline_spec::{Code, did_you_mean};

use super::engine::FILTERS;
use super::path::{self, Path};
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
    /// A step, by its number.
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
    replacements: Vec<(Range<usize>, String)>,
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
struct Checker<'a> {
    known: &'a dyn Known,
    offset: usize,
    checked: &'a mut Checked,
}

impl Checker<'_> {
    fn source(&mut self, source: &str) -> Type {
        match parse(source) {
            Ok(tree) => self.tree(&tree),
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

    fn problem(&mut self, code: Code, bytes: Range<usize>, message: String, hint: String) {
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

    fn path(&mut self, path: &Path<'_>) -> Type {
        match path.root {
            "params" => self.params(path),
            "steps" => self.steps(path),
            "inputs" => self.inputs(path),
            "run" => self.fields(path, &["created_at", "id", "pipeline"]),
            "trigger" => self.fields(path, &["detail", "kind"]),
            "env" => self.env(path),
            root => {
                const ROOTS: &[&str] = &["env", "inputs", "params", "run", "steps", "trigger"];
                let hint = if self.known.param(root).is_some() {
                    format!("write `params.{root}`")
                } else if self.known.step(root).is_some() {
                    format!("write `steps.{root}.outputs.NAME`")
                } else {
                    did_you_mean(root, ROOTS.iter().copied())
                };
                let message = format!("there is no `{root}` in expressions");
                self.name(path.root_bytes.clone(), message, hint);
                None
            }
        }
    }

    fn name(&mut self, bytes: Range<usize>, message: String, hint: String) {
        self.problem(Code::ExpressionName, bytes, message, hint);
    }

    fn params(&mut self, path: &Path<'_>) -> Type {
        let Some(first) = path.segments.first() else {
            self.checked.references.push(Reference::AllParams);
            return Some(ParamType::Map);
        };
        let Some((own_name, param_type)) = self.known.param(&first.name) else {
            let hint = did_you_mean(&first.name, self.known.param_names());
            let message = format!("the pipeline has no parameter `{}`", first.name);
            self.name(first.bytes.clone(), message, hint);
            return None;
        };
        self.checked
            .references
            .push(Reference::Param(own_name.to_owned()));
        self.part(path, 1, Some(param_type).filter(|t| *t != ParamType::Any))
    }

    fn steps(&mut self, path: &Path<'_>) -> Type {
        let Some(first) = path.segments.first() else {
            let message = "`steps` must be followed by the id of a step".to_owned();
            self.name(
                path.bytes(),
                message,
                "write `steps.ID.outputs.PORT`".to_owned(),
            );
            return None;
        };
        let Some((step, id)) = self.known.step(&first.name) else {
            let message = format!("there is no step `{}`", first.name);
            let hint = self.known.step_hint(&first.name);
            self.name(first.bytes.clone(), message, hint);
            return None;
        };
        self.checked.references.push(Reference::Step(step));
        if id != first.name {
            let access = first.access.start + self.offset..first.access.end + self.offset;
            self.checked
                .replacements
                .push((access, format!("[\"{id}\"]")));
        }
        let Some(second) = path.segments.get(1) else {
            return Some(ParamType::Map);
        };
        match second.name.as_str() {
            "state" => self.part(path, 2, Some(ParamType::String)),
            "outputs" => self.output(path, step, id.to_owned().as_str()),
            other => {
                let message = format!("a step has no `{other}` in expressions");
                let hint = match self.known.output(step, other) {
                    Some(_) => format!("write `steps.{}.outputs.{other}`", first.name),
                    None => did_you_mean(other, ["outputs", "state"]),
                };
                self.name(second.bytes.clone(), message, hint);
                None
            }
        }
    }

    fn output(&mut self, path: &Path<'_>, step: usize, id: &str) -> Type {
        let Some(port) = path.segments.get(2) else {
            return Some(ParamType::Map);
        };
        match self.known.output(step, &port.name) {
            Some(PortType::Parameter(param_type)) => self.part(path, 3, Some(param_type)),
            Some(PortType::Artifact) => artifact(path, 3),
            Some(PortType::Unknown) => None,
            None => {
                let message = format!("step `{id}` has no output `{}`", port.name);
                let hint = did_you_mean(&port.name, self.known.output_names(step));
                self.problem(Code::UnknownOutput, port.bytes.clone(), message, hint);
                None
            }
        }
    }

    fn inputs(&mut self, path: &Path<'_>) -> Type {
        let Some(first) = path.segments.first() else {
            return Some(ParamType::Map);
        };
        match self.known.input(&first.name) {
            Some(true) => self.part(path, 1, Some(ParamType::List)),
            Some(false) => artifact(path, 1),
            None => {
                let message = format!("the step has no input `{}`", first.name);
                let hint = did_you_mean(&first.name, self.known.input_names());
                self.problem(Code::UnknownInput, first.bytes.clone(), message, hint);
                None
            }
        }
    }

    /// `run` and `trigger`: objects with these entries, all of them text.
    fn fields(&mut self, path: &Path<'_>, fields: &[&str]) -> Type {
        let Some(first) = path.segments.first() else {
            return Some(ParamType::Map);
        };
        if fields.contains(&first.name.as_str()) {
            return self.part(path, 1, Some(ParamType::String));
        }
        let message = format!("`{}` has no `{}`", path.root, first.name);
        let hint = did_you_mean(&first.name, fields.iter().copied());
        self.name(first.bytes.clone(), message, hint);
        None
    }

    fn env(&mut self, path: &Path<'_>) -> Type {
        if path.segments.is_empty() {
            let message = "`env` must be followed by the name of a variable".to_owned();
            self.name(path.bytes(), message, "write `env.NAME`".to_owned());
            return None;
        }
        self.part(path, 1, Some(ParamType::String))
    }

    /// What is asked of a value of a known type: only lists and maps have parts.
    fn part(&mut self, path: &Path<'_>, from: usize, whole: Type) -> Type {
        let Some(asked) = path.segments.get(from) else {
            return whole;
        };
        if let Some(scalar) = whole
            && !matches!(scalar, ParamType::List | ParamType::Map | ParamType::Any)
        {
            let scalar = types::with_article(scalar);
            let message = format!("{scalar} has no `{}`", asked.name);
            self.name(asked.bytes.clone(), message, String::new());
        }
        None
    }
}

/// What is asked of an artifact: its own entries are text, its properties are known when it is made.
fn artifact(path: &Path<'_>, from: usize) -> Type {
    let asked = path.segments.get(from..).unwrap_or_default();
    match asked {
        [] => Some(ParamType::Map),
        [one] if matches!(one.name.as_str(), "uri" | "digest" | "name" | "type") => {
            Some(ParamType::String)
        }
        _ => None,
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
