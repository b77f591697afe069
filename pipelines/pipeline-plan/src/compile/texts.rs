//! The texts of a step that may hold expressions.
//!
//! Each is checked, what it depends on becomes an edge, and the text comes back as the plan
//! holds it: with every step named by its own id.

use component_api::manifest::ParamType;
use pipeline_spec::template::has_expression;
use pipeline_spec::{At, Collector, Diagnostic};
use serde_json::Value;

use super::Draft;
use super::steps::Steps;
use crate::expression::{Checked, Known, PortType, Reference, check_text, normal};
use crate::plan::Condition;

/// Checks the texts of one step.
pub(super) struct Texts<'a, 'c> {
    pub(super) steps: &'a Steps<'a>,
    pub(super) step: usize,
    pub(super) draft: &'c mut Draft,
    pub(super) collector: &'c mut Collector,
}

impl Texts<'_, '_> {
    /// A text as the plan holds it, and the type of its value as far as it is known.
    pub(super) fn text(&mut self, text: &str, at: &At<'_>) -> (String, Option<ParamType>) {
        if !has_expression(text) {
            return (text.to_owned(), Some(ParamType::String));
        }
        self.expression(text, Place::Text, at)
    }

    /// A text of `foreach:`.
    pub(super) fn list(&mut self, text: &str, at: &At<'_>) -> (String, Option<ParamType>) {
        self.expression(text, Place::Foreach, at)
    }

    fn expression(&mut self, text: &str, place: Place, at: &At<'_>) -> (String, Option<ParamType>) {
        let checked = self.check(text, place);
        let canonical = checked.canonical(text);
        let value_type = checked.value_type;
        self.record(checked, at);
        (canonical, value_type)
    }

    /// A variable of the step, as the plan holds it.
    pub(super) fn variable(&mut self, text: &str, at: &At<'_>) -> String {
        if !has_expression(text) {
            return text.to_owned();
        }
        self.expression(text, Place::Variable, at).0
    }

    /// `if:`, a text that is one expression, and the type of its value.
    pub(super) fn condition(&mut self, text: &str, at: &At<'_>) -> (Condition, Option<ParamType>) {
        let checked = self.check(text, Place::Condition);
        let is_status = |reference: &Reference| matches!(reference, Reference::StepState(_));
        let condition = Condition {
            expression: checked.canonical(text),
            asks_status: checked.references.iter().any(is_status),
        };
        let value_type = checked.value_type;
        self.record(checked, at);
        (condition, value_type)
    }

    fn check(&self, text: &str, place: Place) -> Checked {
        let known = Names {
            steps: self.steps,
            step: self.step,
            place,
        };
        check_text(text, &known)
    }

    /// A value with every text in it as the plan holds it.
    pub(super) fn value(&mut self, value: &Value, at: &At<'_>) -> Value {
        self.value_at(value, Place::Text, at)
    }

    /// The list of `foreach:`, with every text in it as the plan holds it.
    pub(super) fn items(&mut self, items: &Value, at: &At<'_>) -> Value {
        self.value_at(items, Place::Foreach, at)
    }

    fn value_at(&mut self, value: &Value, place: Place, at: &At<'_>) -> Value {
        match value {
            Value::String(text) if has_expression(text) => {
                Value::String(self.expression(text, place, at).0)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(i, item)| self.value_at(item, place, &at.item(i)))
                    .collect()
            }
            Value::Object(entries) => entries
                .iter()
                .map(|(key, item)| (key.clone(), self.value_at(item, place, &at.key(key))))
                .collect(),
            other => other.clone(),
        }
    }

    fn record(&mut self, checked: Checked, at: &At<'_>) {
        for problem in checked.problems {
            let found = Diagnostic::error(problem.code, at.pointer(), problem.message);
            let found = found.hint(problem.hint).at_bytes(problem.bytes);
            self.collector.push(found);
        }
        for reference in checked.references {
            match reference {
                Reference::Param(name) => {
                    self.draft.params.insert(name);
                }
                Reference::AllParams => self.draft.all_params = true,
                Reference::StepState(step) => {
                    self.draft.needs.insert(step);
                }
                Reference::Step(step) => {
                    self.draft.needs.insert(step);
                    self.draft.data.insert(step);
                }
            }
        }
    }
}

/// Whether a value holds an expression anywhere.
pub(super) fn holds_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => has_expression(text),
        Value::Array(items) => items.iter().any(holds_expression),
        Value::Object(entries) => entries.values().any(holds_expression),
        _ => false,
    }
}

/// The names that a step's expressions may use.
pub(super) struct Names<'a> {
    pub(super) steps: &'a Steps<'a>,
    pub(super) step: usize,
    /// Where they stand.
    pub(super) place: Place,
}

/// Where expressions stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In `if:`.
    Condition,
    /// In `foreach:`.
    Foreach,
    /// In `env:`.
    Variable,
    /// Elsewhere in the step.
    Text,
}

impl Known for Names<'_> {
    fn param(&self, name: &str) -> Option<(&str, ParamType)> {
        let params = &self.steps.spec.params;
        let found = params.get_key_value(name);
        let found = found.or_else(|| params.iter().find(|(own, _)| normal(own) == normal(name)));
        found.map(|(own, spec)| (own.as_str(), spec.param_type))
    }

    fn param_names(&self) -> Vec<&str> {
        self.steps.spec.params.keys().map(String::as_str).collect()
    }

    fn step(&self, name: &str) -> Option<(usize, &str)> {
        let step = self.steps.find_named(name)?;
        Some((step, self.steps.get(step).id))
    }

    fn step_hint(&self, name: &str) -> String {
        self.steps.hint(name)
    }

    fn output(&self, step: usize, name: &str) -> Option<PortType> {
        self.steps.named_output(step, name)
    }

    fn output_names(&self, step: usize) -> Vec<&str> {
        self.steps.output_names(step)
    }

    fn has_inputs(&self) -> bool {
        matches!(self.place, Place::Variable | Place::Text)
    }

    fn is_variable(&self) -> bool {
        self.place == Place::Variable
    }

    fn has_item(&self) -> bool {
        self.has_inputs() && self.steps.get(self.step).step.foreach.is_some()
    }

    fn is_finally(&self) -> bool {
        self.steps.get(self.step).step.finally
    }

    fn input(&self, name: &str) -> Option<bool> {
        let entry = self.steps.get(self.step);
        let names = self.steps.input_names(self.step);
        let port = names
            .into_iter()
            .find(|port| normal(port) == normal(name))?;
        if let Some(component) = entry.component {
            let port = component.manifest.inputs.get(port);
            return Some(port.is_some_and(|port| port.many));
        }
        let input = entry.step.inputs.get(port);
        Some(input.is_some_and(|input| input.many || self.steps.gives_list(input)))
    }

    fn input_names(&self) -> Vec<&str> {
        self.steps.input_names(self.step)
    }
}
