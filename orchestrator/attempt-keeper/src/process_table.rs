//! Reading `/proc`: who lives, whose child it is, and which attempt it belongs to.
//!
//! A process id alone proves nothing, since it is given anew; an id with its start time and the boot
//! id names one process for ever.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::limits::ENVIRONMENT_BYTES_MAX;

/// The environment variable that every process of an attempt inherits: `<keeper instance>:<attempt>`.
pub const COOKIE_VARIABLE: &str = "ROPEWALK_ATTEMPT_COOKIE";

/// What `/proc/PID/stat` says, as far as it is used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) session: u32,
    /// The controlling terminal; 0 is none.
    pub(crate) terminal: i32,
    /// In clock ticks (1/100 s) since boot.
    pub(crate) start_time: u64,
    /// Nothing runs in it any more: it only waits for its parent.
    pub(crate) zombie: bool,
}

/// Clock ticks of `/proc` to nanoseconds: `USER_HZ` is 100 on every architecture that Linux has left.
pub(crate) const TICK_NS: u64 = 10_000_000;

/// Reads one process. `None` if it does not exist (any more).
pub(crate) fn stat(pid: u32) -> Option<ProcessStat> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(pid: u32, text: &str) -> Option<ProcessStat> {
    // The second field is the program's name, which may hold spaces and brackets.
    let fields: Vec<&str> = text
        .get(text.rfind(')')? + 1..)?
        .split_ascii_whitespace()
        .collect();
    let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
    let id = |index: usize| u32::try_from(number(index)?).ok();
    let threads = number(17)?;
    Some(ProcessStat {
        pid,
        parent: id(1)?,
        group: id(2)?,
        session: id(3)?,
        terminal: i32::try_from(number(4)?).ok()?,
        start_time: fields.get(19)?.parse().ok()?,
        // With other threads left, only the first thread has ended: the process lives.
        zombie: matches!(*fields.first()?, "Z" | "X") && threads <= 1,
    })
}

/// Every process that can be seen.
pub(crate) fn all() -> io::Result<Vec<ProcessStat>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        processes.extend(pid.and_then(stat));
    }
    Ok(processes)
}

/// The cookie in a process's environment; `None` if there is none or it may not be read.
pub(crate) fn cookie(pid: u32) -> Option<String> {
    let mut environment = Vec::new();
    let file = File::open(format!("/proc/{pid}/environ")).ok()?;
    file.take(ENVIRONMENT_BYTES_MAX)
        .read_to_end(&mut environment)
        .ok()?;
    environment.split(|&byte| byte == 0).find_map(|entry| {
        let value = entry
            .strip_prefix(COOKIE_VARIABLE.as_bytes())?
            .strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    })
}

/// A file, by device and inode: it stays the same whatever becomes of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(crate) fn of(data: &Metadata) -> Self {
        Self {
            device: data.dev(),
            inode: data.ino(),
        }
    }
}

/// The files that a process has open; none of a process that is gone or may not be looked at.
pub(crate) fn open_files(pid: u32) -> Vec<FileId> {
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    let open = open.into_iter().flatten().flatten();
    open.filter_map(|fd| Some(FileId::of(&fs::metadata(fd.path()).ok()?)))
        .collect()
}

/// This boot of this machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// A random UUID from the kernel.
pub(crate) fn random_uuid() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/uuid")?
        .trim()
        .to_owned())
}

/// A process id as rustix wants it.
pub(crate) fn pid_of(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// Sends SIGKILL to exactly the process with this id and start time, and waits for its end up to
/// `wait_ms`. True if it is gone (or was gone before).
pub(crate) fn end_process(pid: u32, start_time: u64, wait_ms: u32) -> io::Result<bool> {
    let Some(raw) = pid_of(pid) else {
        return Ok(true);
    };
    let handle = match rustix::process::pidfd_open(raw, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    // The handle fixes the process; only now does its start time tell whether it is the right one.
    if stat(pid).is_none_or(|now| now.start_time != start_time) {
        return Ok(true);
    }
    match rustix::process::pidfd_send_signal(&handle, Signal::KILL) {
        Ok(()) => {}
        Err(rustix::io::Errno::SRCH) => return Ok(true),
        Err(error) => return Err(error.into()),
    }
    let timeout = rustix::event::Timespec {
        tv_sec: i64::from(wait_ms / 1000),
        tv_nsec: i64::from(wait_ms % 1000) * 1_000_000,
    };
    let mut fds = [PollFd::new(&handle, PollFlags::IN)];
    match rustix::event::poll(&mut fds, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The processes that were handed to this process because their parent died: it is a subreaper.
///
/// The kernel gives orphans to the first thread, while attempts are children of the thread that
/// spawns them. So the list of the first thread's children is the orphans, and mostly empty.
#[derive(Debug)]
pub(crate) struct Orphans {
    children_of_first_thread: Option<File>,
}

impl Orphans {
    pub(crate) fn new() -> Self {
        let own = std::process::id();
        let file = File::open(format!("/proc/self/task/{own}/children")).ok();
        Self {
            children_of_first_thread: file,
        }
    }

    /// Their process ids. Where the kernel was built without the list of children, all of `/proc` is
    /// read, and attempts are among the answer.
    pub(crate) fn list(&self) -> Vec<u32> {
        let Some(file) = &self.children_of_first_thread else {
            let own = std::process::id();
            let children = all().unwrap_or_default().into_iter();
            return children
                .filter(|process| process.parent == own)
                .map(|child| child.pid)
                .collect();
        };
        let mut text = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length) = file.read_at(&mut piece, text.len() as u64) {
            if length == 0 {
                break;
            }
            text.extend_from_slice(&piece[..length]);
        }
        let words = text
            .split(|byte| *byte == b' ')
            .filter_map(|word| std::str::from_utf8(word).ok());
        words.filter_map(|word| word.trim().parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_program_does_not_confuse_the_fields() {
        let text = "42 (a) b (c) Z 7 42 40 34816 -1 4 0 0 0 0 1 2 3 4 20 0 1 0 12345 0 0";
        let expected = ProcessStat {
            pid: 42,
            parent: 7,
            group: 42,
            session: 40,
            terminal: 34816,
            start_time: 12345,
            zombie: true,
        };
        assert_eq!(parse_stat(42, text), Some(expected));
        let threads_left = text.replace(" 20 0 1 0 ", " 20 0 2 0 ");
        assert!(!parse_stat(42, &threads_left).unwrap().zombie);
        assert_eq!(parse_stat(42, "42 (cut of"), None);
    }

    #[test]
    fn this_process_is_found() {
        let own = std::process::id();
        let stat = stat(own).unwrap();
        assert!(!stat.zombie && stat.start_time > 0);
        assert!(all().unwrap().iter().any(|process| process.pid == own));
    }

    #[test]
    fn another_start_time_is_another_process() {
        let own = std::process::id();
        let start_time = stat(own).unwrap().start_time;
        assert!(
            end_process(own, start_time + 1, 0).unwrap(),
            "this test would not have survived"
        );
    }
}
