//! What this machine has for steps: processors, memory, GPUs.
//!
//! What the kernel grants this process counts, not what is built in: a container may have less.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use run_engine::launch::Capacity;

/// Where the kernel tells the bounds of the control group that is seen as the whole machine, in both
/// versions.
const MEMORY_BOUNDS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// What there is for steps, beside so many slots and these pools.
pub(crate) fn capacity(slots: usize, pools: BTreeMap<String, usize>) -> Capacity {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Capacity {
        slots,
        pools,
        cpu_milli: processors as u64 * 1_000,
        memory_bytes: memory(),
        gpus: gpus(Path::new("/dev")),
    }
}

/// Bytes of memory. Where nothing tells it, nothing is refused for it.
fn memory() -> u64 {
    let all = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let bounds = MEMORY_BOUNDS.iter().filter_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        text.trim().parse::<u64>().ok()
    });
    bounds.chain(total(&all)).min().unwrap_or(u64::MAX)
}

/// `MemTotal` of `/proc/meminfo`, which counts in KiB.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

/// How many GPUs of NVIDIA's driver there are: its devices are `nvidia0`, `nvidia1` and so on.
fn gpus(devices: &Path) -> u32 {
    let entries = fs::read_dir(devices).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let numbered = names.filter(|name| {
        let number = name.strip_prefix("nvidia");
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    u32::try_from(numbered.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_gpus_are_counted() {
        let meminfo = "MemTotal:        3951616 kB\nMemFree: 1 kB\n";
        assert_eq!(total(meminfo), Some(3_951_616 << 10));
        assert_eq!(total("nothing"), None);
        let devices = tempfile::tempdir().expect("a scratch folder can be made");
        for name in ["nvidia0", "nvidia1", "nvidiactl", "nvidia", "sda1"] {
            fs::write(devices.path().join(name), "").expect("it can be written");
        }
        assert_eq!(gpus(devices.path()), 2);
        assert_eq!(gpus(&devices.path().join("not there")), 0);
    }
}
