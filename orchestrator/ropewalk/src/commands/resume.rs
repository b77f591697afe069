//! `ropewalk resume [RUN]`: follow an unfinished run, with a daemon that takes it up again.

use clap::Args;
use orchestrator_api::{Client, ReasonCode, ResumeRequest, RunsQuery, Status};

use super::{Outcome, attend};
use crate::context::Context;
use crate::environment::secrets;
use crate::error::CliError;
use crate::exit::Exit;
use crate::following::From;
use crate::reaching::Reach;
use crate::signals::Signals;

/// Runs that are looked through for an unfinished one where none is named.
const RUNS_LOOKED_AT: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: an id, a unique prefix of at least 4, or `latest` [default: the newest unfinished run]
    run: Option<String>,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let mut reach = Reach::new(context.state_folder(None)?, context);
    if !reach.is_somewhere() {
        return Err(nothing_yet(&reach));
    }
    let client = reach.changing().await?;
    let run = match arguments.run {
        Some(run) => run,
        None => newest_unfinished(&client).await?,
    };
    let status = client.status(&run).await?;
    if status.state.is_ended() {
        return over(&client, &status, context).await;
    }
    let signals = Signals::new()?;
    let run = status.run_id.to_string();
    let request = ResumeRequest {
        secrets: secrets(missing_secrets(&status))?,
    };
    let status = match client.resume(&run, &request).await {
        // It ended meanwhile: the daemon has taken it up without being asked.
        Err(error) if error.problem().is_some_and(|p| p.code == "run_ended") => {
            return over(&client, &client.status(&run).await?, context).await;
        }
        resumed => resumed?,
    };
    let begin = ("following", From::Now);
    attend::attend(&mut reach, client, &status, begin, signals, context).await
}

/// The secrets that a run's steps wait for.
fn missing_secrets(status: &Status) -> impl Iterator<Item = &str> {
    let reasons = status.steps.iter().filter_map(|step| step.reason.as_ref());
    let missing = reasons.filter(|reason| reason.code == ReasonCode::Secret);
    missing.filter_map(|reason| reason.detail.as_deref())
}

/// There is nothing to be followed any more.
async fn over(client: &Client, status: &Status, context: &Context) -> Outcome {
    context.note(&format!("run {} is over already", status.run_id));
    attend::print_end(client, status, context).await?;
    Ok(Exit::of_run(status.state))
}

/// The newest run that is not over, else the newest run.
async fn newest_unfinished(client: &Client) -> Result<String, CliError> {
    let query = RunsQuery {
        limit: Some(RUNS_LOOKED_AT),
        ..RunsQuery::default()
    };
    let runs = client.runs(&query).await?.runs;
    let unfinished = runs.iter().find(|run| !run.state.is_ended());
    let run = unfinished.or(runs.first());
    run.map(|run| run.run_id.to_string())
        .ok_or_else(|| CliError::usage("there is no run yet").hint("ropewalk run FILE"))
}

/// Nothing was ever run here, so there is nothing to start a daemon for.
pub(super) fn nothing_yet(reach: &Reach) -> CliError {
    let dir = reach.state_dir().display();
    CliError::usage(format!("there is no run yet: no state folder is at {dir}"))
        .hint("`ropewalk run FILE` makes one; `--state DIR` names another one")
}
