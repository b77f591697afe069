//! The one thread that starts attempts, in the order they were asked for.
//!
//! One is enough: a spawn waits for the new program's `exec`, and the attempts themselves share the
//! same processors. All of them being children of this thread tells them from orphans.

use std::fs::File;
use std::path::Path;

use super::attempts::{Now, Start};
use super::memory::oom_kills;
use super::shared::Shared;
use crate::cgroup;
use crate::spawn::spawn_attempt;

/// Starts attempts for ever. `null` is an open `/dev/null`.
/// Limits are groups below `group`, if the keeper has one.
pub(crate) fn run(shared: &Shared, null: &File, group: Option<&Path>) {
    let mut groups = 0;
    loop {
        let mut state = shared.lock();
        let (id, launch) = loop {
            if let Some(next) = state.attempts.next_to_start() {
                break next;
            }
            state = Shared::wait(&shared.queued, state);
        };
        state.is_starting = true;
        let cookie = format!("{}:{id}", state.instance);
        drop(state);

        let now = Now::read();
        let outcome = spawn_attempt(&launch, &cookie, null, |limits| {
            groups += 1;
            cgroup::bounded(group?, groups, limits)
        });

        let mut state = shared.lock();
        state.is_starting = false;
        state.starts += 1;
        let start = Start {
            wall_us: now.wall_us,
            moment: now.moment,
            oom_kills: oom_kills(),
        };
        state.attempts.started(&id, outcome, start);
        shared.started.notify_all();
        shared.wake_loop(&mut state);
    }
}
