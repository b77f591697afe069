//! The loop on a thread of its own.

use run_engine::seams::{Clock, Executor, JournalEntry, Store};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::limits::{SLEEP_MAX, TURN_INPUTS_MAX};
use super::{LoopError, LoopReceiver, RunLoop};

/// A loop that runs on a thread.
#[derive(Debug)]
pub struct LoopHandle {
    /// Told when the loop has ended: after [`crate::command::Command::Stop`], when every sender is
    /// gone, or because it could not go on. Closed without a word if the thread panicked.
    pub ended: oneshot::Receiver<Result<(), LoopError>>,
}

/// Starts the loop on a thread: first it takes up the runs of these journals, then it takes inputs.
pub fn start<S, E, C>(
    mut run_loop: RunLoop<S, E, C>,
    journals: Vec<Vec<JournalEntry>>,
    inputs: LoopReceiver,
) -> std::io::Result<LoopHandle>
where
    S: Store + Send + 'static,
    E: Executor + Send + 'static,
    C: Clock + Send + 'static,
{
    let (tell, ended) = oneshot::channel();
    // For nothing but waiting: for an input, or until a timer is due.
    let sleeping = Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new()
        .name("run-loop".to_owned())
        .spawn(move || {
            let result = run(&mut run_loop, journals, inputs, &sleeping);
            // What the loop owns is gone before its end is told: the store can be opened again.
            drop(run_loop);
            let _ = tell.send(result);
        })?;
    Ok(LoopHandle { ended })
}

fn run<S: Store, E: Executor, C: Clock>(
    run_loop: &mut RunLoop<S, E, C>,
    journals: Vec<Vec<JournalEntry>>,
    // Gone before the loop is, whose executor waits for threads that may wait to send.
    mut receiver: LoopReceiver,
    sleeping: &Runtime,
) -> Result<(), LoopError> {
    let mut turned = run_loop.resume(journals)?;
    let mut inputs = Vec::with_capacity(TURN_INPUTS_MAX);
    loop {
        if turned.more {
            receiver.receive_waiting(&mut inputs, TURN_INPUTS_MAX);
        } else {
            let wait = run_loop.wait().map(|wait| wait.min(SLEEP_MAX));
            let receiving = receiver.receive(&mut inputs, TURN_INPUTS_MAX, wait);
            if !sleeping.block_on(receiving) {
                return Ok(());
            }
        }
        turned = run_loop.turn(inputs.drain(..))?;
        if turned.stop {
            return Ok(());
        }
    }
}
