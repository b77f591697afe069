//! Checking what a path in an expression speaks of: parameters, steps, inputs, the run.

use std::ops::Range;

use component_api::manifest::ParamType;
use pipeline_spec::{Code, did_you_mean};

use super::check::{Checker, PortType, Reference};
use super::path::Path;
use super::secrets::ROOT;
use super::types::{self, Type};

/// The names that a path may begin with.
const ROOTS: &[&str] = &[
    "env", "inputs", "item", "params", "run", "secrets", "steps", "trigger",
];

impl Checker<'_> {
    /// The type of what a path leads to.
    pub(super) fn path(&mut self, path: &Path<'_>) -> Type {
        match path.root {
            "params" => self.params(path),
            "steps" => self.steps(path),
            "inputs" => self.inputs(path),
            "run" => self.run(path),
            "trigger" => self.fields(path, &["detail", "kind"]),
            "env" => self.env(path),
            ROOT => self.secret(path),
            "item" => self.item(path),
            root => {
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
        let second = path.segments.get(1);
        let is_state = second.is_some_and(|second| second.name == "state");
        self.checked.references.push(if is_state {
            Reference::StepState(step)
        } else {
            Reference::Step(step)
        });
        if id != first.name {
            let access = first.access.start + self.offset..first.access.end + self.offset;
            self.checked
                .replacements
                .push((access, format!("[\"{id}\"]")));
        }
        let Some(second) = second else {
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

    /// A secret is handed over as a variable, and only so.
    fn secret(&mut self, path: &Path<'_>) -> Type {
        let [name] = &path.segments[..] else {
            let message = "`secrets` must be followed by the name of one".to_owned();
            self.name(path.bytes(), message, "write `secrets.NAME`".to_owned());
            return None;
        };
        if !self.known.is_variable() {
            let message = "a secret may stand in `env:` alone".to_owned();
            let name = &name.name;
            let hint = format!("write `env: {{ {name}: \"${{{{ secrets.{name} }}}}\" }}`");
            self.problem(Code::ExpressionMisplaced, path.bytes(), message, hint);
        } else if !is_variable_name(&name.name) {
            let message = format!("`{}` is no name of a secret", name.name);
            let hint = "it is that of a variable: letters, digits and `_`".to_owned();
            self.name(name.bytes.clone(), message, hint);
        }
        Some(ParamType::String)
    }

    /// How the run is about to end is known in `finally:` alone.
    fn run(&mut self, path: &Path<'_>) -> Type {
        const FIELDS: &[&str] = &["created_at", "id", "pipeline"];
        const FINALLY_FIELDS: &[&str] = &["created_at", "id", "pipeline", "state"];
        if self.known.is_finally() {
            return self.fields(path, FINALLY_FIELDS);
        }
        if let Some(first) = path.segments.first().filter(|first| first.name == "state") {
            let message = "`run.state` is known in `finally:` alone".to_owned();
            let hint = "`steps.ID.state` tells how a step ended".to_owned();
            self.name(first.bytes.clone(), message, hint);
            return None;
        }
        self.fields(path, FIELDS)
    }

    fn inputs(&mut self, path: &Path<'_>) -> Type {
        if !self.known.has_inputs() {
            let message = "what enters a step is not known when its `if` is decided".to_owned();
            let hint = "write `steps.ID.outputs.PORT`".to_owned();
            self.name(path.bytes(), message, hint);
            return None;
        }
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

    /// What kind of thing an item is shows when the list is known.
    fn item(&mut self, path: &Path<'_>) -> Type {
        if !self.known.has_item() {
            let message = "there is no `item` here".to_owned();
            let hint = "it stands for one item of `foreach:`, in the step's other keys but `if:`";
            self.name(path.root_bytes.clone(), message, hint.to_owned());
        }
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

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
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
