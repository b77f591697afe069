//! `ropewalk component NAME ...`: one standard component, started by the engine or by hand.

use clap::Args;

use crate::exit::Exit;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The component's name and its own arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "NAME"
    )]
    arguments: Vec<String>,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let status = standard_components::run(&arguments.arguments);
    // Exit statuses are bytes; a component gives no others.
    Exit::Component(u8::try_from(status).unwrap_or(1))
}
