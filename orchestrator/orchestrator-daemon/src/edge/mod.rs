//! The edge: connections of clients, and what each of them may take.
//!
//! Over the unix socket come the owner's own commands; over TCP comes whoever reaches the port, so
//! everything there has a limit. It does not know what is answered: that is the router's.

mod conversation;
mod peer;
mod stream;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod unix;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use peer::{Connection, Peer};

/// The connections that there may be at once through one door.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    permits: Arc<Semaphore>,
    most: usize,
}

impl Clients {
    fn at_most(most: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.most.saturating_sub(self.permits.available_permits())
    }

    /// Waits until there may be another one.
    async fn another(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }
}
