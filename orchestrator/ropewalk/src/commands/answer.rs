//! `ropewalk approve RUN STEP` and `ropewalk reject RUN STEP`: answer a step that asks a person.

use clap::Args;
use orchestrator_api::AnswerRequest;

use super::{Outcome, resume};
use crate::context::Context;
use crate::exit::Exit;
use crate::output::text;
use crate::person;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: an id, a unique prefix of at least 4, or `latest`
    run: String,
    /// The step that asks
    step: String,
    /// Why; recorded with the answer
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
}

pub(crate) async fn execute(approves: bool, arguments: Arguments, context: &Context) -> Outcome {
    let mut reach = Reach::new(context.state_folder(None)?, context);
    if !reach.state_dir().is_dir() {
        return Err(resume::nothing_yet(&reach));
    }
    // Whatever follows from the answer is the daemon's to do.
    let client = reach.changing().await?;
    let Arguments { run, step, reason } = arguments;
    let by = person::name();
    let answer = AnswerRequest { by, reason };
    let (status, done) = if approves {
        (client.approve(&run, &step, &answer).await?, "approved")
    } else {
        (client.reject(&run, &step, &answer).await?, "rejected")
    };
    if context.is_json() {
        printing::document(&status)?;
    } else {
        let step = text::printable(&step);
        printing::print(&format!("step {step} of run {} is {done}", status.run_id))?;
    }
    Ok(Exit::Success)
}
