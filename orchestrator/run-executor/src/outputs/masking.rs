//! Keeping secrets out of what is recorded of an attempt that was given some.
//!
//! Its log never held them. What it wrote of itself, its values and properties become part of the record:
//! there they are masked, and in the files of the worker contract too. The files of artifacts are the step's own.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use attempt_keeper::Masker;
use run_engine::artifact::Outputs;
use run_engine::decide::{AttemptOutcome, AttemptReport};
use run_engine::plan::OutputKind;
use run_engine::reason::Failure;
use serde_json::Value;

use crate::launch::Attempt;

/// Takes the secrets out of a report, and out of the small files that the attempt answered by.
pub(crate) fn mask(attempt: &Attempt<'_>, report: &mut AttemptReport, masker: &Masker) {
    for path in answers(attempt) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let clean = masker.text(&text);
        if clean != text {
            let written = fs::write(&path, clean);
            // What cannot be cleaned is not kept.
            let _ = written.or_else(|_| fs::remove_file(&path));
        }
    }
    match &mut report.outcome {
        AttemptOutcome::Succeeded(outputs) => mask_outputs(outputs, masker),
        AttemptOutcome::Refused { outputs, reason } => {
            mask_outputs(outputs, masker);
            *reason = masker.text(reason);
        }
        AttemptOutcome::Failed(failure) => mask_failure(failure, masker),
    }
}

/// What an attempt says of itself when nobody knows its secrets any more: nothing.
pub(crate) fn withhold(report: &mut AttemptReport) {
    const WITHHELD: &str =
        "what it said of itself is not kept: it was given secrets that are not known any more";
    match &mut report.outcome {
        AttemptOutcome::Refused { reason, .. } => WITHHELD.clone_into(reason),
        AttemptOutcome::Failed(failure) => {
            WITHHELD.clone_into(&mut failure.message);
            failure.hint.clear();
        }
        AttemptOutcome::Succeeded(_) => {}
    }
}

pub(crate) fn mask_failure(failure: &mut Failure, masker: &Masker) {
    failure.message = masker.text(&failure.message);
    failure.hint = masker.text(&failure.hint);
}

fn answers(attempt: &Attempt<'_>) -> Vec<PathBuf> {
    let layout = &attempt.layout;
    let ports = attempt.node.outputs.iter();
    let values = ports.filter(|(_, port)| port.kind == OutputKind::Parameter);
    let values = values.map(|(name, _)| layout.output_value(name));
    [layout.executor_output(), layout.output_values()]
        .into_iter()
        .chain(values)
        .map(|path| attempt.path(&path))
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|found| found.is_file()))
        .collect()
}

fn mask_outputs(outputs: &mut Arc<Outputs>, masker: &Masker) {
    let outputs = Arc::make_mut(outputs);
    for value in outputs.parameters.values_mut() {
        mask_value(value, masker);
    }
    for artifact in outputs.artifacts.values_mut() {
        for value in Arc::make_mut(artifact).properties.values_mut() {
            mask_value(value, masker);
        }
    }
}

fn mask_value(value: &mut Value, masker: &Masker) {
    match value {
        Value::String(text) => *text = masker.text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(item, masker)),
        Value::Object(entries) => entries
            .values_mut()
            .for_each(|item| mask_value(item, masker)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
