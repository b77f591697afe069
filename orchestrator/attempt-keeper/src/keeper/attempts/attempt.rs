//! One attempt as the table holds it: how far it is, and what was done to end it.

use std::sync::Arc;
use std::time::Duration;

use crate::keeper::clock::Moment;
use crate::keeper::log_cap::CappedLog;
use crate::keeper::pump::Pump;
use crate::process_table::FileId;
use crate::protocol::{ExitStatus, Launch};
use crate::spawn::Refusal;

/// A connection, by a number that is never given twice.
pub(crate) type ConnectionId = u64;

/// An attempt's identifier, shared by the table's indexes.
pub(crate) type AttemptId = Arc<str>;

#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) phase: Phase,
    /// Who asked for it last, and is told what becomes of it.
    pub(super) asked_by: ConnectionId,
    pub(super) timed_out: bool,
    pub(super) killed: bool,
    /// What it writes its output to, once it was started.
    pub(super) output: Option<FileId>,
    /// Its log.
    pub(super) log: CappedLog,
    /// What takes secrets out of its output.
    pub(super) pump: Option<Pump>,
    /// How long after SIGKILL it is told as stuck.
    pub(super) stuck_after: Duration,
    /// What of it survived SIGKILL when it was told as stuck.
    pub(super) stuck: Option<Vec<u32>>,
    /// When something is due, as it stands in `deadlines`.
    pub(super) deadline: Option<Moment>,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// Waits for the spawner.
    Queued(Box<Launch>),
    /// The spawner is at it. A kill that comes now is done right after.
    Starting {
        timeout_ms: Option<u64>,
        grace_ms: u64,
        kill_grace_ms: Option<u64>,
    },
    /// Its main process lives.
    Running {
        pid: u32,
        started: Start,
        force: Force,
        grace_ms: u64,
    },
    /// Its main process has ended; something that it left behind has not.
    Ending {
        pid: u32,
        status: ExitStatus,
        since: Moment,
    },
    Exited(ExitStatus),
    Refused(Refusal),
}

/// When an attempt was started, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// Microseconds since the Unix epoch.
    pub(crate) wall_us: i64,
    /// On the boot clock, not later than the process's own start time.
    pub(crate) moment: Moment,
    /// How many processes the kernel had ended by then because memory had run out.
    pub(crate) oom_kills: u64,
}

/// What was done to end a running attempt. What is due at its deadline follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    /// Nothing; the timeout is due.
    None,
    /// SIGTERM was sent; SIGKILL is due.
    Asked,
    /// SIGKILL was sent; the report that it is stuck is due.
    Killed,
    /// It was reported.
    Stuck,
}
