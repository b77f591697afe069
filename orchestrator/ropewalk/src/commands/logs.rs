//! `ropewalk logs RUN STEP`: what a step's attempt wrote.

use clap::Args;
use orchestrator_api::{Client, LogQuery, LogStream};
use serde::Serialize;

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::printing;
use crate::reaching::Reach;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: an id, a unique prefix of at least 4, or `latest`
    run: String,
    /// The step
    step: String,
    /// Of this attempt [default: the newest]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// Only the last N lines
    #[arg(long, value_name = "N")]
    tail: Option<u64>,
    /// Go on until the attempt has ended
    #[arg(long)]
    follow: bool,
}

/// A line of a log, for programs.
#[derive(Debug, Serialize)]
struct LogLine<'a> {
    version: orchestrator_api::DocumentVersion,
    step: &'a str,
    line: &'a str,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let reach = Reach::new(context.state_folder(None)?, context);
    let client = reach.reading().await?;
    let query = LogQuery {
        attempt: arguments.attempt,
        tail: arguments.tail,
        follow: arguments.follow,
    };
    let log = client.log(&arguments.run, &arguments.step, &query).await?;
    if context.is_json() {
        as_documents(log, &arguments, &client).await?;
    } else {
        as_it_is(log).await?;
    }
    Ok(Exit::Success)
}

async fn as_it_is(mut log: LogStream) -> Result<(), CliError> {
    while let Some(chunk) = log.next().await? {
        printing::write(&chunk)?;
    }
    Ok(())
}

/// A document for each line; the run's status document after a log that was followed.
async fn as_documents(
    mut log: LogStream,
    arguments: &Arguments,
    client: &Client,
) -> Result<(), CliError> {
    let mut rest = Vec::new();
    while let Some(chunk) = log.next().await? {
        rest.extend(chunk);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            document(&line[..end], arguments)?;
        }
    }
    if !rest.is_empty() {
        document(&rest, arguments)?;
    }
    if arguments.follow {
        printing::document(&client.status(&arguments.run).await?)?;
    }
    Ok(())
}

fn document(line: &[u8], arguments: &Arguments) -> Result<(), CliError> {
    printing::document(&LogLine {
        version: orchestrator_api::DocumentVersion,
        step: &arguments.step,
        line: &String::from_utf8_lossy(line),
    })
}
