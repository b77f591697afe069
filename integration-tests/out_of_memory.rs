//! A step that the kernel ends for want of memory.
//!
//! Behind the feature `servers`, for it takes a user who may make a cgroup with a limit.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Project, step};

/// A cgroup of version 1 or 2 with 64 MiB.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new() -> Self {
        let name = format!("ropewalk-test-{}", std::process::id());
        let first = Path::new("/sys/fs/cgroup/memory");
        let (root, limit) = if first.is_dir() {
            (first, "memory.limit_in_bytes")
        } else {
            (Path::new("/sys/fs/cgroup"), "memory.max")
        };
        let cgroup = Self(root.join(name));
        fs::create_dir(&cgroup.0).expect("a cgroup can be made");
        fs::write(cgroup.0.join(limit), "67108864").expect("its limit can be set");
        cgroup
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_step_that_takes_too_much_memory_is_told_so() {
    let cgroup = Cgroup::new();
    let procs = cgroup.0.join("cgroup.procs");
    let project = Project::of(
        "out-of-memory",
        &format!(
            "name: hungry\nsteps:\n  hungry:\n    run: |\n      echo $$ > {}\n      exec python3 -c 'x = bytearray(1 << 30); x[::4096] = b\"1\" * (1 << 18)'\n",
            procs.display()
        ),
    );
    let status = project.run_to_end();
    let error = &step(&status, "hungry")["attempts"][0]["error"];
    assert_eq!(error["code"], "out_of_memory", "{status:#}");
}
