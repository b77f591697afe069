//! How the keeper does, for whoever watches the daemon: whether it answers, since when, which one.
//!
//! It is asked when somebody wants to know. A keeper that is there and does not answer counts as one
//! that does not.

use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::dispatcher::Message;

/// The keeper as it was when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeeperState {
    /// Whether it answered in time.
    pub answers: bool,
    /// Since when it is connected to; none while it is not.
    pub connected_since: Option<SystemTime>,
    /// How often another keeper took its place, since this executor began.
    pub replaced: u64,
}

/// Asks the keeper how it does.
#[derive(Debug)]
pub struct KeeperHealth {
    state: Mutex<State>,
    /// A question was answered, or the connection is gone.
    changed: Condvar,
    messages: Sender<Message>,
}

#[derive(Debug)]
struct State {
    instance: String,
    connected_since: Option<SystemTime>,
    replaced: u64,
    /// Questions that were asked, and up to which one they are answered.
    asked: u64,
    answered: u64,
}

impl KeeperHealth {
    /// Of a keeper that was just connected to.
    pub(super) fn new(instance: &str, messages: Sender<Message>) -> Self {
        Self {
            state: Mutex::new(State {
                instance: instance.to_owned(),
                connected_since: Some(SystemTime::now()),
                replaced: 0,
                asked: 0,
                answered: 0,
            }),
            changed: Condvar::new(),
            messages,
        }
    }

    /// How it does, as far as it can be told within this time.
    pub fn ask(&self, patience: Duration) -> KeeperState {
        let mut state = self.lock();
        state.asked += 1;
        let question = state.asked;
        // Without a dispatcher the executor ends, and nobody answers.
        let _ = self.messages.send(Message::Ask);
        let waits =
            |state: &mut State| state.answered < question && state.connected_since.is_some();
        let waited = self.changed.wait_timeout_while(state, patience, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        KeeperState {
            answers: state.answered >= question,
            connected_since: state.connected_since,
            replaced: state.replaced,
        }
    }

    pub(super) fn instance(&self) -> String {
        self.lock().instance.clone()
    }

    pub(super) fn connected(&self, instance: &str) {
        let mut state = self.lock();
        if state.instance != instance {
            instance.clone_into(&mut state.instance);
            state.replaced += 1;
        }
        state.connected_since = Some(SystemTime::now());
    }

    pub(super) fn disconnected(&self) {
        self.lock().connected_since = None;
        self.changed.notify_all();
    }

    /// The keeper answered a question. Those that wait were asked before.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        state.answered = state.asked;
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
