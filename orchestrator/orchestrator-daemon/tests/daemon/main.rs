//! The daemon as a real process, with a real store, keeper and attempts, seen through the client.
//!
//! This test binary is its own daemon and keeper: started with the name of an ignored test and a state
//! folder, it is one of the two for that folder.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod ending;
mod reading;
mod refusing;
mod running;
mod support;

use std::process::exit;

/// Not a test, but what the tests start as the keeper.
#[test]
#[ignore = "the keeper process that the other tests start"]
fn keeper_process() {
    if let Some(state_dir) = support::state_dir_of_this_process() {
        if let Err(error) = attempt_keeper::serve(&state_dir) {
            eprintln!("{error}");
            exit(3);
        }
        exit(0);
    }
}

/// Not a test, but what the tests start as the daemon.
#[test]
#[ignore = "the daemon process that the other tests start"]
fn daemon_process() {
    if let Some(state_dir) = support::state_dir_of_this_process() {
        attempt_keeper::enter_own_session();
        let config = support::config(&state_dir);
        if let Err(error) = orchestrator_daemon::serve(config) {
            eprintln!("{}", support::chain(&error));
            exit(3);
        }
        exit(0);
    }
}
