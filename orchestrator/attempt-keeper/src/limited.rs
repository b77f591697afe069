//! Attempts with limits: they start through `launch-limited`, a moment of this binary that bounds itself
//! and becomes the attempt's program.
//!
//! Bounding a process after it was started would be a race with its children. Where a control group
//! (version 2) can be written it bounds all of the attempt's processes together; elsewhere memory is
//! bounded for each process by itself, and the attempt's log says so.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::protocol::Limits;

/// The hidden command of the binary that comes here.
const COMMAND: &str = "launch-limited";

/// This program, whatever became of its file.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The arguments that start a program with these limits, before the program's own: the program as it
/// is found, then as it is called. `group` bounds it if there is one.
pub(crate) fn wrapper(limits: &Limits, group: Option<&Path>) -> Vec<OsString> {
    let group = group.map_or(OsString::new(), |group| group.as_os_str().to_owned());
    let number = |limit: Option<u64>| limit.map_or(String::new(), |limit| limit.to_string());
    vec![
        OWN_PROGRAM.into(),
        COMMAND.into(),
        "--".into(),
        group,
        number(limits.memory_bytes).into(),
        number(limits.cpu_milli).into(),
    ]
}

/// What `ropewalk launch-limited` does with its arguments: a group or nothing, bytes of memory or
/// nothing, thousandths of a processor or nothing, the program's file, its name, its arguments.
/// Returns only if it could not become the program.
pub fn launch_limited(arguments: &[OsString]) -> io::Error {
    let [group, memory, cpu, program, name, rest @ ..] = arguments else {
        return io::Error::other("launch-limited is the keeper's own; it is told what to start");
    };
    let number = |text: &OsStr| text.to_str().and_then(|text| text.parse::<u64>().ok());
    if group.is_empty() {
        bound_alone(number(memory), number(cpu).is_some());
    } else if let Err(error) = fs::write(PathBuf::from(group).join("cgroup.procs"), "0") {
        // Better not at all than without the bound that was promised.
        return error;
    }
    Command::new(program).arg0(name).args(rest).exec()
}

/// Bounds this process and, each by itself, those that follow from it.
fn bound_alone(memory: Option<u64>, wants_cpu: bool) {
    let mut told = Vec::new();
    if let Some(bytes) = memory {
        // The data of a process: what it asks for, not what it maps of files and libraries.
        let limit = Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        told.push(match setrlimit(Resource::Data, limit) {
            Ok(()) => format!(
                "each process by itself may have {} MiB of data",
                bytes >> 20
            ),
            Err(error) => format!("its memory is not bounded ({error})"),
        });
    }
    if wants_cpu {
        told.push("its processors are not bounded".to_owned());
    }
    if !told.is_empty() {
        // Standard error is the attempt's log.
        tell(&told.join(", and "));
    }
}

#[expect(clippy::print_stderr, reason = "standard error is the attempt's log")]
fn tell(what: &str) {
    eprintln!("ropewalk: no control group of version 2 can be written here: {what}");
}
