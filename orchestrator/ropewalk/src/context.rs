//! What every command is given: how to print, and where the state folder is.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

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
    state: Option<PathBuf>,
}

impl Context {
    pub(crate) fn new(
        format: Format,
        color: ColorChoice,
        (quiet, verbose): (bool, bool),
        state: Option<PathBuf>,
    ) -> Self {
        Self {
            format,
            quiet,
            verbose,
            colors: Colors::new(color, io::stdout().is_terminal()),
            error_colors: Colors::new(color, io::stderr().is_terminal()),
            state,
        }
    }

    /// The state folder for a pipeline file, or for the current folder.
    pub(crate) fn state_folder(&self, pipeline_file: Option<&Path>) -> Result<PathBuf, CliError> {
        state_folder::find(self.state.as_deref(), pipeline_file)
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
