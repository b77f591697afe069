//! The commands, a module each: arguments, and what is done with them.

pub(crate) mod answer;
pub(crate) mod artifacts;
mod attend;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod component;
pub(crate) mod components;
pub(crate) mod cron;
pub(crate) mod events;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod keeper;
pub(crate) mod launch_limited;
pub(crate) mod logs;
pub(crate) mod plan;
mod request;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod validate;
pub(crate) mod welcome;

use crate::command_line::Command;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// What a command comes to.
pub(crate) type Outcome = Result<Exit, CliError>;

/// Does what was asked for.
pub(crate) fn execute(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Run(arguments) => client(run::execute(arguments, context)),
        Command::Resume(arguments) => client(resume::execute(arguments, context)),
        Command::Retry(arguments) => client(retry::execute(arguments, context)),
        Command::Cancel(arguments) => client(cancel::execute(arguments, context)),
        Command::Approve(arguments) => client(answer::execute(true, arguments, context)),
        Command::Reject(arguments) => client(answer::execute(false, arguments, context)),
        Command::Plan(arguments) => client(plan::execute(arguments, context)),
        Command::Runs(arguments) => client(runs::execute(arguments, context)),
        Command::Status(arguments) => client(status::execute(arguments, context)),
        Command::Logs(arguments) => client(logs::execute(arguments, context)),
        Command::Events(arguments) => client(events::execute(arguments, context)),
        Command::Artifacts(arguments) => client(artifacts::execute(arguments, context)),
        Command::Shell(arguments) => client(shell::execute(arguments, context)),
        Command::Show(arguments) => client(show::execute(arguments, context)),
        Command::Stop(arguments) => client(stop::execute(arguments, context)),
        Command::Init(arguments) => init::execute(&arguments, context),
        Command::Graph(arguments) => graph::execute(&arguments, context),
        Command::Components(arguments) => components::execute(&arguments, context),
        Command::Cron(arguments) => cron::execute(&arguments, context),
        Command::Schema => schema::execute(),
        Command::Completions(arguments) => completions::execute(&arguments),
        Command::Man(arguments) => completions::man(&arguments),
        // These are whole processes of their own kind, without a client's runtime.
        Command::Validate(arguments) => validate::execute(&arguments, context),
        Command::Component(arguments) => Ok(component::execute(&arguments)),
        Command::Serve(arguments) => serve::execute(&arguments, context),
        Command::LaunchLimited(arguments) => launch_limited::execute(&arguments),
        Command::Keeper(arguments) => keeper::execute(&arguments),
    }
}

/// Runs a client of the daemon. One thread is enough to wait.
fn client(command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::unusable("the client cannot be started").because(e))?;
    let outcome = runtime.block_on(command);
    // What is still under way, such as a connection, is not waited for.
    runtime.shutdown_background();
    outcome
}
