//! What enters the loop, and the bounded channel that it enters through.
//!
//! Whoever sends waits while the channel is full; the loop itself never sends to it and never
//! waits for a sender, so the two cannot wait for each other.

use std::time::Duration;

use run_engine::seams::Report;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use super::limits::QUEUED_INPUTS_MAX;
use crate::command::Command;

/// Something for the loop to look at.
#[derive(Debug)]
pub enum LoopInput {
    /// A route asks for something.
    Command(Command),
    /// The executor tells something.
    Report(Report),
}

/// The loop has ended; nothing is taken any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is ending")]
pub struct LoopGone;

/// Sends into the loop.
#[derive(Debug, Clone)]
pub struct LoopSender(mpsc::Sender<LoopInput>);

/// The loop's end of the channel.
#[derive(Debug)]
pub struct LoopReceiver(mpsc::Receiver<LoopInput>);

/// The channel. It is made before the loop, because the executor that the loop owns sends to it.
pub fn channel() -> (LoopSender, LoopReceiver) {
    let (sender, receiver) = mpsc::channel(QUEUED_INPUTS_MAX);
    (LoopSender(sender), LoopReceiver(receiver))
}

impl LoopSender {
    /// Sends a command from an asynchronous task.
    pub async fn command(&self, command: Command) -> Result<(), LoopGone> {
        let input = LoopInput::Command(command);
        self.0.send(input).await.map_err(|_| LoopGone)
    }

    /// Sends a report from a thread of the executor's, or from whoever starts the executor, while
    /// nothing is queued yet: that one must not block. A report to a loop that has ended is dropped:
    /// the next daemon asks for it anew.
    pub fn report(&self, report: Report) {
        if let Err(TrySendError::Full(report)) = self.0.try_send(LoopInput::Report(report)) {
            let _ = self.0.blocking_send(report);
        }
    }
}

impl LoopReceiver {
    /// Takes up to `limit` inputs and waits for the first, but no longer than that; false once no
    /// sender is left.
    pub(super) async fn receive(
        &mut self,
        inputs: &mut Vec<LoopInput>,
        limit: usize,
        wait: Option<Duration>,
    ) -> bool {
        let receiving = self.0.recv_many(inputs, limit);
        match wait {
            None => receiving.await > 0,
            // What is sent meanwhile stays in the channel.
            Some(wait) => timeout(wait, receiving)
                .await
                .map_or(true, |taken| taken > 0),
        }
    }

    /// Takes up to `limit` inputs that are there already.
    pub(super) fn receive_waiting(&mut self, inputs: &mut Vec<LoopInput>, limit: usize) {
        while inputs.len() < limit
            && let Ok(input) = self.0.try_recv()
        {
            inputs.push(input);
        }
    }
}
