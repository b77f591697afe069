//! `ropewalk status [RUN]`: a run and its steps, once or as they change.

use std::io::IsTerminal as _;

use clap::Args;
use orchestrator_api::{Client, EventsQuery, Status};
use tokio::time::sleep;

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::REDRAW_MIN;
use crate::output::colors::run_tone;
use crate::output::summary::{self, step_row};
use crate::output::tables::{fields, table};
use crate::output::text;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: an id, a unique prefix of at least 4, or `latest`
    #[arg(default_value = "latest")]
    run: String,
    /// Show it again whenever it changes, until it is over
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let reach = Reach::new(context.state_folder(None)?, context);
    let client = reach.reading().await?;
    let status = client.status(&arguments.run).await?;
    print(&status, context)?;
    if arguments.watch {
        watch(&client, status, context).await?;
    }
    Ok(Exit::Success)
}

/// Prints the run again after each change. Without a daemon nothing changes.
async fn watch(client: &Client, mut status: Status, context: &Context) -> Result<(), CliError> {
    let run = status.run_id.to_string();
    while !status.state.is_ended() {
        let query = EventsQuery {
            after: Some(status.seq),
            follow: true,
        };
        let mut events = client.events(Some(&run), &query).await?;
        if events.next().await?.is_none() {
            context.note("no daemon holds the run: nothing changes until `ropewalk resume`");
            return Ok(());
        }
        // What follows at once is shown with it.
        sleep(REDRAW_MIN).await;
        status = client.status(&run).await?;
        if !context.is_json() {
            printing::write(again())?;
        }
        print(&status, context)?;
    }
    Ok(())
}

/// What stands before the run when it is shown again: a terminal is cleared, elsewhere a line is left.
fn again() -> &'static [u8] {
    if std::io::stdout().is_terminal() {
        b"\x1b[2J\x1b[H"
    } else {
        b"\n"
    }
}

fn print(status: &Status, context: &Context) -> Result<(), CliError> {
    if context.is_json() {
        return printing::document(status);
    }
    let state = context
        .colors
        .paint(run_tone(status.state), status.state.word());
    let state = match &status.reason {
        Some(reason) => format!("{state}: {}", text::printable(&reason.text)),
        None => state,
    };
    let params = status.params.iter();
    let params: Vec<String> = params
        .map(|(name, value)| format!("{name} = {}", text::value(value)))
        .collect();
    let head = fields(&[
        ("run", status.run_id.to_string()),
        (
            "pipeline",
            format!("{} ({})", status.pipeline, status.pipeline_file),
        ),
        ("state", state),
        ("steps", text::steps_done(status)),
        ("created", text::time(status.created_at)),
        ("time", text::duration_ms(status.duration_ms)),
        (
            "retry of",
            status
                .retry_of
                .map_or_else(String::new, |run| run.to_string()),
        ),
        ("params", params.join("\n")),
    ]);
    let rows: Vec<Vec<String>> = status.steps.iter().map(step_row).collect();
    let steps = table(&["STEP", "STATE", "TIME", "WHY"], &rows);
    let mut parts = vec![head, steps];
    parts.extend(summary::troubles(status, &[], context.colors));
    printing::print(&parts.join("\n\n"))
}
