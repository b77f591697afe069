//! What every command is given: how to print, and where the state folder is.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use console::Term;

use crate::error::CliError;
use crate::output::colors::Colors;
use crate::printing::to_stderr;
use crate::state_folder;

/// In which form data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: a document on each line.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a command prints and where its state is.
#[derive(Debug)]
pub(crate) struct Context {
    /// In which form data is printed.
    pub(crate) format: Format,
    /// Whether progress is kept to itself.
    pub(crate) quiet: bool,
    /// Whether what the command does is told.
    pub(crate) verbose: bool,
    /// The colours of standard output.
    pub(crate) colors: Colors,
    /// The colours of standard error.
    pub(crate) error_colors: Colors,
    /// How many cells a line of standard output has, where that is a terminal.
    pub(crate) width: Option<usize>,
    /// Where the work is done.
    pub(crate) place: Place,
}

/// Where the work is done: in a state folder of this machine, or at a server.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The state folder, if it is named.
    pub(crate) state: Option<PathBuf>,
    /// URL of the server, if there is to be one.
    pub(crate) server: Option<String>,
    /// The file that holds the token for it.
    pub(crate) token_file: Option<PathBuf>,
}

impl Context {
    pub(crate) fn new(
        format: Format,
        color: ColorChoice,
        (quiet, verbose): (bool, bool),
        place: Place,
    ) -> Self {
        Self {
            format,
            quiet,
            verbose,
            colors: Colors::new(color, io::stdout().is_terminal()),
            error_colors: Colors::new(color, io::stderr().is_terminal()),
            width: Term::stdout()
                .size_checked()
                .map(|(_, columns)| columns.into()),
            place,
        }
    }

    /// The state folder for a pipeline file, or for the current folder.
    pub(crate) fn state_folder(&self, pipeline_file: Option<&Path>) -> Result<PathBuf, CliError> {
        state_folder::find(self.place.state.as_deref(), pipeline_file)
    }

    /// Whether documents are printed rather than text.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Tells something about the work, on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            to_stderr(text);
        }
    }
}
