//! The thread that ends what dead keepers left of attempts, and proves it dead.
//!
//! An attempt is never reported as lost without proof: what cannot be ended is tried again for ever,
//! in turn with the others, and told as stuck after a while.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use attempt_keeper::{Ended, Proof, RemainsError, end_remains};
use run_engine::ids::AttemptId;
use run_engine::seams::LaunchTask;

use super::dispatcher::Message;
use super::names;
use crate::launch::Attempt;
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

impl Remains {
    pub(super) fn of(task: &LaunchTask, state_dir: &Path) -> Self {
        let attempt = Attempt::new(task, state_dir);
        let mut paths = vec![attempt.path(&attempt.layout.log())];
        if attempt.has_folder() {
            paths.push(attempt.path(&attempt.layout.folder()));
        }
        Self {
            attempt: task.attempt(),
            name: names::name_of(task.attempt()),
            keeper: task.started.keeper.clone(),
            paths,
        }
    }

    /// One try to end them and to prove it.
    fn end(&self, state_dir: &Path, time_max: Duration) -> Result<Ended, RemainsError> {
        let paths: Vec<_> = self.paths.iter().map(PathBuf::as_path).collect();
        end_remains(state_dir, &self.keeper, &self.name, &paths, time_max)
    }
}

/// Whether an attempt that was left behind may still live, as far as its keeper is gone too; what can
/// be ended by now is. A keeper that lives tells the end of its attempts by itself.
pub fn may_live_on(state_dir: &Path, task: &LaunchTask) -> bool {
    let tried = Remains::of(task, state_dir).end(state_dir, Duration::ZERO);
    !matches!(tried, Ok(_) | Err(RemainsError::KeeperAlive { .. }))
}

/// Starts the thread. It ends when the sender is dropped, after the try that it is at.
pub(super) fn start(
    state_dir: PathBuf,
    stuck_after: Duration,
    messages: Sender<Message>,
) -> io::Result<Sender<Remains>> {
    let (sender, arriving) = channel();
    let thread = thread::Builder::new().name("remains".to_owned());
    thread.spawn(move || run(&state_dir, stuck_after, &arriving, &messages))?;
    Ok(sender)
}

struct Waiting {
    remains: Remains,
    due: Instant,
    /// When it is told as stuck; none if it was.
    stuck_at: Option<Instant>,
    /// What was said last time, so that it is logged once.
    said: String,
}

fn run(
    state_dir: &Path,
    stuck_after: Duration,
    arriving: &Receiver<Remains>,
    messages: &Sender<Message>,
) {
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
                stuck_at: Some(Instant::now() + stuck_after),
                said: String::new(),
            }),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(mut next) = waiting.pop_front() else {
            continue;
        };
        let remains = &next.remains;
        match remains.end(state_dir, REMAINS_TRY_MAX.min(stuck_after)) {
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
                if next.stuck_at.is_some_and(|due| due <= Instant::now()) {
                    next.stuck_at = None;
                    let stuck = Message::Stuck {
                        attempt: remains.attempt,
                        pids: match &error {
                            RemainsError::Stuck { pids } => pids.clone(),
                            _ => Vec::new(),
                        },
                    };
                    if messages.send(stuck).is_err() {
                        return;
                    }
                }
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
