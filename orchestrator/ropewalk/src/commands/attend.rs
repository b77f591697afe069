//! Following a run to its end and summing it up: what `run`, `resume` and `retry` have in common.

use orchestrator_api::{Client, LogQuery, Status, StepState};

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::following::{Followed, From, follow};
use crate::limits::LOG_TAIL_LINES;
use crate::log_tail::last_lines;
use crate::output::progress::Progress;
use crate::output::summary::{FailedLog, Findings, summary};
use crate::output::text;
use crate::printing;
use crate::reaching::Reach;
use crate::signals::Signals;

/// Failed steps whose logs end up in the summary: more would push the first one off the screen.
const FAILED_LOGS_MAX: usize = 5;

/// Follows a run to its end, then prints what became of it. `how` is what is said of it at first;
/// a run of this client's own is told from its start.
pub(super) async fn attend(
    reach: &mut Reach,
    client: Client,
    status: &Status,
    (how, from): (&str, From),
    signals: Signals,
    context: &Context,
) -> Outcome {
    let progress = Progress::new(context, status);
    let (run, pipeline) = (status.run_id, &status.pipeline);
    let steps = text::count(status.steps.len(), "step");
    progress.begin(&format!("{how} run {run} of {pipeline}: {steps}"));
    let (followed, client) = follow(reach, client, (status, from), (progress, signals)).await?;
    match followed {
        Followed::Left(exit) => Ok(exit),
        Followed::Ended { status, exit } => {
            print_end(&client, &status, context).await?;
            Ok(exit)
        }
    }
}

/// Prints what became of a run that is over.
pub(super) async fn print_end(
    client: &Client,
    status: &Status,
    context: &Context,
) -> Result<(), CliError> {
    if context.is_json() {
        return printing::document(status);
    }
    let logs = failed_logs(client, status).await;
    let findings = Findings::read(client, status).await;
    printing::print(&summary(status, &logs, &findings, context.colors))
}

/// Prints which run was started and leaves it to the daemon.
pub(super) fn detach(status: &Status, context: &Context) -> Outcome {
    if context.is_json() {
        printing::document(status)?;
    } else {
        let run = status.run_id;
        printing::print(&run.to_string())?;
        context.note(&format!("`ropewalk resume {run}` follows it"));
    }
    Ok(Exit::Success)
}

/// The ends of the logs of failed steps. One that cannot be had is left out: the failure itself is
/// told all the same.
async fn failed_logs(client: &Client, status: &Status) -> Vec<FailedLog> {
    let mut logs = Vec::new();
    let failed = status
        .steps
        .iter()
        .filter(|step| step.state == StepState::Failed && !step.attempts.is_empty());
    for step in failed.take(FAILED_LOGS_MAX) {
        let name = text::name_of(step);
        let query = LogQuery {
            tail: Some(LOG_TAIL_LINES as u64),
            ..LogQuery::default()
        };
        let Ok(mut log) = client.log(&status.run_id.to_string(), &name, &query).await else {
            continue;
        };
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = log.next().await {
            bytes.extend(chunk);
        }
        logs.push(FailedLog {
            step: name,
            tail: last_lines(&bytes),
        });
    }
    logs
}
