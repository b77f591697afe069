//! The life of `ropewalk keeper`: taking the lock, starting the threads, ending.
//!
//! Three threads share one table: this one speaks to clients and watches the clock ([`serving`]),
//! one starts attempts, one takes their statuses. An attempt whose output is masked has one more
//! ([`pump`]). The order of events is the table's, under its lock.

mod attempts;
mod clock;
mod connection;
mod leftovers;
mod log_cap;
mod memory;
mod note;
pub(crate) mod pump;
mod reaper;
mod serving;
mod shared;
mod spawner;

use std::fs::{self, File};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use note::note;
use serving::Serving;
use shared::Shared;

use crate::cgroup;
use crate::error::KeeperError;
use crate::limits::{LOCK_WAIT_MAX, PREDECESSOR_WAIT_MAX, PREDECESSORS_MAX};
use crate::lock::{self, Holder, KeeperIdentity, KeeperLock, LockRecord};
use crate::process_table::{boot_id, random_uuid, stat};
use crate::protocol::PROTOCOL_VERSION;
use crate::spawn::enter_own_session;
use crate::system::hand_on_no_descriptors;

/// The exit code of a keeper that lost one of its threads: an internal software error (`EX_SOFTWARE`).
const THREAD_LOST: i32 = 70;

/// Serves a state folder until nothing is left to hold: the whole life of `ropewalk keeper`.
///
/// It must be the whole life of its process, for it owns all of the process's children, leaves the
/// session and the working directory, and its threads end with the process only. Standard error is
/// its log.
pub fn serve(state_dir: &Path) -> Result<(), KeeperError> {
    enter_own_session();
    hand_on_no_descriptors();
    let state_dir =
        fs::canonicalize(state_dir).map_err(KeeperError::io("opening the folder", state_dir))?;
    let Some(lock) = KeeperLock::take(&state_dir, LOCK_WAIT_MAX)? else {
        let path = lock::lock_path(&state_dir);
        let Holder::Somebody(Some(record)) = lock::holder(&state_dir)? else {
            return Err(KeeperError::LockHeld { path, pid: None });
        };
        return Err(KeeperError::LockHeld {
            path,
            pid: Some(record.keeper.pid),
        });
    };
    let failed = |action| KeeperError::io(action, &state_dir);
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own))
        .map_err(|error| failed("becoming the subreaper of")(error.into()))?;
    // Attempts are given theirs; this one would keep a file system from being unmounted.
    rustix::process::chdir("/")
        .map_err(|error| failed("leaving the working directory for")(error.into()))?;
    let keeper = identify().map_err(failed("taking office in"))?;
    take_office(&lock, &keeper)?;
    let shared = Arc::new(Shared::new(&keeper.instance).map_err(failed("starting the keeper of"))?);
    let null =
        File::open("/dev/null").map_err(KeeperError::io("opening", Path::new("/dev/null")))?;
    let for_spawner = Arc::clone(&shared);
    let group = keeper.cgroup.clone();
    start_thread("spawner", move || {
        spawner::run(&for_spawner, &null, group.as_deref());
    })
    .map_err(failed("starting the keeper of"))?;
    let for_reaper = Arc::clone(&shared);
    start_thread("reaper", move || {
        note(format_args!("reaper: {}", reaper::run(&for_reaper)));
    })
    .map_err(failed("starting the keeper of"))?;
    note(format_args!(
        "keeper {} (process {}) serves {}; its own control group: {}",
        keeper.instance,
        keeper.pid,
        state_dir.display(),
        keeper
            .cgroup
            .as_ref()
            .map_or("none".into(), |group| group.to_string_lossy()),
    ));
    let serving = Serving::new(state_dir, lock, shared, &keeper)?;
    let end = serving.run()?;
    note(format_args!("keeper {} ends: {end}", keeper.instance));
    if let Some(group) = &keeper.cgroup {
        cgroup::leave_own(group);
    }
    Ok(())
}

/// Names this process, and moves it into a control group of its own where it may.
fn identify() -> io::Result<KeeperIdentity> {
    let pid = process::id();
    let own = stat(pid).ok_or_else(|| io::Error::other("/proc does not show this process"))?;
    let (instance, boot_id) = (random_uuid()?, boot_id()?);
    let cgroup = cgroup::enter_own(&instance);
    Ok(KeeperIdentity {
        instance,
        pid,
        start_time: own.start_time,
        boot_id,
        cgroup,
    })
}

/// Writes who is the keeper now, and ends what the one before left in its control group.
fn take_office(lock: &KeeperLock, keeper: &KeeperIdentity) -> Result<(), KeeperError> {
    let mut predecessors = Vec::new();
    if let Some(before) = lock.read() {
        predecessors.push(before.keeper);
        predecessors.extend(before.predecessors);
        predecessors.truncate(PREDECESSORS_MAX);
    }
    let record = LockRecord {
        keeper: keeper.clone(),
        protocol: PROTOCOL_VERSION,
        predecessors,
    };
    lock.write(&record)?;
    if let Some(before) = record.predecessors.first()
        && before.boot_id == keeper.boot_id
        && let Some(group) = &before.cgroup
    {
        let deadline = Instant::now() + PREDECESSOR_WAIT_MAX;
        if let Err(pids) = cgroup::end_all(group, deadline) {
            note(format_args!(
                "processes of keeper {} are left: {pids:?}",
                before.instance
            ));
        }
    }
    Ok(())
}

/// Starts a thread without which the keeper is none: its end, by return or panic, ends the process.
/// The attempts are then remains, which the next keeper's client ends.
fn start_thread(name: &'static str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let guarded = move || {
        let _ = panic::catch_unwind(AssertUnwindSafe(body));
        note(format_args!("the {name} thread ended; so does the keeper"));
        process::exit(THREAD_LOST);
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(guarded)?;
    Ok(())
}
