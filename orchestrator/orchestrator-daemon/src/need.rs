//! Whether anybody needs the daemon any more.
//!
//! A daemon that a command started in the background ends when it has nothing left to do, or nothing
//! before a person has decided: whoever decides starts the next one. One whose
//! state folder was removed ends at once. It does not know how a daemon ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use run_engine::ids::RunId;
use run_store::StoreReader;

use crate::edge::Clients;
use crate::limits::TICK;
use crate::lock::StateLock;
use crate::views::Views;

/// What a daemon is needed for.
#[derive(Debug)]
pub(crate) struct Need {
    /// Who is connected.
    pub(crate) clients: Clients,
    /// The unfinished runs.
    pub(crate) views: Arc<Views>,
    /// What was committed.
    pub(crate) reader: StoreReader,
    /// Unfinished runs that were not taken up, because they could not be read.
    pub(crate) unreadable: Arc<BTreeSet<RunId>>,
    /// End after so long without either; never if absent.
    pub(crate) idle_end: Option<Duration>,
}

impl Need {
    /// Waits until the daemon is not needed any more, and says why.
    pub(crate) async fn over(&self, lock: &StateLock) -> &'static str {
        let mut needed = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            if !lock.is_in_place() {
                return "the state folder is gone";
            }
            let Some(idle_end) = self.idle_end else {
                continue;
            };
            if self.is_there() {
                needed = Instant::now();
            } else if needed.elapsed() >= idle_end {
                return "nobody needs it";
            }
        }
    }

    fn is_there(&self) -> bool {
        // A loop that has not yet taken up its runs shows none; then the store tells.
        self.clients.count() > 0
            || self
                .reader
                .unfinished_runs()
                .is_ok_and(|runs| runs.iter().any(|run| self.is_for(*run)))
    }

    /// Whether there is anything to do for an unfinished run, other than to wait for a person.
    fn is_for(&self, run: RunId) -> bool {
        let waits = self.views.get(run).is_some_and(|live| live.view.waits);
        !waits && !self.unreadable.contains(&run)
    }
}
