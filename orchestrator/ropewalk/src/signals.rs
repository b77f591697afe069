//! ctrl-C and the request to end, as events.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// A signal that was caught.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caught {
    /// ctrl-C.
    Interrupt,
    /// A request to end.
    Terminate,
}

/// The signals that mean something from the moment on in which a run may exist.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them from now on; those that come before anyone asks are kept.
    pub(crate) fn new() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind).map_err(|e| CliError::unusable("signals cannot be caught").because(e))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one. May be given up while it waits.
    pub(crate) async fn next(&mut self) -> Caught {
        tokio::select! {
            _ = self.interrupt.recv() => Caught::Interrupt,
            _ = self.terminate.recv() => Caught::Terminate,
        }
    }
}
