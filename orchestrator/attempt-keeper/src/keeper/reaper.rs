//! The one thread that takes the status of every child: attempts, and orphans of attempts, which the
//! kernel hands to a subreaper.
//!
//! A child is first seen as a zombie. While it is one, its process group's number is its own, so the
//! rest of the group is killed before the status is taken.

use std::io;

use rustix::process::Signal;

use super::attempts::{Now, signal_group};
use super::leftovers::settle;
use super::shared::Shared;
use crate::system::{reap, wait_for_an_end};

/// Reaps for ever. Ends only with an error of the operating system that leaves no way on.
pub(crate) fn run(shared: &Shared) -> io::Error {
    loop {
        let starts_seen = shared.lock().starts;
        match wait_for_an_end() {
            Ok(pid) => {
                if let Err(error) = take(shared, pid) {
                    return error;
                }
            }
            // No child, hence no descendant at all: nothing can happen before the next spawn.
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                let mut state = shared.lock();
                while state.starts == starts_seen {
                    state = Shared::wait(&shared.started, state);
                }
            }
            Err(error) => return error,
        }
    }
}

fn take(shared: &Shared, pid: u32) -> io::Result<()> {
    let mut state = shared.lock();
    // An unknown child may be the one that is being started right now, but not one that is started later.
    let starts_seen = state.starts;
    while state.is_starting && state.starts == starts_seen && !state.attempts.is_leader(pid) {
        state = Shared::wait(&shared.started, state);
    }
    if state.attempts.is_leader(pid) {
        signal_group(pid, Signal::KILL);
        if let Some(reaped) = reap(pid)? {
            state.attempts.leader_ended(pid, &reaped, Now::read());
        }
    } else {
        reap(pid)?;
    }
    settle(&mut state);
    shared.wake_loop(&mut state);
    Ok(())
}
