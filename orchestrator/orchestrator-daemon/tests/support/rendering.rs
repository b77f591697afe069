//! The whole store as text: what a disk holds at a moment, in one look.
//!
//! Ids, keys and digests are told by numbers in the order in which they are met, so that equal things look
//! equal, and the text does not change when a digest does.

use std::fmt::Write;

use run_engine::artifact::Outputs;
use run_engine::event::Event;
use run_engine::ids::{ExecutionId, RunId};
use run_engine::seams::{JournalEntry, Reusable};
use run_engine::state::RunState;

use super::store::{Disk, Rows};

/// Everything that is on a disk.
pub fn render(disk: &Disk) -> String {
    let runs = runs(&disk.rows());
    let states: Vec<RunState> = runs.iter().map(|run| disk.run(*run)).collect();
    let rows = disk.rows();
    let mut names = Names {
        runs,
        executions: Vec::new(),
        keys: Vec::new(),
        digests: Vec::new(),
    };
    let mut text = String::new();
    writeln!(text, "journal, {} writes", rows.commits.len()).unwrap();
    for entry in &rows.entries {
        let line = names.entry(entry, &states);
        writeln!(text, "  {:>3} {line}", entry.seq).unwrap();
    }
    section(
        &mut text,
        "runs",
        states.iter().map(|run| names.run_state(run)),
    );
    let executions: Vec<&Reusable> = rows.executions.values().collect();
    let executions: Vec<String> = executions
        .iter()
        .map(|found| names.reusable(found))
        .collect();
    section(&mut text, "executions", executions);
    let keys = names.keys.clone();
    let reusable = keys.iter().enumerate().filter_map(|(number, key)| {
        let found = rows.reusable.get(key)?;
        Some(format!(
            "key {} -> {}",
            number + 1,
            names.execution(found.execution)
        ))
    });
    section(&mut text, "reusable", reusable.collect::<Vec<_>>());
    let starts = rows.starts.iter().map(|((pipeline, step), started)| {
        format!(
            "{step} of {pipeline}: {}",
            names.execution(started.execution)
        )
    });
    section(&mut text, "newest starts", starts.collect::<Vec<_>>());
    let blessed = rows.blessings.iter().map(|blessed| {
        format!(
            "{}: {}",
            blessed.model,
            names.digest(&blessed.artifact.digest)
        )
    });
    section(&mut text, "blessed", blessed.collect::<Vec<_>>());
    let pushed = rows.pushes.iter().map(|pushed| {
        format!(
            "{} of {}: {}",
            pushed.model, pushed.destination, pushed.version
        )
    });
    section(&mut text, "pushed", pushed);
    text
}

fn section(text: &mut String, title: &str, lines: impl IntoIterator<Item = String>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_some() {
        writeln!(text, "{title}").unwrap();
    }
    for line in lines {
        writeln!(text, "  {}", line.trim_end()).unwrap();
    }
}

