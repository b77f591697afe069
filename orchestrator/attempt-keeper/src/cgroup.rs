//! A control group (version 2) of the keeper's own, inherited by all its attempts: the exact way to
//! end and to prove dead whatever a dead keeper left behind.
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

const NAME_PREFIX: &str = "ropewalk-keeper-";

/// Moves this process into a new group named after the instance. `None` where that is not allowed.
pub(crate) fn enter_own(instance: &str) -> Option<PathBuf> {
    let group = current()?.join(format!("{NAME_PREFIX}{instance}"));
    fs::create_dir(&group).ok()?;
    // "0" is the process that writes.
    if fs::write(group.join("cgroup.procs"), "0").is_err() {
        let _ = fs::remove_dir(&group);
        return None;
    }
    Some(group)
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
