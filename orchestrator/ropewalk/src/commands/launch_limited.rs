//! `ropewalk launch-limited`: the moment before an attempt with limits; the keeper starts it.

use std::ffi::OsString;

use clap::Args;

use super::Outcome;
use crate::error::CliError;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What the keeper says
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn execute(arguments: &Arguments) -> Outcome {
    let error = attempt_keeper::launch_limited(&arguments.arguments);
    Err(CliError::unusable("the step cannot be started with its limits").because(error))
}
