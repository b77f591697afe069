//! The keeper as a real process with real attempts, seen through its client.
//!
//! This test binary is its own keeper: started with the name of the ignored test `keeper_process`
//! and a state folder, it serves that folder.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod ends;
mod launches;
mod logs;
mod peers;
mod protocol_examples;
mod remains;
mod spawning;
mod state_folder;
mod stuck;
mod support;

/// Not a test, but what the tests start as the keeper.
#[test]
#[ignore = "the keeper process that the other tests start"]
fn keeper_process() {
    if let Some(state_dir) = support::state_dir_of_this_keeper() {
        if let Err(error) = attempt_keeper::serve(&state_dir) {
            eprintln!("{error}");
            std::process::exit(3);
        }
        std::process::exit(0);
    }
}
