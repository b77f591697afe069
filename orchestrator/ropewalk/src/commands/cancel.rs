//! `ropewalk cancel RUN`: ask a run to end.

use clap::Args;
use orchestrator_api::CancelRequest;

use super::{Outcome, resume};
use crate::context::Context;
use crate::exit::Exit;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: an id, a unique prefix of at least 4, or `latest`
    run: String,
    /// Do not wait for attempts that are stuck: end the run without them
    #[arg(long)]
    abandon: bool,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let mut reach = Reach::new(context.state_folder(None)?, context);
    if !reach.is_somewhere() {
        return Err(resume::nothing_yet(&reach));
    }
    // A run that no daemon holds has live attempts all the same: a daemon ends them.
    let client = reach.changing().await?;
    let request = CancelRequest {
        abandon: arguments.abandon,
    };
    let status = client.cancel(&arguments.run, &request).await?;
    if context.is_json() {
        printing::document(&status)?;
    } else {
        printing::print(&format!("run {} is {}", status.run_id, status.state))?;
    }
    Ok(Exit::Success)
}
