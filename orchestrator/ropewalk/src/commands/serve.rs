//! `ropewalk serve --background`: the daemon, as clients start it.

use clap::Args;

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::BACKGROUND_IDLE;
use crate::reaching;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// End when nobody needs it any more
    #[arg(long, required = true)]
    background: bool,
}

pub(crate) fn execute(_arguments: &Arguments, context: &Context) -> Outcome {
    attempt_keeper::enter_own_session();
    log_to_stderr();
    let state_dir = context.state_folder(None)?;
    let config = reaching::config(&state_dir, Some(BACKGROUND_IDLE))?;
    orchestrator_daemon::serve(config).map_err(|error| {
        let message = format!("the daemon of {} cannot go on", state_dir.display());
        CliError::unusable(message).because(error)
    })?;
    Ok(Exit::Success)
}

/// daemon.log: what the daemon tells, `ROPEWALK_LOG` says how much of it.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var("ROPEWALK_LOG")
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
