//! The arguments as they are typed, and which command they mean.
//!
//! Each command's own arguments stand in its module.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    answer, artifacts, cancel, completions, component, components, cron, events, graph, init,
    keeper, launch_limited, logs, plan, resume, retry, run, runs, serve, shell, show, status, stop,
    validate,
};
use crate::context::{ColorChoice, Context, Format, Place};

/// Runs machine-learning pipelines that are YAML files in git: resumes after a crash, reuses what has
/// not changed, remembers everything.
#[derive(Debug, Parser)]
#[command(
    name = "ropewalk",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    everywhere: Everywhere,
    /// None: what the program is.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Everywhere {
    /// The state folder [default: `$ROPEWALK_STATE`, else `.ropewalk` in the project's root]
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Speak to this server instead, as `http://127.0.0.1:7575`
    #[arg(long, global = true, value_name = "URL", conflicts_with = "state")]
    server: Option<String>,
    /// With the token in this file
    #[arg(long, global = true, value_name = "F", requires = "server")]
    token_file: Option<PathBuf>,
    /// How data is printed
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "text|json"
    )]
    format: Format,
    /// When colours are used
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    color: ColorChoice,
    /// Show no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Tell more about what is done
    #[arg(short, long, global = true)]
    verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline, or attach to its unfinished run with the same parameters
    Run(run::Arguments),
    /// Take up an unfinished run again and follow it
    Resume(resume::Arguments),
    /// Run what did not succeed in a finished run again, as a new run
    Retry(retry::Arguments),
    /// Cancel a run
    Cancel(cancel::Arguments),
    /// Let a step that asks a person go on
    Approve(answer::Arguments),
    /// Do not let a step that asks a person go on
    Reject(answer::Arguments),
    /// Write a starter project that runs at once
    Init(init::Arguments),
    /// Check pipeline files
    Validate(validate::Arguments),
    /// Show what a run would do, and why
    Plan(plan::Arguments),
    /// Draw a pipeline
    Graph(graph::Arguments),
    /// List runs
    Runs(runs::Arguments),
    /// Show a run and its steps
    Status(status::Arguments),
    /// Show the log of a step
    Logs(logs::Arguments),
    /// Try a step by hand, in a shell with its variables, inputs and folder
    Shell(shell::Arguments),
    /// Show what happened to a run, or to all runs
    Events(events::Arguments),
    /// List artifacts
    Artifacts(artifacts::Arguments),
    /// Show an artifact
    Show(show::Arguments),
    /// End the daemon of the state folder; what runs goes on
    Stop(stop::Arguments),
    /// Tell what the components take, give and may be told
    Components(components::Arguments),
    /// Tell when a cron expression fires
    Cron(cron::Arguments),
    /// Print the JSON Schema of pipeline files, for editors
    Schema,
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Print a page for `man`
    Man(completions::ManArguments),
    /// Run one standard component by hand
    #[command(disable_help_flag = true)]
    Component(component::Arguments),
    /// Serve the state folder over HTTP, in the foreground
    Serve(serve::Arguments),
    /// The start of an attempt with limits
    #[command(hide = true)]
    LaunchLimited(launch_limited::Arguments),
    /// The process that holds attempts
    #[command(hide = true)]
    Keeper(keeper::Arguments),
}

impl CommandLine {
    /// What the command is to be done with, and the command.
    pub(crate) fn split(self) -> (Context, Option<Command>) {
        let Everywhere {
            state,
            server,
            token_file,
            format,
            color,
            quiet,
            verbose,
        } = self.everywhere;
        let place = Place {
            state,
            server,
            token_file,
        };
        let context = Context::new(format, color, (quiet, verbose), place);
        (context, self.command)
    }
}
