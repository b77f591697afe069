//! The environment of an attempt: the run's variables, the step's own, the worker contract's.
//!
//! Nothing comes from the environment of the daemon.

use std::collections::BTreeMap;

use component_api::contract::{ExecutorInput, VARIABLE_BYTES_MAX, value_text, variable_name};

use super::{Attempt, FILES};
use crate::secrets::Given;
use crate::trace_context::VARIABLE as TRACE_VARIABLE;

/// All variables, sorted by name. The step's own replace the run's, the contract's replace both. Of the
/// step's own those that speak of secrets are given, and recorded without. Its place in the trace
/// replaces the run's, for the run's client is in another trace.
pub(super) fn of(
    attempt: &Attempt<'_>,
    input: &ExecutorInput,
    given: Given,
) -> Vec<(String, String)> {
    let (created, started) = (&attempt.task.created, &attempt.task.started);
    let mut variables = Variables {
        values: created.environment.clone(),
        executor_input: absolute(attempt, &attempt.layout.executor_input()),
    };
    if let Some(trace) = given.trace {
        variables.values.insert(TRACE_VARIABLE.to_owned(), trace);
    }
    variables.values.extend(started.key.env.clone());
    variables.values.extend(given.variables);
    for (name, value) in [
        ("RUN_ID", created.run.to_string()),
        ("PIPELINE", created.plan.name.clone()),
        ("STEP", attempt.node.id.clone()),
        ("ATTEMPT", started.attempt.to_string()),
        (
            "PROJECT_DIR",
            attempt.project_dir().to_string_lossy().into_owned(),
        ),
        ("WORK_DIR", absolute(attempt, &attempt.work_folder())),
        ("EXECUTOR_INPUT", variables.executor_input.clone()),
        ("OUTPUT", absolute(attempt, &attempt.layout.output_values())),
    ] {
        variables.values.insert(format!("ROPEWALK_{name}"), value);
    }
    if let Some(checkpoint) = attempt.checkpoint() {
        let folder = absolute(attempt, &checkpoint);
        let name = "ROPEWALK_CHECKPOINT_DIR".to_owned();
        variables.values.insert(name, folder);
    }
    // A step that says how many GPUs it takes sees no others.
    if attempt.node.resources.gpu.is_some() {
        let numbers: Vec<String> = started.gpus.iter().map(ToString::to_string).collect();
        let name = "CUDA_VISIBLE_DEVICES".to_owned();
        variables.values.insert(name, numbers.join(","));
    }
    if let Some(of) = &attempt.task.item {
        let values = &mut variables.values;
        let index = of.item.index.to_string();
        values.insert("ROPEWALK_ITEM_INDEX".to_owned(), index);
        let text = value_text(&of.item.value);
        // One that is too large can be handed over in `with:`, which the JSON holds.
        if text.len() <= VARIABLE_BYTES_MAX && !text.contains('\0') {
            values.insert("ROPEWALK_ITEM".to_owned(), text);
        }
    }
    variables.values.insert(
        "TMPDIR".to_owned(),
        absolute(attempt, &attempt.work_folder()),
    );
    for (port, given) in &started.inputs {
        let paths = given
            .iter()
            .flat_map(|artifact| match &*artifact.type_name {
                FILES => artifact
                    .files
                    .iter()
                    .map(|file| file.path.clone())
                    .collect(),
                _ => vec![absolute(attempt, &artifact.path)],
            });
        let paths: Vec<String> = paths.collect();
        // An empty list is told of; files that were looked for and not found are not.
        if !paths.is_empty() || given.is_empty() {
            variables.set(variable_name("INPUT", port), paths.join("\n"));
        }
    }
    for (port, list) in &input.outputs.artifacts {
        let paths = list.artifacts.iter().map(|artifact| artifact.uri.clone());
        variables.set(variable_name("OUTPUT", port), paths.collect());
    }
    for (port, parameter) in &input.outputs.parameters {
        let path = parameter.output_file.clone();
        variables.set(variable_name("OUTPUT", port), path);
    }
    for (name, value) in &started.key.params {
        variables.set(variable_name("PARAM", name), value_text(value));
    }
    variables.values.into_iter().collect()
}

struct Variables {
    values: BTreeMap<String, String>,
    executor_input: String,
}

impl Variables {
    /// Sets a variable, or one that points at the JSON which has the value, if no environment can.
    fn set(&mut self, name: String, value: String) {
        if value.len() <= VARIABLE_BYTES_MAX && !value.contains('\0') {
            self.values.insert(name, value);
        } else {
            let path = self.executor_input.clone();
            self.values.insert(format!("{name}_FILE"), path);
        }
    }
}

fn absolute(attempt: &Attempt<'_>, relative: &str) -> String {
    // Checked to be UTF-8 before.
    attempt.path(relative).to_string_lossy().into_owned()
}
