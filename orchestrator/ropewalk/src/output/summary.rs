//! The summary at the end of a run: what became of its steps, the headline metrics, what gates
//! decided, where the model and the report are, and the next command to type.

use std::collections::BTreeMap;

use chrono::Utc;
use orchestrator_api::{Client, RunState, Status, Step, StepState};
use serde_json::Value;

use super::colors::{Colors, Tone, run_tone};
use super::tables::{fields, table};
use super::{gates, text};
use crate::artifact_files::{Content, REPORT};
use crate::limits::SUMMED_UP_ARTIFACTS_MAX;

/// Steps listed one by one; of a run with more, only those that neither succeeded nor were reused.
const STEPS_LISTED_MAX: usize = 100;

/// The headline metric of each task where no check names one.
const HEADLINES: [(&str, &str); 3] = [
    ("binary", "auc"),
    ("multiclass", "accuracy"),
    ("regression", "rmse"),
];

/// The end of the log of a step that failed.
#[derive(Debug)]
pub(crate) struct FailedLog {
    /// The step.
    pub(crate) step: String,
    /// Its last lines.
    pub(crate) tail: String,
}

/// What the artifacts hold that a summary tells of, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<String, Content>);

impl Findings {
    /// Looks into what a run's steps gave.
    pub(crate) async fn read(client: &Client, status: &Status) -> Self {
        let mut findings = BTreeMap::new();
        let told = [
            "Anomalies",
            "Blessing",
            "Evaluation",
            "Model",
            "PushedModel",
        ];
        let outputs = status.steps.iter().flat_map(outputs);
        let outputs = outputs.filter(|output| told.contains(&output.artifact_type));
        for output in outputs.take(SUMMED_UP_ARTIFACTS_MAX) {
            let content = match output.artifact_type {
                // Whether there is a report for people.
                "Evaluation" => Content::list(client, output.id).await,
                artifact_type => Content::read(client, output.id, artifact_type).await,
            };
            findings.insert(output.id.to_owned(), content);
        }
        Self(findings)
    }

    fn json(&self, output: &Output<'_>, file: &str) -> Option<Value> {
        self.0.get(output.id)?.json(file)
    }
}

