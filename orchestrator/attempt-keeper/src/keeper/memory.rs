//! What the kernel tells of memory that ran out: how often it ended a process for that.

use std::fs;

/// Processes that the kernel ended since boot because memory, or the memory of a cgroup, had run
/// out; 0 where it does not tell.
pub(super) fn oom_kills() -> u64 {
    let counts = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let mut counts = counts.lines();
    let count = counts.find_map(|line| line.strip_prefix("oom_kill "));
    count
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}
