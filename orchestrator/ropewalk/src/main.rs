//! The binary `ropewalk`: its command line, and the one place where the crates are put together.
//!
//! Every command that changes something is a client of the daemon of its state folder, which it
//! starts when there is none; commands that read do without. A command gives an outcome or an error,
//! and the exit status follows from that here and nowhere else.
#![expect(
    clippy::format_push_string,
    reason = "text for people is put together piece by piece; nobody feels the allocations"
)]

mod artifact_files;
mod asking;
mod build_identity;
mod command_line;
mod commands;
mod context;
mod environment;
mod error;
mod exit;
mod following;
mod graph;
mod limits;
mod log_tail;
mod output;
mod person;
mod picture;
mod pipeline_file;
mod printing;
mod reaching;
mod server;
mod signals;
mod state_folder;
mod templates;

use std::process::ExitCode;

use clap::Parser as _;

use command_line::CommandLine;

fn main() -> ExitCode {
    let (context, command) = CommandLine::parse().split();
    let outcome = match command {
        Some(command) => commands::execute(command, &context),
        None => commands::welcome::execute(),
    };
    let exit = outcome.unwrap_or_else(|error| {
        output::errors::print(&error, context.error_colors);
        error.exit()
    });
    ExitCode::from(exit)
}
