//! The end of a daemon, as one token: whoever waits for something waits for it too.
//!
//! It does not know what ends.

use std::sync::Arc;

use tokio::sync::watch;

/// The token. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Ending(Arc<watch::Sender<Option<&'static str>>>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Begins the end, for this reason. The first reason counts.
    pub(crate) fn begin(&self, reason: &'static str) {
        self.0.send_if_modified(|begun| {
            let is_first = begun.is_none();
            begun.get_or_insert(reason);
            is_first
        });
    }

    /// Waits for the end's beginning; gives the reason.
    pub(crate) async fn begun(&self) -> &'static str {
        let mut receiver = self.0.subscribe();
        let begun = receiver.wait_for(Option::is_some).await;
        // The sender lives as long as `self`.
        begun.ok().and_then(|reason| *reason).unwrap_or("")
    }
}
