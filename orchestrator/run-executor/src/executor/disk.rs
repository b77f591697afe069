//! Whether there is room to launch anything: a full disk costs less before an attempt than within.

use std::path::Path;

use crate::limits::{FREE_BYTES_MIN, FREE_PERCENT_MIN};

/// Says what is missing. A file system that does not tell has room.
pub(super) fn check_room(state_dir: &Path) -> Result<(), String> {
    let Ok(system) = rustix::fs::statvfs(state_dir) else {
        return Ok(());
    };
    let free_bytes = system.f_bavail.saturating_mul(system.f_frsize);
    let free_percent = system.f_bavail.saturating_mul(100) / system.f_blocks.max(1);
    if free_bytes >= FREE_BYTES_MIN && free_percent >= FREE_PERCENT_MIN {
        return Ok(());
    }
    Err(format!(
        "it waits for disk space: {} MiB ({free_percent} %) are free on the file system of {}, and nothing is launched below {} MiB or {FREE_PERCENT_MIN} %",
        free_bytes >> 20,
        state_dir.display(),
        FREE_BYTES_MIN >> 20,
    ))
}
