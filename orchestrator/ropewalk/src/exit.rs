//! How the process ends.

use std::process::ExitCode;

use orchestrator_api::RunState;

/// What the exit status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or the run succeeded.
    Success,
    /// The run failed, refused or was cancelled; the file is invalid; the request was refused.
    Failure,
    /// The arguments make no sense, or name an unknown run, step or file.
    Usage,
    /// The state folder or its daemon cannot be used.
    Unusable,
    /// The run is open and waits for a person.
    Waiting,
    /// The user pressed ctrl-C.
    Interrupted,
    /// The process was asked to end.
    Terminated,
    /// What a component says of itself.
    Component(u8),
}

impl Exit {
    /// What follows from the end of a run.
    pub(crate) fn of_run(state: RunState) -> Self {
        if state == RunState::Succeeded {
            Self::Success
        } else {
            Self::Failure
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Unusable => 3,
            Exit::Waiting => 4,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
            Exit::Component(status) => status,
        })
    }
}
