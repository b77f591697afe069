//! Every process that the product starts, starts here: attempts, the keeper, the daemon, git.
//!
//! `std::process::Command` alone, without `pre_exec`: then it uses `posix_spawn`, which costs the
//! same however large the caller is, where a fork copies its page tables (13.8 ms at 300 MB).

mod attempt;
mod background;
mod output;
mod replace;

use std::io;
use std::path::PathBuf;

pub(crate) use attempt::{Refusal, Spawned, spawn_attempt};
pub(crate) use background::{Background, start_background};
pub use background::{StartedDaemon, enter_own_session, start_daemon};
pub(crate) use background::{log_tail, status_text};
pub use output::{Output, output_of};
pub use replace::become_program;

/// A program could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// No program was named.
    #[error("there is no program to start: the command is empty")]
    EmptyCommand,
    /// The operating system did not start it.
    #[error("`{program}` cannot be started in {}", cwd.display())]
    Start {
        /// The program as it was named.
        program: String,
        /// Where.
        cwd: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Its log could not be opened.
    #[error("the log {} cannot be opened for appending", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It did not end in time and was killed.
    #[error("`{program}` did not end within {milliseconds} ms and was killed")]
    TimedOut {
        /// The program.
        program: String,
        /// The time it was given.
        milliseconds: u64,
    },
    /// It wrote more than was asked for and was killed.
    #[error("`{program}` wrote more than {bytes} bytes and was killed")]
    TooMuchOutput {
        /// The program.
        program: String,
        /// The most it may write.
        bytes: usize,
    },
    /// Its output could not be read.
    #[error("the output of `{program}` cannot be read")]
    Read {
        /// The program.
        program: String,
        /// The reason.
        source: io::Error,
    },
}
