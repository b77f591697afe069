//! Telling of a cycle: its steps by name, and the place where the first names the second.

use pipeline_spec::spec::{Action, InputSource};
use pipeline_spec::{At, Code, Diagnostic};
use serde_json::Value;

use super::order::Cycle;
use super::steps::{Entry, Steps};
use super::texts::{Names, Place};
use crate::expression::{Reference, check_text};
use crate::limits::CYCLE_NAMES_MAX;

/// The error for a cycle.
pub(super) fn diagnostic(steps: &Steps<'_>, cycle: &Cycle) -> Diagnostic {
    let first = cycle.first().copied().unwrap_or_default();
    let second = cycle.get(1).copied().unwrap_or(first);
    let entry = steps.get(first);
    let at_steps = At::ROOT.key(entry.step.section());
    let at = at_steps.key(entry.id);
    let error = match pointer(steps, first, second, &at) {
        Some(pointer) => Diagnostic::error(Code::Cycle, pointer, message(steps, cycle)),
        None => Diagnostic::error(Code::Cycle, at.pointer(), message(steps, cycle)).at_key(),
    };
    error.hint("remove one of these dependencies")
}

fn message(steps: &Steps<'_>, cycle: &Cycle) -> String {
    let mut names: Vec<String> = cycle
        .iter()
        .map(|&step| steps.get(step).id.to_owned())
        .collect();
    let first = names.first().cloned().unwrap_or_default();
    if names.len() == 1 {
        return format!("step `{first}` waits for itself");
    }
    if names.len() > CYCLE_NAMES_MAX {
        let kept = CYCLE_NAMES_MAX / 2;
        let left_out = names.len() - 2 * kept;
        names.splice(kept..kept + left_out, [format!("({left_out} more)")]);
    }
    let names = names.join(" -> ");
    format!("these steps wait for each other: {names} -> {first}")
}

/// The place where a step names another that it needs.
fn pointer(steps: &Steps<'_>, step: usize, need: usize, at: &At<'_>) -> Option<String> {
    let entry = steps.get(step);
    let wanted = steps.get(need).id;
    let names = |text: &str, place| {
        let known = Names { steps, step, place };
        let references = check_text(text, &known).references;
        references.contains(&Reference::Step(need))
            || references.contains(&Reference::StepState(need))
    };
    let condition = entry.step.condition.as_deref();
    let in_condition = || condition.filter(|text| names(text, Place::Condition));
    in_needs(&entry, wanted, at)
        .or_else(|| in_inputs(&entry, wanted, at))
        .or_else(|| in_texts(&entry, &|text| names(text, Place::Text), at))
        .or_else(|| in_condition().map(|_| at.key("if").pointer()))
        .or_else(|| {
            let items = entry.step.foreach.as_ref()?;
            in_value(items, &at.key("foreach"), &|text| {
                names(text, Place::Foreach)
            })
        })
}

fn in_needs(entry: &Entry<'_>, wanted: &str, at: &At<'_>) -> Option<String> {
    let index = entry.step.needs.iter().position(|id| id == wanted)?;
    Some(at.key("needs").item(index).pointer())
}

fn in_inputs(entry: &Entry<'_>, wanted: &str, at: &At<'_>) -> Option<String> {
    let at_inputs = at.key("inputs");
    entry.step.inputs.iter().find_map(|(port, input)| {
        let is_wanted = |source: &Option<InputSource>| match source {
            Some(InputSource::Output { step, .. }) => step == wanted,
            Some(
                InputSource::Latest { output, .. }
                | InputSource::LatestSpans { output, .. }
                | InputSource::PreviousSpan(output),
            ) => output.step == wanted,
            _ => false,
        };
        let index = input.sources.iter().position(is_wanted)?;
        let at = at_inputs.key(port);
        Some(if input.many {
            at.item(index).pointer()
        } else {
            at.pointer()
        })
    })
}

fn in_texts(entry: &Entry<'_>, names: &dyn Fn(&str) -> bool, at: &At<'_>) -> Option<String> {
    let (at_env, at_with, at_run) = (at.key("env"), at.key("with"), at.key("run"));
    let mut env = entry.step.env.iter().filter(|(_, text)| names(text));
    if let Some((name, _)) = env.next() {
        return Some(at_env.key(name).pointer());
    }
    let mut with = entry.step.with.iter();
    if let Some(found) = with.find_map(|(name, value)| in_value(value, &at_with.key(name), names)) {
        return Some(found);
    }
    let Action::Command(arguments) = &entry.step.action else {
        return None;
    };
    let index = arguments.iter().position(|text| names(text))?;
    Some(at_run.item(index).pointer())
}

/// The pointer of the first text in a value that meets a condition.
fn in_value(value: &Value, at: &At<'_>, meets: &dyn Fn(&str) -> bool) -> Option<String> {
    match value {
        Value::String(text) => meets(text).then(|| at.pointer()),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| in_value(item, &at.item(index), meets))
        }
        Value::Object(entries) => {
            let mut entries = entries.iter();
            entries.find_map(|(key, item)| in_value(item, &at.key(key), meets))
        }
        _ => None,
    }
}