/// The summary of a run that is over, or that waits for a person.
pub(crate) fn summary(
    status: &Status,
    logs: &[FailedLog],
    findings: &Findings,
    colors: Colors,
) -> String {
    let mut parts = vec![heading(status, colors), steps(status)];
    parts.extend(troubles(status, logs, colors));
    let steps = status.steps.iter();
    parts.extend(steps.flat_map(|step| gate_texts(step, findings)));
    parts.push(fields(&[
        ("metrics", metrics(status, findings)),
        ("pushed", pushed(status, findings)),
        ("report", report(status, findings)),
        ("next", next(status)),
    ]));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn heading(status: &Status, colors: Colors) -> String {
    let state = colors.paint(run_tone(status.state), status.state.word());
    let took = match status.duration_ms {
        Some(_) => format!(" in {}", text::duration_ms(status.duration_ms)),
        None => String::new(),
    };
    format!("{} {state}{took} (run {})", status.pipeline, status.run_id)
}

/// Each step's state and duration.
fn steps(status: &Status) -> String {
    let fine = |step: &&Step| matches!(step.state, StepState::Succeeded | StepState::Reused);
    let all = status.steps.len() <= STEPS_LISTED_MAX;
    let listed = status.steps.iter().filter(|step| all || !fine(step));
    let rows: Vec<Vec<String>> = listed.take(STEPS_LISTED_MAX).map(step_row).collect();
    let left_out = status.steps.len() - rows.len();
    let mut lines = table(&["STEP", "STATE", "TIME", "WHY"], &rows);
    if left_out > 0 {
        let count = text::count(left_out, "more step");
        lines += &format!("\n{count}: ropewalk status {}", status.run_id);
    }
    lines
}

/// A step in a table: its name, state, duration, reason. Why one failed stands below the table.
pub(crate) fn step_row(step: &Step) -> Vec<String> {
    let reason = step
        .reason
        .as_ref()
        .filter(|_| step.state != StepState::Failed);
    let reason = reason.map(|reason| text::printable(&reason.text));
    let time = match (step.state, step.started_at) {
        (StepState::Running | StepState::Stuck, Some(started)) => {
            let so_far = (Utc::now() - started).to_std().unwrap_or_default();
            format!("{} so far", text::duration(so_far))
        }
        _ => text::duration_ms(step.duration_ms),
    };
    vec![
        text::name_of(step),
        step.state.word().to_owned(),
        time,
        reason.unwrap_or_default(),
    ]
}

/// What went wrong, a text for each step that failed.
pub(crate) fn troubles(status: &Status, logs: &[FailedLog], colors: Colors) -> Vec<String> {
    let steps = status.steps.iter();
    steps
        .filter_map(|step| trouble(status, step, logs, colors))
        .collect()
}

/// Why a step failed, in the form in which a compiler tells of mistakes: what, where, the end of its
/// log, what to do.
fn trouble(status: &Status, step: &Step, logs: &[FailedLog], colors: Colors) -> Option<String> {
    if step.state != StepState::Failed {
        return None;
    }
    let name = text::name_of(step);
    let last = step.attempts.last();
    let error = last.and_then(|attempt| attempt.error.as_ref());
    let error = error.or(step.error.as_ref());
    let message = match (error, &step.reason) {
        (Some(error), _) => error.message.as_str(),
        (None, Some(reason)) => reason.text.as_str(),
        (None, None) => "no reason is recorded",
    };
    let kind = match error {
        Some(error) => format!("error[{}]", error.code),
        None => "error".to_owned(),
    };
    let kind = colors.paint(Tone::Bad, &kind);
    let arrow = colors.paint(Tone::Active, "-->");
    let bar = colors.paint(Tone::Active, "|");
    let equals = colors.paint(Tone::Active, "=");
    let attempt = last.map_or(String::new(), |last| format!("attempt {} of ", last.number));
    let mut lines = format!(
        "{kind}: step `{name}` failed: {}\n {arrow} {attempt}step `{name}`, run {}, {}",
        text::printable(message),
        status.run_id,
        status.pipeline_file
    );
    let log = logs.iter().find(|log| log.step == name);
    if let Some(log) = log.filter(|log| !log.tail.is_empty()) {
        lines += &format!("\n  {bar}");
        for line in text::printable(&log.tail).lines() {
            lines += &format!("\n  {bar} {line}");
        }
        lines += &format!("\n  {bar}");
    }
    if let Some(path) = last.and_then(|attempt| attempt.log_path.as_deref()) {
        lines += &format!("\n  {equals} log: {path}");
    }
    if let Some(hint) = error.and_then(|error| error.hint.as_ref()) {
        lines += &format!("\n  {equals} hint: {}", text::printable(hint));
    }
    Some(lines)
}

/// What gates among a step's outputs decided.
fn gate_texts(step: &Step, findings: &Findings) -> Vec<String> {
    let named = |port: &str, text: String| format!("{}.{port} {text}", text::name_of(step));
    let texts = outputs(step).filter_map(|output| {
        let content = findings.0.get(output.id)?;
        let text = match output.artifact_type {
            "Blessing" => gates::blessing(content)?,
            // Silence is the usual outcome of a check of data, and a table of nothing says little.
            "Anomalies" => {
                let text = gates::anomalies(content)?;
                if step.state != StepState::Refused && !text.contains('\n') {
                    return None;
                }
                text
            }
            _ => return None,
        };
        Some(named(output.port, text))
    });
    texts.collect()
}

/// `evaluate: accuracy 0.98`, a line for each step that measured something.
fn metrics(status: &Status, findings: &Findings) -> String {
    let lines = status.steps.iter().filter_map(|step| {
        let headlines = headlines(step, findings);
        let values = step
            .metrics
            .iter()
            .filter(|(name, _)| headlines.contains(name));
        let values: Vec<String> = values
            .map(|(name, value)| {
                let value = text::value(&Value::Number(value.clone()));
                format!("{} {value}", text::printable(name))
            })
            .collect();
        (!values.is_empty()).then(|| format!("{}: {}", text::name_of(step), values.join(", ")))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The metrics that matter: those that a check names, else that of the model's task, else the first
/// of the tasks' own that there is.
fn headlines(step: &Step, findings: &Findings) -> Vec<String> {
    let named = outputs(step).flat_map(|output| match output.artifact_type {
        "Blessing" => checked_metrics(findings.json(&output, "blessing.json")),
        _ => Vec::new(),
    });
    let named: Vec<String> = named
        .filter(|name| step.metrics.contains_key(name))
        .collect();
    if !named.is_empty() {
        return named;
    }
    let tasks = outputs(step).filter(|output| output.artifact_type == "Model");
    let of_task = tasks.filter_map(|output| {
        let signature = findings.json(&output, "signature.json")?;
        let task = signature["task"].as_str()?;
        HEADLINES.iter().find(|(known, _)| *known == task)
    });
    let of_task = of_task.chain(&HEADLINES).map(|(_, metric)| *metric);
    let first = of_task
        .into_iter()
        .find(|metric| step.metrics.contains_key(*metric));
    first.map(str::to_owned).into_iter().collect()
}

/// The metrics that a blessing's checks are about.
fn checked_metrics(blessing: Option<Value>) -> Vec<String> {
    let blessing = blessing.unwrap_or_default();
    let checks = gates::list(&blessing["checks"]).iter();
    checks.map(|check| gates::known(&check["metric"])).collect()
}

/// Where models were pushed.
fn pushed(status: &Status, findings: &Findings) -> String {
    let ended = status.steps.iter().filter(|s| s.state.is_ended());
    let pushes = ended
        .flat_map(outputs)
        .filter(|o| o.artifact_type == "PushedModel");
    let lines = pushes.filter_map(|output| {
        let pushed = findings.json(&output, "pushed.json")?;
        let place = ["path", "destination", "uri"]
            .iter()
            .map(|f| gates::known(&pushed[*f]));
        let place = place.into_iter().find(|place| !place.is_empty())?;
        let version = gates::known(&pushed["version"]);
        Some(if version.is_empty() || place.ends_with(&version) {
            place
        } else {
            format!("{place}, version {version}")
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where reports for people lie.
fn report(status: &Status, findings: &Findings) -> String {
    let evaluations = status.steps.iter().flat_map(outputs);
    let evaluations = evaluations.filter(|o| o.artifact_type == "Evaluation");
    let has_one = |output: &Output<'_>| {
        let content = findings.0.get(output.id);
        content.is_some_and(|content| content.has(REPORT))
    };
    let reports = evaluations.filter(has_one);
    let lines: Vec<String> = reports
        .map(|output| format!("{}/{REPORT}", output.path))
        .collect();
    lines.join("\n")
}

/// The next command to type.
fn next(status: &Status) -> String {
    let run = status.run_id;
    let first = |state| status.steps.iter().find(|step| step.state == state);
    match status.state {
        RunState::Waiting => {
            let step = first(StepState::AwaitingApproval).map(text::name_of);
            format!("ropewalk approve {run} {}", step.unwrap_or_default())
        }
        state if !state.is_ended() => format!("ropewalk resume {run}"),
        RunState::Failed | RunState::Cancelled => format!("ropewalk retry {run}"),
        RunState::Refused => {
            match first(StepState::Refused).and_then(|step| Some((step, outputs(step).next()?))) {
                Some((step, output)) => format!(
                    "ropewalk show {run}/{}.{}",
                    text::name_of(step),
                    output.port
                ),
                None => format!("ropewalk status {run}"),
            }
        }
        _ => {
            let of_interest = |step: &Step| {
                let output = outputs(step).find(|o| o.artifact_type == "Evaluation")?;
                Some(format!(
                    "ropewalk show {}.{}",
                    text::name_of(step),
                    output.port
                ))
            };
            let shown = status.steps.iter().rev().find_map(of_interest);
            shown.unwrap_or_else(|| format!("ropewalk artifacts {run}"))
        }
    }
}

/// An artifact that a step gave.
struct Output<'a> {
    id: &'a str,
    port: &'a str,
    artifact_type: &'a str,
    path: &'a str,
}

/// The artifacts among a step's outputs.
fn outputs(step: &Step) -> impl Iterator<Item = Output<'_>> {
    step.outputs.iter().filter_map(|(port, value)| {
        // A parameter may be a map as well, but has no identity.
        Some(Output {
            id: value["artifact_id"].as_str()?,
            port,
            artifact_type: value["type"].as_str()?,
            path: value["path"].as_str()?,
        })
    })
}
