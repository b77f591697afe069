//! `ropewalk shell RUN STEP`: a shell in which a step can be tried by hand.
//!
//! It has the step's variables, inputs and folder; its outputs are scratch. What is done in it is
//! recorded nowhere.

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use clap::Args;
use orchestrator_api::StepShell;

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::printing;
use crate::reaching::Reach;

/// The shell of whoever has none of their own.
const SHELL: &str = "/bin/sh";

/// What a terminal is, for programs that draw on it; a step knows nothing of it.
const TERMINAL_VARIABLES: [&str; 2] = ["TERM", "COLORTERM"];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: an id, a unique prefix of at least 4, or `latest`
    run: String,
    /// The step, which has been started at least once
    step: String,
}

pub(crate) async fn execute(arguments: Arguments, context: &Context) -> Outcome {
    let reach = Reach::new(context.state_folder(None)?, context);
    if reach.is_remote() {
        let message = "a shell is opened where the state folder is, not at a server";
        let hint = "log in to that machine, and leave `--server` out";
        return Err(CliError::usage(message).hint(hint));
    }
    let client = reach.reading().await?;
    let mut given = client.shell(&arguments.run, &arguments.step).await?;
    drop(client);
    if context.is_json() {
        printing::document(&given)?;
        return Ok(crate::exit::Exit::Success);
    }
    let own = env::var("SHELL").unwrap_or_default();
    let shell = if own.is_empty() { SHELL } else { &own };
    context.note(&greeting(&arguments.step, &given));
    if io::stdin().is_terminal() {
        for name in TERMINAL_VARIABLES {
            if let Ok(value) = env::var(name) {
                given.env.insert(name.to_owned(), value);
            }
        }
    }
    let variables = given
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let error = attempt_keeper::become_program(Path::new(shell), variables, Path::new(&given.cwd));
    Err(CliError::unusable(format!(
        "the shell `{shell}` cannot be started in {}",
        given.cwd
    ))
    .because(error)
    .hint("`SHELL=/bin/sh ropewalk shell ...` takes another one"))
}

fn greeting(step: &str, given: &StepShell) -> String {
    let words: Vec<String> = given.argv.iter().map(|word| quoted(word)).collect();
    format!(
        "as step `{step}`, in {}; its outputs go to {}, and `exit` leaves\nits command: {}",
        given.cwd,
        given.outputs,
        words.join(" ")
    )
}

/// A word as a shell takes it for just itself.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
