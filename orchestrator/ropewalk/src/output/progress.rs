//! How a run that is followed is shown: as a picture on a terminal, as plain lines elsewhere, as
//! event lines for programs, or not at all.

mod lines;
mod live;

use std::io::{self, IsTerminal as _};

use orchestrator_api::{EventLine, Status};

use crate::context::Context;
use crate::error::CliError;
use crate::picture::{Picture, StepPicture};
use crate::printing;

/// Shows a run while it goes on.
pub(crate) enum Progress {
    /// Nothing is shown.
    Silent,
    /// A line for each thing that happens.
    Lines(lines::Lines),
    /// The steps that run, redrawn; a line for each that ended.
    Live(live::Live),
    /// Event lines on standard output.
    Events,
}

impl Progress {
    /// As the user wants it, and as standard error bears it.
    pub(crate) fn new(context: &Context, status: &Status) -> Self {
        if context.is_json() {
            Self::Events
        } else if context.quiet {
            Self::Silent
        } else if io::stderr().is_terminal() && terminal_moves() {
            Self::Live(live::Live::new(status, context.error_colors))
        } else {
            Self::Lines(lines::Lines::new(status, context.error_colors))
        }
    }

    /// The first words: which run it is.
    pub(crate) fn begin(&self, heading: &str) {
        match self {
            Self::Lines(_) => printing::to_stderr(heading),
            Self::Live(live) => live.note(heading),
            Self::Silent | Self::Events => {}
        }
    }

    /// How the run stands before the first event that is told.
    pub(crate) fn standing(&mut self, picture: &Picture) {
        match self {
            Self::Lines(lines) => lines.standing(picture),
            Self::Live(live) => live.redraw(picture),
            Self::Silent | Self::Events => {}
        }
    }

    /// An event; `step` is what it changed in the picture, if it did.
    pub(crate) fn event(
        &mut self,
        event: &EventLine,
        step: Option<&StepPicture>,
    ) -> Result<(), CliError> {
        match self {
            Self::Silent => {}
            Self::Lines(lines) => lines.event(event, step),
            Self::Live(live) => live.event(event, step),
            Self::Events => printing::document(event)?,
        }
        Ok(())
    }

    /// The picture as it is after some events.
    pub(crate) fn redraw(&mut self, picture: &Picture) {
        if let Self::Live(live) = self {
            live.redraw(picture);
        }
    }

    /// Something that the user should know, beside what happens to the run.
    pub(crate) fn note(&self, text: &str) {
        match self {
            Self::Silent => {}
            Self::Lines(_) | Self::Events => printing::to_stderr(text),
            Self::Live(live) => live.note(text),
        }
    }

    /// Takes the picture off the screen; what was written stays.
    pub(crate) fn end(&mut self) {
        if let Self::Live(live) = self {
            live.clear();
        }
    }
}

/// Whether the terminal lets lines be drawn again.
fn terminal_moves() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
