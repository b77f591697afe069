//! The calls of Linux that have no safe binding: which child ended, what it used, and a ban on
//! handing descriptors on.

use std::io;
use std::mem::MaybeUninit;

/// How a process ended and what it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaped {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// User and system time of the process and the children it waited for, in milliseconds.
    pub(crate) cpu_ms: u64,
    /// The largest resident set of any one of them, in bytes.
    pub(crate) memory_max_bytes: u64,
}

impl Reaped {
    /// Whether SIGKILL ended it, or a shell says so of a process that it waited for.
    pub(crate) fn was_killed(&self) -> bool {
        self.signal == Some(libc::SIGKILL) || self.code == Some(128 + libc::SIGKILL)
    }
}

/// Waits until some child has ended and names it, but leaves it a zombie: its id and its group's
/// cannot be given to another process until [`reap`] takes it.
///
/// Fails with ECHILD when there is no child at all.
pub(crate) fn wait_for_an_end() -> io::Result<u32> {
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        #[expect(
            unsafe_code,
            reason = "rustix's waitid does not tell which child it was"
        )]
        // SAFETY: `info` is writable and as large as the kernel expects; a zeroed siginfo_t is valid.
        let (result, pid) = unsafe {
            let result = libc::waitid(
                libc::P_ALL,
                0,
                info.as_mut_ptr(),
                libc::WEXITED | libc::WNOWAIT,
            );
            (result, info.assume_init().si_pid())
        };
        if result == 0 {
            return u32::try_from(pid).map_err(io::Error::other);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Takes the status of a child that has ended. `None` if it has not, or is no child.
pub(crate) fn reap(pid: u32) -> io::Result<Option<Reaped>> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    #[expect(
        unsafe_code,
        reason = "neither std nor rustix gives a child's resource usage"
    )]
    // SAFETY: both pointers are writable and of the right type; a zeroed rusage is valid.
    let (result, usage) = unsafe {
        let result = libc::wait4(pid, &raw mut status, libc::WNOHANG, usage.as_mut_ptr());
        (result, usage.assume_init())
    };
    if result == 0 {
        return Ok(None);
    }
    if result < 0 {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(libc::ECHILD) {
            Ok(None)
        } else {
            Err(error)
        };
    }
    let exited = libc::WIFEXITED(status);
    Ok(Some(Reaped {
        code: exited.then(|| libc::WEXITSTATUS(status)),
        signal: (!exited).then(|| libc::WTERMSIG(status)),
        cpu_ms: microseconds(usage.ru_utime).saturating_add(microseconds(usage.ru_stime)) / 1000,
        memory_max_bytes: u64::try_from(usage.ru_maxrss)
            .unwrap_or(0)
            .saturating_mul(1024),
    }))
}

fn microseconds(time: libc::timeval) -> u64 {
    u64::try_from(
        time.tv_sec
            .saturating_mul(1_000_000)
            .saturating_add(time.tv_usec),
    )
    .unwrap_or(0)
}

/// Marks every descriptor but the standard three as closed in programs started from here on.
///
/// Whatever an outer process left open (a pipe of a shell, a lock) would otherwise live on in
/// daemons, keepers and attempts. Needs Linux 5.11; before that nothing happens, and only what was
/// opened without `O_CLOEXEC` elsewhere is handed on.
pub(crate) fn hand_on_no_descriptors() {
    #[expect(
        unsafe_code,
        reason = "no safe binding can speak of descriptors it does not own"
    )]
    // SAFETY: with CLOEXEC nothing is closed in this process; no memory is involved.
    let _result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3 as libc::c_uint,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}
