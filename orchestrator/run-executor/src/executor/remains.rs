//! The thread that ends what dead keepers left of attempts, and proves it dead.
//!
//! An attempt is never reported as lost without proof: what cannot be ended is tried again for ever,
//! in turn with the others.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use attempt_keeper::{Ended, Proof, end_remains};
use run_engine::ids::AttemptId;

use super::dispatcher::Message;
use crate::limits::{REMAINS_PAUSE, REMAINS_TRY_MAX};

/// An attempt whose keeper is gone.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) attempt: AttemptId,
    /// Its identifier at the keeper.
    pub(super) name: String,
    /// The keeper's instance.
    pub(super) keeper: String,
    /// What only this attempt works with.
    pub(super) paths: Vec<PathBuf>,
}

/// Starts the thread. It ends when the sender is dropped, after the try that it is at.
pub(super) fn start(state_dir: PathBuf, messages: Sender<Message>) -> io::Result<Sender<Remains>> {
    let (sender, arriving) = channel();
    let thread = thread::Builder::new().name("remains".to_owned());
    thread.spawn(move || run(&state_dir, &arriving, &messages))?;
    Ok(sender)
}

struct Waiting {
    remains: Remains,
    due: Instant,
    /// What was said last time, so that it is logged once.
    said: String,
}

fn run(state_dir: &std::path::Path, arriving: &Receiver<Remains>, messages: &Sender<Message>) {
    let mut waiting: VecDeque<Waiting> = VecDeque::new();
    loop {
        let arrived = match waiting.front() {
            None => arriving.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(next) => arriving.recv_timeout(next.due.saturating_duration_since(Instant::now())),
        };
        match arrived {
            Ok(remains) => waiting.push_front(Waiting {
                remains,
                due: Instant::now(),
                said: String::new(),
            }),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(mut next) = waiting.pop_front() else {
            continue;
        };
        let remains = &next.remains;
        let paths: Vec<_> = remains.paths.iter().map(PathBuf::as_path).collect();
        match end_remains(
            state_dir,
            &remains.keeper,
            &remains.name,
            &paths,
            REMAINS_TRY_MAX,
        ) {
            Ok(Ended { proof, found }) => {
                if !found.is_empty() {
                    tracing::info!(attempt = remains.name, ?found, "its processes were ended");
                }
                let gone = Message::Gone {
                    attempt: remains.attempt,
                    proof: words(proof).to_owned(),
                };
                if messages.send(gone).is_err() {
                    return;
                }
            }
            Err(error) => {
                let said = with_causes(&error);
                if said != next.said {
                    tracing::warn!(attempt = remains.name, "not proven dead yet: {said}");
                }
                next.said = said;
                next.due = Instant::now() + REMAINS_PAUSE;
                waiting.push_back(next);
            }
        }
    }
}

/// How it is known that nothing of the attempt lives.
fn words(proof: Proof) -> &'static str {
    match proof {
        Proof::Reboot => "the machine was started anew since",
        Proof::Cgroup => "the control group of its keeper is empty",
        Proof::Scan => "two scans of /proc found nothing of it (best effort)",
    }
}

/// An error and what caused it, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
