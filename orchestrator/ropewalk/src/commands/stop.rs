//! `ropewalk stop`: end the daemon of the state folder. Attempts go on in the keeper, and any later
//! daemon takes the runs up again.

use clap::Args;
use orchestrator_api::{CancelRequest, Client, RunsQuery};
use orchestrator_daemon::is_held;
use tokio::time::{Instant, sleep};

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::{CANCEL_LOOK, CANCEL_WAIT_MAX, REACH_MAX, REACH_PAUSE};
use crate::reaching::Reach;

/// Runs that are looked through for unfinished ones.
const RUNS_LOOKED_AT: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Cancel the unfinished runs first
    #[arg(long)]
    cancel: bool,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let mut reach = Reach::new(context.state_folder(None)?, context);
    let present = reach.present().await?;
    let client = match (present, arguments.cancel && reach.is_somewhere()) {
        (Some(client), _) => client,
        // Runs that no daemon holds have live attempts all the same: a daemon ends them.
        (None, true) => reach.changing().await?,
        (None, false) => {
            context.note(&format!(
                "no daemon runs for {}",
                reach.state_dir().display()
            ));
            return Ok(Exit::Success);
        }
    };
    if arguments.cancel {
        cancel_all(&client, context).await?;
    }
    match client.stop().await {
        Ok(()) => {}
        // It may be gone before its answer.
        Err(error) if error.is_disconnect() => {}
        Err(error) => return Err(error.into()),
    }
    until_gone(&reach).await?;
    context.note("the daemon has ended");
    Ok(Exit::Success)
}

async fn cancel_all(client: &Client, context: &Context) -> Result<(), CliError> {
    let deadline = Instant::now() + CANCEL_WAIT_MAX;
    let query = RunsQuery {
        limit: Some(RUNS_LOOKED_AT),
        ..RunsQuery::default()
    };
    let mut asked = Vec::new();
    loop {
        let runs = client.runs(&query).await?.runs;
        let open: Vec<String> = runs
            .iter()
            .filter(|run| !run.state.is_ended())
            .map(|run| run.run_id.to_string())
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(
                CliError::refused(format!("not cancelled yet: {}", open.join(", "))).hint(
                    "the daemon goes on ending them; `ropewalk status RUN` shows what holds one up",
                ),
            );
        }
        for run in open {
            if !asked.contains(&run) {
                context.note(&format!("cancelling run {run}"));
                match client.cancel(&run, &CancelRequest::default()).await {
                    Ok(_) => {}
                    // It ended meanwhile.
                    Err(error) if error.problem().is_some_and(|p| p.status == 409) => {}
                    Err(error) => return Err(error.into()),
                }
                asked.push(run);
            }
        }
        sleep(CANCEL_LOOK).await;
    }
}

async fn until_gone(reach: &Reach) -> Result<(), CliError> {
    let deadline = Instant::now() + REACH_MAX;
    // A daemon closes its store after its socket.
    while reach.present().await?.is_some() || (!reach.is_remote() && is_held(reach.state_dir())) {
        if Instant::now() >= deadline {
            return Err(CliError::unusable(format!(
                "the daemon did not end within {} s",
                REACH_MAX.as_secs()
            ))
            .hint(format!(
                "{}/daemon.json names its process",
                reach.state_dir().display()
            )));
        }
        sleep(REACH_PAUSE.0).await;
    }
    Ok(())
}
