//! `ropewalk completions SHELL` and `ropewalk man [COMMAND]`: the command line for shells and readers.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Outcome;
use crate::command_line::CommandLine;
use crate::error::CliError;
use crate::exit::Exit;
use crate::printing;

const NAME: &str = "ropewalk";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The command; without one, the page of all of them
    command: Option<String>,
}

/// Prints what the shell reads at its start.
pub(crate) fn execute(arguments: &Arguments) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut CommandLine::command(),
        NAME,
        &mut text,
    );
    printing::write(&text)?;
    Ok(Exit::Success)
}

/// Prints a page for `man`.
pub(crate) fn man(arguments: &ManArguments) -> Outcome {
    let mut all = CommandLine::command();
    // What stands at the top belongs to every command.
    all.build();
    let (page, title) = match &arguments.command {
        None => (all, NAME.to_owned()),
        Some(name) => {
            let found = all
                .find_subcommand(name)
                .filter(|command| !command.is_hide_set());
            let found = found.cloned().ok_or_else(|| {
                CliError::usage(format!("there is no command `{name}`"))
                    .hint("`ropewalk --help` lists them")
            })?;
            (found, format!("{NAME}-{name}"))
        }
    };
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(page).title(title).render(&mut text);
    rendered.map_err(|e| CliError::unusable("the page cannot be written").because(e))?;
    printing::write(&text)?;
    Ok(Exit::Success)
}
