//! A control group (version 2) of the keeper's own, inherited by all its attempts: the exact way to
//! end and to prove dead whatever a dead keeper left behind.
//!
//! Attempts with limits have a group each below it, where its parent lets it bound memory, processors
//! and processes.
//!
//! It is used where the keeper may make one below its own group (a delegated systemd user service,
//! a container, root); elsewhere everything here says `None`, and the scan of `/proc` takes its place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use crate::limits::RETRY_PAUSE;
use crate::process_table::pid_of;
use crate::protocol::Limits;

const NAME_PREFIX: &str = "ropewalk-keeper-";

/// Where the keeper and the attempts without limits are, below a group that has others below it: the
/// kernel wants a group's processes or its groups bounded, not both.
const UNBOUNDED: &str = "unbounded";

/// Groups of attempts with limits begin so.
const BOUNDED_PREFIX: &str = "attempt-";

/// What is bounded, in the words of `cgroup.subtree_control`.
const CONTROLLERS: &str = "+memory +cpu +pids";

/// The period over which processor time is counted, in microseconds: the kernel's own choice.
const CPU_PERIOD_US: u64 = 100_000;

/// The least processor time per period that the kernel takes.
const CPU_QUOTA_MIN_US: u64 = 1_000;

/// Moves this process into a new group named after the instance. `None` where that is not allowed.
pub(crate) fn enter_own(instance: &str) -> Option<PathBuf> {
    let group = current()?.join(format!("{NAME_PREFIX}{instance}"));
    fs::create_dir(&group).ok()?;
    // "0" is the process that writes.
    if fs::write(group.join("cgroup.procs"), "0").is_err() {
        let _ = fs::remove_dir(&group);
        return None;
    }
    divide(&group);
    Some(group)
}

/// Lets groups below this process's own be bounded, if the group above allows it. If not, nothing is
/// changed.
fn divide(group: &Path) {
    if let Some(parent) = group.parent() {
        let _ = fs::write(parent.join("cgroup.subtree_control"), CONTROLLERS);
    }
    let unbounded = group.join(UNBOUNDED);
    if !has_controllers(group) || fs::create_dir(&unbounded).is_err() {
        return;
    }
    let moved = fs::write(unbounded.join("cgroup.procs"), "0");
    if moved.is_err() || fs::write(group.join("cgroup.subtree_control"), CONTROLLERS).is_err() {
        let _ = fs::write(group.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(&unbounded);
    }
}

fn has_controllers(group: &Path) -> bool {
    let given = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    let mut wanted = CONTROLLERS
        .split([' ', '+'])
        .filter(|word| !word.is_empty());
    wanted.all(|word| given.split_whitespace().any(|given| given == word))
}

/// Makes a group with these limits below the keeper's own. `None` where groups cannot be bounded.
///
/// Those of attempts that are over are removed first: the kernel removes none that has a process.
pub(crate) fn bounded(own: &Path, number: u64, limits: &Limits) -> Option<PathBuf> {
    if !own.join(UNBOUNDED).is_dir() {
        return None;
    }
    for old in below(own) {
        let name = old.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(BOUNDED_PREFIX)) {
            let _ = fs::remove_dir(&old);
        }
    }
    let group = own.join(format!("{BOUNDED_PREFIX}{number}"));
    fs::create_dir(&group).ok()?;
    if bound(&group, limits).is_err() {
        let _ = fs::remove_dir(&group);
        return None;
    }
    Some(group)
}

fn bound(group: &Path, limits: &Limits) -> io::Result<()> {
    if let Some(bytes) = limits.memory_bytes {
        fs::write(group.join("memory.max"), bytes.to_string())?;
        // Without swap the bound is what it says; a kernel without it has no such file.
        let _ = fs::write(group.join("memory.swap.max"), "0");
    }
    if let Some(milli) = limits.cpu_milli {
        let quota = milli.saturating_mul(CPU_PERIOD_US) / 1_000;
        let quota = quota.max(CPU_QUOTA_MIN_US);
        fs::write(group.join("cpu.max"), format!("{quota} {CPU_PERIOD_US}"))?;
    }
    if let Some(pids) = limits.pids {
        fs::write(group.join("pids.max"), pids.to_string())?;
    }
    Ok(())
}

/// Moves this process back to the group above and removes its own; for an orderly end.
pub(crate) fn leave_own(group: &Path) {
    if let Some(parent) = group.parent() {
        // Where the group above must not hold processes, the next keeper removes ours.
        let _ = fs::write(parent.join("cgroup.procs"), "0");
        let _ = remove(group);
    }
}

