//! Who is killed, and how it is made sure that it is nobody else: a process is held by a handle before
//! it is looked at, so its number cannot be given anew in between.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;

use super::{Attempt, Place};
use crate::random::Random;
use crate::support::Project;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Daemon,
    Keeper,
    Step,
    Follower,
}

impl Victim {
    /// Mostly one, sometimes two or three at once.
    pub(super) fn some(random: &mut Random) -> Vec<Self> {
        match random.below(12) {
            0..3 => vec![Self::Daemon],
            3..5 => vec![Self::Keeper],
            5..8 => vec![Self::Step],
            8 => vec![Self::Daemon, Self::Keeper],
            9 => vec![Self::Keeper, Self::Daemon],
            10 => vec![Self::Daemon, Self::Step],
            _ => vec![Self::Daemon, Self::Follower],
        }
    }
}

pub(super) fn kill_daemon(project: &Project) -> bool {
    kill_recorded(&project.state_dir().join("daemon.json"))
}

pub(super) fn kill_keeper(project: &Project) -> bool {
    kill_recorded(&project.state_dir().join("keeper.lock"))
}

/// Kills the process of a record in the state folder, if it is this binary's.
fn kill_recorded(record: &Path) -> bool {
    let pid = fs::read(record)
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
        .and_then(|record| record["pid"].as_u64());
    let is_ours = |pid: u64| {
        let exe = fs::read_link(format!("/proc/{pid}/exe"));
        exe.is_ok_and(|exe| exe == Path::new(env!("CARGO_BIN_EXE_ropewalk")))
    };
    pid.is_some_and(|pid| kill(pid, is_ours))
}

/// Kills the main process of an attempt that has begun and not ended, and names it.
pub(super) fn kill_step(place: &Place, random: &mut Random) -> Option<Attempt> {
    let trace = place.read("trace");
    let of = |word: &'static str| {
        trace
            .lines()
            .filter_map(move |line| line.strip_prefix(word))
    };
    let ended: Vec<&str> = of("END ").collect();
    let begun: Vec<&str> = of("START ").filter(|one| !ended.contains(one)).collect();
    if begun.is_empty() {
        return None;
    }
    let index = usize::try_from(random.below(begun.len() as u64)).unwrap_or(0);
    let (attempt, pid) = Attempt::told(begun[index])?;
    let script = place.folder();
    let is_it = |pid: u64| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environ = String::from_utf8_lossy(&environ).into_owned();
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&*script.to_string_lossy())
            && environ.contains(&format!("ROPEWALK_RUN_ID={}\0", attempt.run))
            && environ.contains(&format!("ROPEWALK_STEP={}\0", attempt.step))
            && environ.contains(&format!("ROPEWALK_ATTEMPT={}\0", attempt.number))
    };
    kill(pid, is_it).then_some(attempt)
}

fn kill(pid: u64, is_it: impl Fn(u64) -> bool) -> bool {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let handle = raw.and_then(|raw| pidfd_open(raw, PidfdFlags::empty()).ok());
    handle.is_some_and(|handle| is_it(pid) && pidfd_send_signal(&handle, Signal::KILL).is_ok())
}
