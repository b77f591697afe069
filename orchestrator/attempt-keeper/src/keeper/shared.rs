//! What the keeper's three threads share: the table under its lock, and ways to wake each other.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::event::EventfdFlags;

use super::attempts::Attempts;
use crate::process_table::Orphans;

/// The table and what belongs under the same lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) attempts: Attempts,
    pub(crate) orphans: Orphans,
    /// Orphans that are being ended and stand in keeper.log already.
    pub(crate) told: BTreeSet<u32>,
    /// The instance of this keeper, the first part of its attempts' cookies.
    pub(crate) instance: String,
    /// A spawn is under way: there may be a child that the table does not know yet.
    pub(crate) is_starting: bool,
    /// How many spawns have ended: the reaper without a child waits for the next.
    pub(crate) starts: u64,
    /// The loop was woken and has not looked yet.
    is_loop_woken: bool,
}

/// The state and the means to wait for its changes.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// For the spawner: the queue may have grown.
    pub(crate) queued: Condvar,
    /// For the reaper: a spawn has ended.
    pub(crate) started: Condvar,
    /// For the loop: there are answers to send.
    pub(crate) wake: OwnedFd,
}

impl Shared {
    pub(crate) fn new(instance: &str) -> io::Result<Self> {
        let state = State {
            attempts: Attempts::default(),
            orphans: Orphans::new(),
            told: BTreeSet::new(),
            instance: instance.to_owned(),
            is_starting: false,
            starts: 0,
            is_loop_woken: false,
        };
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            state: Mutex::new(state),
            queued: Condvar::new(),
            started: Condvar::new(),
            wake: rustix::event::eventfd(0, flags)?,
        })
    }

    /// Takes the lock. A thread that panicked ends the process, so poison is never met for long.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `condition` and takes the lock again.
    pub(crate) fn wait<'a>(
        condition: &Condvar,
        state: MutexGuard<'a, State>,
    ) -> MutexGuard<'a, State> {
        condition
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the loop if there is something to send that it has not been woken for.
    pub(crate) fn wake_loop(&self, state: &mut State) {
        if state.attempts.has_answers() && !state.is_loop_woken {
            state.is_loop_woken = true;
            // A full counter means that it is woken already.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// The loop is about to look at everything.
    pub(crate) fn loop_looks(&self, state: &mut State) {
        state.is_loop_woken = false;
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }
}
