//! `ropewalk events [RUN]`: everything that happened, in order.

use clap::Args;
use orchestrator_api::{EventLine, EventsQuery};

use super::Outcome;
use crate::context::Context;
use crate::exit::Exit;
use crate::output::text;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Of this run only: an id, a unique prefix of at least 4, or `latest`
    run: Option<String>,
    /// Only those after this number
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// Go on until the run has ended
    #[arg(long)]
    follow: bool,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let reach = Reach::new(context.state_folder(None)?, context);
    let client = reach.reading().await?;
    let query = EventsQuery {
        after: arguments.after,
        follow: arguments.follow,
    };
    let mut events = client.events(arguments.run.as_deref(), &query).await?;
    while let Some(event) = events.next().await? {
        if context.is_json() {
            printing::document(&event)?;
        } else {
            printing::print(&line(&event, arguments.run.is_none()))?;
        }
    }
    if let Some(run) = arguments.run.filter(|_| context.is_json()) {
        printing::document(&client.status(&run).await?)?;
    }
    Ok(Exit::Success)
}

/// `     7  2026-01-02 03:04:05  step_failed      train, attempt 1: exit status 3`.
fn line(event: &EventLine, with_run: bool) -> String {
    let mut line = format!("{:>6}  {}", event.seq, text::time(event.at));
    if with_run {
        line += &format!("  {}", event.run_id);
    }
    line += &format!("  {:<14}", event.event_type.word());
    let mut about = Vec::new();
    if let Some(step) = &event.step {
        about.push(text::step_name(step, event.item_index));
    }
    if let Some(attempt) = event.attempt {
        about.push(format!("attempt {attempt}"));
    }
    line += &format!("  {}", about.join(", "));
    let error = event.error.as_ref().map(|error| &error.message);
    let reason = event.reason.as_ref().map(|reason| &reason.text);
    if let Some(why) = error.or(reason).filter(|why| !why.is_empty()) {
        line += &format!(": {}", text::printable(why));
    }
    line.trim_end().to_owned()
}
