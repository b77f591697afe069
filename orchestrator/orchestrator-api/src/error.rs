//! Why the client got no answer, or none that it can use.

use crate::problem::Problem;
use crate::transport::TransportError;

/// A request did not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The daemon says why not.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The connection could not be made, or broke.
    #[error("{doing} failed")]
    Connection {
        /// What was asked.
        doing: String,
        /// The reason.
        source: TransportError,
    },
    /// The answer did not come in time.
    #[error("{doing}: no answer within {seconds} s")]
    TimedOut {
        /// What was asked.
        doing: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The answer is larger than any answer should be.
    #[error("{doing}: the answer is larger than {bytes} bytes")]
    TooLarge {
        /// What was asked.
        doing: String,
        /// The most that is read.
        bytes: usize,
    },
    /// The answer is not the document that belongs there.
    #[error("{doing}: the answer (status {status}) cannot be read")]
    Unreadable {
        /// What was asked.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// The reason.
        source: serde_json::Error,
    },
}

impl ClientError {
    /// Whether the other side went away, so that another daemon may answer.
    pub fn is_disconnect(&self) -> bool {
        matches!(self, Self::Connection { .. })
    }

    /// What the daemon said, if it said something.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }
}
