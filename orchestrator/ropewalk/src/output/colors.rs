//! Colours of a terminal; plain text where there is none.

use std::env;

use orchestrator_api::{RunState, StepState};

use crate::context::ColorChoice;

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colors {
    enabled: bool,
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// It needs a look.
    Warning,
    /// It is under way.
    Active,
    /// It matters less.
    Faint,
}

impl Colors {
    pub(crate) fn new(choice: ColorChoice, terminal: bool) -> Self {
        let enabled = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self { enabled }
    }

    /// The text in a colour.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.enabled {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warning => "33",
            Tone::Active => "36",
            Tone::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The colour of a step's state.
pub(crate) fn step_tone(state: StepState) -> Tone {
    match state {
        StepState::Succeeded => Tone::Good,
        StepState::Failed | StepState::Stuck => Tone::Bad,
        StepState::Refused | StepState::Backoff | StepState::AwaitingApproval => Tone::Warning,
        StepState::Running => Tone::Active,
        StepState::Waiting
        | StepState::Ready
        | StepState::Reused
        | StepState::Skipped
        | StepState::Cancelled => Tone::Faint,
    }
}

/// The colour of a run's state.
pub(crate) fn run_tone(state: RunState) -> Tone {
    match state {
        RunState::Succeeded => Tone::Good,
        RunState::Failed => Tone::Bad,
        RunState::Waiting | RunState::Refused | RunState::Interrupted | RunState::Cancelled => {
            Tone::Warning
        }
        RunState::Queued | RunState::Running | RunState::Cancelling => Tone::Active,
    }
}