fn runs(rows: &Rows) -> Vec<RunId> {
    let mut runs: Vec<RunId> = rows.entries.iter().map(|entry| entry.run).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// What things are called.
struct Names {
    runs: Vec<RunId>,
    /// The execution, and the step and run that it is of.
    executions: Vec<(ExecutionId, String)>,
    keys: Vec<String>,
    digests: Vec<String>,
}

impl Names {
    fn run(&self, run: RunId) -> String {
        let number = self.runs.iter().position(|other| *other == run);
        number.map_or("?".to_owned(), |number| format!("run {}", number + 1))
    }

    fn execution(&self, execution: ExecutionId) -> String {
        let mut known = self.executions.iter();
        let known = known.find(|(other, _)| *other == execution);
        known.map_or("?".to_owned(), |(_, name)| name.clone())
    }

    fn key(&mut self, key: &str) -> String {
        format!("key {}", number(&mut self.keys, key))
    }

    fn digest(&mut self, digest: &str) -> String {
        format!("digest {}", number(&mut self.digests, digest))
    }

    fn outputs(&mut self, outputs: &Outputs) -> String {
        let mut parts = Vec::new();
        for (port, artifact) in &outputs.artifacts {
            let digest = self.digest(&artifact.digest);
            parts.push(format!("{port} {} {digest}", artifact.type_name));
        }
        let values = outputs.parameters.iter();
        parts.extend(values.map(|(port, value)| format!("{port} = {value}")));
        parts.join(", ")
    }

    fn reusable(&mut self, found: &Reusable) -> String {
        let outputs = self.outputs(&found.outputs);
        let refused = found.refused.as_ref();
        let refused = refused.map_or(String::new(), |reason| {
            format!(", refused: {}", reason.text)
        });
        format!("{}: {outputs}{refused}", self.execution(found.execution))
    }

    fn run_state(&self, run: &RunState) -> String {
        let steps = run.task_ids().map(|node| {
            let (id, step) = (run.name(node), run.step(node));
            format!("{id} {:?}", step.phase)
        });
        let steps: Vec<String> = steps.collect();
        format!(
            "{}: {:?}: {}",
            self.run(run.id()),
            run.phase,
            steps.join(", ")
        )
    }

    /// An event, with what it freezes.
    fn entry(&mut self, entry: &JournalEntry, states: &[RunState]) -> String {
        let run = self.run(entry.run);
        let plan = states.iter().find(|state| state.id() == entry.run);
        let step = entry.event.step().map(|(node, attempt)| {
            let id = plan.map_or("?".to_owned(), |state| state.name(node));
            attempt.map_or_else(|| id.clone(), |attempt| format!("{id}.{attempt}"))
        });
        let name = run_engine::event_name(&entry.event);
        let frozen = self.frozen(&entry.event, entry.run, step.as_deref().unwrap_or_default());
        let words = [Some(run), Some(name.to_owned()), step, frozen];
        let words: Vec<String> = words.into_iter().flatten().collect();
        words.join(" ").trim_end().to_owned()
    }

    fn frozen(&mut self, event: &Event, run: RunId, step: &str) -> Option<String> {
        Some(match event {
            Event::RunCreated(created) => {
                let retry = created
                    .retry_of
                    .map(|run| format!(", retries {}", self.run(run)));
                let retry = retry.unwrap_or_default();
                format!(
                    "by {}, {} slots{retry}",
                    created.trigger.kind, created.slots
                )
            }
            Event::StepStarted(started) => {
                if started.attempt == 1 {
                    let step = step.split('.').next().unwrap_or_default();
                    let name = format!("{step} of {}", self.run(run));
                    self.executions.push((started.execution, name));
                }
                let key = started.reuse_key.as_ref().map(|key| self.key(key));
                let key = key.unwrap_or("no key".to_owned());
                let inputs = started.inputs.iter().map(|(port, given)| {
                    let given = given.iter().map(|artifact| self.digest(&artifact.digest));
                    format!(", {port} {}", given.collect::<Vec<_>>().join(" "))
                });
                let inputs: String = inputs.collect();
                let version = started.push_version;
                let version =
                    version.map_or(String::new(), |version| format!(", version {version}"));
                let code = started.reason.code.word();
                format!("by {}: {code}, {key}{inputs}{version}", started.keeper)
            }
            Event::StepSucceeded(ended) => self.outputs(&ended.outputs),
            Event::StepRefused { ended, reason } => {
                format!("{}: {}", reason.text, self.outputs(&ended.outputs))
            }
            Event::ApprovalRequested(request) => {
                let name = format!("{step} of {}", self.run(run));
                self.executions.push((request.intent.execution, name));
                request.message.clone()
            }
            Event::ApprovalDecided { decision, .. } => decision.reason().text,
            Event::StepReused(reused) => {
                let carried = if reused.carried.is_some() {
                    "carried over "
                } else {
                    ""
                };
                format!("{carried}from {}", self.execution(reused.source))
            }
            Event::StepFailed { failure, .. } | Event::StepRetrying { failure, .. } => {
                format!("{}: {}", failure.code, failure.message)
            }
            Event::StepLost { proof, .. } => proof.clone(),
            Event::StepSkipped { reason, .. } => format!("{}: {}", reason.code.word(), reason.text),
            _ => return None,
        })
    }
}

fn number(known: &mut Vec<String>, name: &str) -> usize {
    let number = known.iter().position(|other| other == name);
    number.unwrap_or_else(|| {
        known.push(name.to_owned());
        known.len() - 1
    }) + 1
}
