//! What the torture test counts.

use std::fmt;

/// Over all runs.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) runs: u64,
    pub(super) daemons: u64,
    pub(super) keepers: u64,
    pub(super) steps: u64,
    pub(super) followers: u64,
    /// Attempts that began as processes.
    pub(super) begun: u64,
    pub(super) adopted: u64,
    pub(super) lost: u64,
    pub(super) succeeded_runs: u64,
}

impl Figures {
    /// Kills of everything but the client, which holds nothing.
    pub(super) fn kills(&self) -> u64 {
        self.daemons + self.keepers + self.steps
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} kills (daemon {}, keeper {}, steps {}; the client {} times) in {} runs, {} of which succeeded; \
             {} attempts began, {} were adopted, {} lost",
            self.kills(),
            self.daemons,
            self.keepers,
            self.steps,
            self.followers,
            self.runs,
            self.succeeded_runs,
            self.begun,
            self.adopted,
            self.lost
        )
    }
}
