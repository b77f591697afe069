//! What ended attempts left behind: found, killed, and waited for before the end is reported.
//!
//! Two ways lead to it. The attempt's process group is killed by the reaper. A process that left the
//! group is handed to this process when its parent dies, as an orphan, and its cookie tells whose it
//! was, or else the attempt's output, if it has that open; one that has neither is killed as soon as
//! no attempt runs that is old enough to be its own. What lives below an orphan follows when the
//! orphan is dead.
//!
//! keeper.log names what was found and by what, for whoever wonders where a background process went.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Signal, getpgid};

use super::attempts::signal_group;
use super::clock::Moment;
use super::log_cap::CappedLog;
use super::note::note;
use super::shared::State;
use crate::limits::{LEFTOVER_ZOMBIES_AFTER, LEFTOVERS_NAMED_MAX};
use crate::process_table::{self, TICK_NS, pid_of};

/// An orphan that was sent SIGKILL.
struct Doomed {
    pid: u32,
    /// Whose it was, if anything tells.
    attempt: Option<String>,
    trace: &'static str,
    /// Whether it ran until then; a zombie only waited to be reaped.
    was_alive: bool,
}

/// Kills orphans whose attempt is over, and reports the attempts of which nothing is left.
///
/// Called after every reaped child and, while something lingers, at every leftover tick. The state's
/// lock keeps the reaper from making any of these process ids free meanwhile.
pub(crate) fn settle(state: &mut State) {
    let doomed = kill_orphans(state);
    tell_new(state, &doomed);
    if !state.attempts.has_ending() {
        return;
    }
    let now = Moment::now();
    for ending in state.attempts.ending() {
        let orphans = doomed.iter().filter(|orphan| {
            orphan
                .attempt
                .as_deref()
                .is_none_or(|attempt| attempt == &*ending.id)
        });
        let mut left: Vec<u32> = orphans.map(|orphan| orphan.pid).collect();
        let look = now.since(ending.since) >= LEFTOVER_ZOMBIES_AFTER;
        left.extend(living_group(state, ending.group, look));
        if left.is_empty() {
            // What it wrote since the last look is of no use to anyone either.
            cap(&ending.log);
            state.attempts.settled(&ending.id);
        } else if now >= ending.stuck_at {
            state.attempts.report_stuck(&ending.id, left);
        }
    }
}

/// Keeps a log from taking too much room. What cannot be done is no reason to end anything.
pub(crate) fn cap(log: &CappedLog) {
    let path = log.path.display();
    match log.cap() {
        Ok(0) => {}
        Ok(bytes) => note(format_args!(
            "{path}: {bytes} bytes were taken out of its middle"
        )),
        // Removed by somebody, or on a file system without holes.
        Err(error) if is_expected(&error) => {}
        Err(error) => note(format_args!("{path} grows on: {error}")),
    }
}

fn is_expected(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::Unsupported
    )
}

/// The members of an ended attempt's group; with `look` false, the group itself stands for them all.
fn living_group(state: &State, group: u32, look: bool) -> Vec<u32> {
    let Some(raw) = pid_of(group) else {
        return Vec::new();
    };
    // A leader of the same number means that the group was empty long ago and the number given anew.
    let is_gone = rustix::process::test_kill_process_group(raw) == Err(rustix::io::Errno::SRCH);
    if is_gone || state.attempts.is_leader(group) {
        return Vec::new();
    }
    if !look {
        return vec![group];
    }
    // Zombies of a parent that does not wait keep the group in being, and nothing runs in them.
    let processes = process_table::all().unwrap_or_default().into_iter();
    processes
        .filter(|one| one.group == group && !one.zombie)
        .map(|one| one.pid)
        .collect()
}

fn kill_orphans(state: &State) -> Vec<Doomed> {
    let mut doomed = Vec::new();
    for pid in state.orphans.list() {
        // Attempts themselves are in the list only where the kernel gives none by thread.
        if state.attempts.is_leader(pid) {
            continue;
        }
        let (attempt, trace) = whose(state, pid);
        let may_live = match &attempt {
            Some(attempt) => state.attempts.may_have_processes(attempt),
            None => state.is_starting || is_maybe_of_a_running_attempt(state, pid),
        };
        if !may_live {
            // Asked before the kill: a moment after it the process may be a zombie already.
            let was_alive = process_table::stat(pid).is_some_and(|now| !now.zombie);
            kill_with_group(state, pid);
            doomed.push(Doomed {
                pid,
                attempt,
                trace,
                was_alive,
            });
        }
    }
    doomed
}

/// The attempt of an orphan, and what tells it.
fn whose(state: &State, pid: u32) -> (Option<String>, &'static str) {
    if let Some(attempt) = state.attempts.ending_in_group(group_of(pid)) {
        return (Some(attempt), "their process group");
    }
    let cookie = process_table::cookie(pid);
    let named = cookie.as_deref().and_then(|cookie| {
        cookie
            .strip_prefix(state.instance.as_str())?
            .strip_prefix(':')
    });
    if let Some(attempt) = named {
        return (Some(attempt.to_owned()), "their cookie");
    }
    match state
        .attempts
        .that_writes_to(&process_table::open_files(pid))
    {
        Some(attempt) => (Some(attempt.to_string()), "the output that they have open"),
        None => (None, "being orphans of none that runs"),
    }
}

/// Notes what has not been noted yet: each process once, the processes of an attempt in one line.
fn tell_new(state: &mut State, doomed: &[Doomed]) {
    state
        .told
        .retain(|pid| doomed.iter().any(|one| one.pid == *pid));
    let mut lines: BTreeMap<(String, &str), Vec<u32>> = BTreeMap::new();
    for one in doomed {
        let is_news = state.told.insert(one.pid);
        if !is_news || !one.was_alive {
            continue;
        }
        let whose = match &one.attempt {
            Some(attempt) => format!("attempt {attempt}"),
            None => "some attempt".to_owned(),
        };
        lines.entry((whose, one.trace)).or_default().push(one.pid);
    }
    for ((whose, trace), pids) in lines {
        let named = &pids[..pids.len().min(LEFTOVERS_NAMED_MAX)];
        let count = pids.len();
        note(format_args!(
            "{whose} left {count} of its processes behind; ended, found by {trace}: {named:?}"
        ));
    }
}

/// The number of a process's group; 0 where there is none.
fn group_of(pid: u32) -> u32 {
    let group = pid_of(pid).and_then(|pid| getpgid(Some(pid)).ok());
    group.map_or(0, |group| group.as_raw_nonzero().get().unsigned_abs())
}

fn is_maybe_of_a_running_attempt(state: &State, pid: u32) -> bool {
    let Some(stat) = process_table::stat(pid) else {
        return false;
    };
    // The start time is rounded down to a tick; its end is the latest that it can have been.
    let latest_start = Moment((stat.start_time + 1).saturating_mul(TICK_NS));
    state.attempts.may_own_process_since(latest_start)
}

/// Kills an orphan, with its group unless that is a running attempt's or our own.
fn kill_with_group(state: &State, pid: u32) {
    let Some(raw) = pid_of(pid) else { return };
    let group = group_of(pid);
    // A leader's group is a running attempt's; the keeper leads its own.
    if group != 0 && group != std::process::id() && !state.attempts.is_leader(group) {
        signal_group(group, Signal::KILL);
    }
    let _ = rustix::process::kill_process(raw, Signal::KILL);
}
