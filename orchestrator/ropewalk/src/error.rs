//! What a command could not do, and the exit status that follows from the kind of it.
//!
//! It does not print anything; `output::errors` does, once, at the edge.

use std::error::Error;
use std::fmt;
use std::io;

use orchestrator_api::{ClientError, Problem};

use crate::exit::Exit;

/// An error whose kind decides the exit status.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: Kind,
    message: String,
    hint: Option<String>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What was asked for cannot be done to that run, or the file is invalid.
    Refused,
    /// The arguments make no sense, or name what does not exist.
    Usage,
    /// The state folder or its daemon cannot be used.
    Unusable,
    /// Nobody reads standard output any more: there is nobody to tell.
    OutputClosed,
}

impl CliError {
    /// The request is understood and refused (exit status 1).
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// The arguments make no sense, or name an unknown run, step or file (exit status 2).
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The state folder or its daemon cannot be used (exit status 3).
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unusable, message)
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            cause: None,
        }
    }

    /// With what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the error that led to it.
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// For `map_err` on writes to standard output.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Kind::OutputClosed, "nobody reads the output any more");
        }
        Self::unusable("standard output cannot be written").because(error)
    }

    /// What to do about it.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether there is nobody to tell.
    pub(crate) fn is_silent(&self) -> bool {
        self.kind == Kind::OutputClosed
    }

    /// How the process ends because of it.
    pub(crate) fn exit(&self) -> Exit {
        match self.kind {
            Kind::Refused => Exit::Failure,
            Kind::Usage => Exit::Usage,
            Kind::Unusable => Exit::Unusable,
            // Whoever closed the pipe has seen enough: that is no failure.
            Kind::OutputClosed => Exit::Success,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(problem) => Self::from(*problem),
            other => Self::unusable("there was no usable answer").because(other),
        }
    }
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        let kind = match (problem.status, problem.code.as_str()) {
            (_, "invalid_pipeline") | (409, _) => Kind::Refused,
            // The door is shut: that says nothing about what was asked.
            (401 | 403, _) => Kind::Unusable,
            (400..=499, _) => Kind::Usage,
            _ => Kind::Unusable,
        };
        let mut message = problem.detail;
        for diagnostic in &problem.diagnostics {
            let line = diagnostic.line.unwrap_or(1);
            let column = diagnostic.column.unwrap_or(1);
            message += &format!(
                "\n  {}:{line}:{column}: {}",
                diagnostic.file, diagnostic.message
            );
        }
        Self {
            kind,
            message,
            hint: problem.hint,
            cause: None,
        }
    }
}
