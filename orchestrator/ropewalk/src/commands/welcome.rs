//! Bare `ropewalk`: what it is and five first commands.

use super::Outcome;
use crate::exit::Exit;
use crate::output::tables::fields;
use crate::printing;

pub(crate) fn execute() -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let commands = fields(&[
        (
            "  ropewalk init DIR",
            "write a starter project that runs at once".to_owned(),
        ),
        (
            "  ropewalk validate FILE",
            "check a pipeline file".to_owned(),
        ),
        (
            "  ropewalk plan FILE",
            "what a run would do, and why".to_owned(),
        ),
        (
            "  ropewalk run FILE",
            "run it; ctrl-C cancels, `ropewalk resume` goes on".to_owned(),
        ),
        (
            "  ropewalk status",
            "the latest run and its steps".to_owned(),
        ),
    ]);
    printing::print(&format!(
        "ropewalk {version}: runs machine-learning pipelines that are YAML files in git.\n\
         It resumes after a crash, reuses what has not changed, and remembers everything.\n\n\
         First commands:\n\n{commands}\n\n\
         `ropewalk --help` lists all commands."
    ))?;
    Ok(Exit::Success)
}
