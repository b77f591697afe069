//! `ropewalk run FILE`: compile, start a run or attach to one, follow it to its end.

use clap::Args;
use orchestrator_api::{Client, RunRequest, RunStarted};
use pipeline_plan::expression::{environment_names, secret_names};
use uuid::Uuid;

use super::request::Request;
use super::{Outcome, attend};
use crate::context::Context;
use crate::environment::{environment, secrets};
use crate::error::CliError;
use crate::following::From;
use crate::reaching::Reach;
use crate::signals::Signals;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    request: Request,
    /// Start another run even if an unfinished one has the same plan and parameters
    #[arg(long)]
    new: bool,
    /// Run at most N steps at once [default: twice the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slots: Option<u32>,
    /// Start the run and leave it to the daemon
    #[arg(long)]
    detach: bool,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let checked = arguments.request.check(context)?;
    let state_dir = context.state_folder(Some(&checked.file.path))?;
    let request = RunRequest {
        pipeline_file: checked.file.path.to_string_lossy().into_owned(),
        environment: environment(&environment_names(&checked.plan)),
        secrets: secrets(secret_names(&checked.plan).iter().map(String::as_str))?,
        text: checked.file.text,
        components: checked.file.components,
        params: checked.params,
        slots: arguments.slots,
        new: arguments.new,
        force: arguments.request.force,
        force_all: arguments.request.force_all,
        selection: checked.selection,
    };
    let mut reach = Reach::new(state_dir, context);
    let client = reach.changing().await?;
    // From here on a run may exist, and ctrl-C means it.
    let signals = Signals::new()?;
    let (started, client) = start(&mut reach, client, &request).await?;
    if arguments.detach {
        return attend::detach(&started.status, context);
    }
    let begin = if started.attached {
        ("attached to the unfinished", From::Now)
    } else {
        ("started", From::Start)
    };
    let status = &started.status;
    attend::attend(&mut reach, client, status, begin, signals, context).await
}

/// Asks for the run. A daemon that dies before its answer may have made the run or not: its successor
/// is asked with the same key, and makes no second one.
async fn start(
    reach: &mut Reach,
    mut client: Client,
    request: &RunRequest,
) -> Result<(RunStarted, Client), CliError> {
    let key = Uuid::now_v7().to_string();
    loop {
        match client.run_once(request, &key).await {
            Ok(started) => return Ok((started, client)),
            Err(error) if error.is_disconnect() => {
                client = reach.changing().await?;
            }
            // It did not take the request, because it is about to end.
            Err(error) if error.problem().is_some_and(|p| p.code == "ending") => {
                client = reach.changing().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
