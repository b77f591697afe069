//! `ropewalk keeper STATE_DIR`: the process that holds attempts; the daemon starts it.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use crate::error::CliError;
use crate::exit::Exit;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The state folder
    state_dir: PathBuf,
}

pub(crate) fn execute(arguments: &Arguments) -> Outcome {
    attempt_keeper::serve(&arguments.state_dir)
        .map_err(|e| CliError::unusable("the keeper cannot go on").because(e))?;
    Ok(Exit::Success)
}
