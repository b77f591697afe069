//! Following everything that happens, in its order and without a gap: for whoever counts it, or tells
//! it elsewhere.

use std::sync::Arc;

use run_engine::seams::JournalEntry;
use run_store::StoreReader;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::limits::EVENTS_READ;
use crate::views::Views;

/// Takes what happens.
pub(crate) trait Takes: Send + 'static {
    /// Takes the next event. It may read the store, but waits for nobody.
    fn take(&mut self, entry: &JournalEntry);
}

/// Who takes, and how far.
struct Follower<T> {
    taker: T,
    /// Number of the last event that was taken.
    seq: u64,
    reader: StoreReader,
}

/// Has everything taken that happens from now on, until the views are gone, or `until` is over: then
/// what was told by that moment is taken, and no more.
///
/// What is missed for want of speed is read from the store.
pub(crate) fn follow<T: Takes, U: Future<Output = ()> + Send>(
    views: &Arc<Views>,
    reader: StoreReader,
    taker: T,
    until: U,
) -> impl Future<Output = ()> + Send + use<T, U> {
    // Joined here and not when the future is first looked at.
    let events = views.follow();
    let follower = Follower {
        taker,
        seq: views.seq(),
        reader,
    };
    follower.run(Arc::clone(views), events, until)
}

impl<T: Takes> Follower<T> {
    async fn run(
        mut self,
        views: Arc<Views>,
        mut events: Receiver<Arc<JournalEntry>>,
        until: impl Future<Output = ()> + Send,
    ) {
        let mut until = std::pin::pin!(until);
        loop {
            let received = tokio::select! {
                received = events.recv() => received,
                () = &mut until => break,
            };
            match received {
                Ok(entry) => self.take(&entry),
                Err(RecvError::Lagged(_)) => self = self.catch_up(views.seq()).await,
                Err(RecvError::Closed) => return,
            }
        }
        loop {
            match events.try_recv() {
                Ok(entry) => self.take(&entry),
                Err(TryRecvError::Lagged(_)) => self = self.catch_up(views.seq()).await,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn take(&mut self, entry: &JournalEntry) {
        if entry.seq > self.seq {
            self.seq = entry.seq;
            self.taker.take(entry);
        }
    }

    /// Takes what the store has up to an event.
    async fn catch_up(mut self, until: u64) -> Self {
        let work = move || {
            while self.seq < until {
                let read = self.reader.events_after(self.seq, None, EVENTS_READ);
                let entries = match read {
                    Ok(entries) if !entries.is_empty() => entries,
                    _ => break,
                };
                for entry in &entries {
                    self.take(entry);
                }
            }
            self.seq = self.seq.max(until);
            self
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(follower) => follower,
            // It panicked, which ends this task as well.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