/// Kills every process of a group and waits until there is none. `Err` holds what is left at the
/// deadline.
///
/// A group that does not exist (any more) is empty: the kernel removes none that has processes.
/// Nothing is done, and nothing proven (`Err` without a process), where the tree of groups cannot be
/// seen, where the path is no keeper's group, or where this process is in the group itself.
pub(crate) fn end_all(group: &Path, deadline: Instant) -> Result<(), Vec<u32>> {
    let name = group.file_name().and_then(|name| name.to_str());
    let is_keepers = name.is_some_and(|name| name.starts_with(NAME_PREFIX));
    if !is_keepers || !is_in_cgroup2(group) || members(group).contains(&std::process::id()) {
        return Err(Vec::new());
    }
    let mut pause = RETRY_PAUSE.0;
    loop {
        // cgroup.kill is of Linux 5.14; before it, killing until none is left does the same.
        if fs::write(group.join("cgroup.kill"), "1").is_err() {
            for pid in members(group).into_iter().filter_map(pid_of) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        match is_populated(group) {
            Ok(false) => {
                let _ = remove(group);
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            _ => {}
        }
        if Instant::now() >= deadline {
            return Err(members(group));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(RETRY_PAUSE.1);
    }
}

/// Whether the path, or what is left of it, lies in a mounted tree of version 2 groups.
fn is_in_cgroup2(group: &Path) -> bool {
    const CGROUP2_MAGIC: u64 = 0x6367_7270;
    let Some(existing) = group.ancestors().find(|folder| folder.exists()) else {
        return false;
    };
    rustix::fs::statfs(existing).is_ok_and(|system| system.f_type as u64 == CGROUP2_MAGIC)
}

fn is_populated(group: &Path) -> io::Result<bool> {
    let events = fs::read_to_string(group.join("cgroup.events"))?;
    Ok(!events.lines().any(|line| line == "populated 0"))
}

/// The processes of a group and of those below it.
fn members(group: &Path) -> Vec<u32> {
    let mut pids = Vec::new();
    let mut groups = vec![group.to_path_buf()];
    while let Some(group) = groups.pop() {
        let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
        groups.extend(below(&group));
    }
    pids
}

/// Removes an empty group and the empty ones below it.
fn remove(group: &Path) -> io::Result<()> {
    for child in below(group) {
        remove(&child)?;
    }
    fs::remove_dir(group)
}

fn below(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

/// The folder of the version 2 group that this process is in.
fn current() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let folder = folder_of(&groups, &mounts)?;
    File::open(folder.join("cgroup.procs")).ok()?;
    Some(folder)
}

/// From `/proc/self/cgroup` and `/proc/self/mountinfo` to the folder.
fn folder_of(groups: &str, mounts: &str) -> Option<PathBuf> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        if kind.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        // A bind mount shows the tree from `root` on.
        let inner = Path::new(group).strip_prefix(root).ok()?;
        Some(Path::new(point).join(inner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_through_its_mount() {
        let cases = [
            // A systemd host.
            (
                "0::/user.slice/a.scope\n",
                "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
                Some("/sys/fs/cgroup/user.slice/a.scope"),
            ),
            // A hybrid host: version 1 beside version 2.
            (
                "4:memory:/x\n0::/\n",
                "41 31 0:38 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw",
                Some("/sys/fs/cgroup/unified/"),
            ),
            // A container that sees a part of the tree.
            (
                "0::/box/inner\n",
                "41 31 0:38 /box /sys/fs/cgroup ro - cgroup2 cgroup rw",
                Some("/sys/fs/cgroup/inner"),
            ),
            // A group outside of what is mounted, and a host with version 1 only.
            (
                "0::/other\n",
                "41 31 0:38 /box /sys/fs/cgroup ro - cgroup2 cgroup rw",
                None,
            ),
            (
                "4:memory:/x\n",
                "41 31 0:38 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
                None,
            ),
        ];
        for (groups, mounts, expected) in cases {
            assert_eq!(
                folder_of(groups, mounts).as_deref(),
                expected.map(Path::new),
                "{groups}"
            );
        }
    }

    /// What would be written, into plain files.
    #[test]
    fn limits_become_the_files_of_a_group() {
        let own = std::env::temp_dir().join(format!("groups-of-{}", std::process::id()));
        fs::create_dir_all(own.join(UNBOUNDED)).expect("a scratch folder can be made");
        let limits = Limits {
            memory_bytes: Some(64 << 20),
            cpu_milli: Some(1_500),
            pids: Some(100),
        };
        let group = bounded(&own, 7, &limits).expect("it can be written");
        let written = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
        assert_eq!(written("memory.max"), "67108864");
        assert_eq!(written("memory.swap.max"), "0");
        assert_eq!(written("cpu.max"), "150000 100000");
        assert_eq!(written("pids.max"), "100");
        let bare = bounded(&own, 8, &Limits::default()).expect("it can be made");
        assert_eq!(fs::read_dir(&bare).map_or(9, Iterator::count), 0);
        // The next one removes what is empty.
        bounded(&own, 9, &limits).expect("it can be written");
        assert!(!bare.exists());
        let _ = fs::remove_dir_all(own.join(UNBOUNDED));
        assert_eq!(bounded(&own, 10, &limits), None);
        let _ = fs::remove_dir_all(&own);
    }

    #[test]
    fn only_a_group_of_a_keeper_is_ever_killed() {
        assert_eq!(
            end_all(Path::new("/sys/fs/cgroup"), Instant::now()),
            Err(Vec::new())
        );
    }

    #[test]
    fn what_lies_outside_of_the_tree_proves_nothing() {
        let elsewhere = std::env::temp_dir().join("ropewalk-keeper-gone");
        assert_eq!(end_all(&elsewhere, Instant::now()), Err(Vec::new()));
    }
}
