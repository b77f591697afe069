//! Running a short program for its output, such as `git rev-parse HEAD`: bounded in time and size.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{PidfdFlags, Signal};

use super::SpawnError;
use crate::process_table::pid_of;
use crate::system::hand_on_no_descriptors;

/// What a program said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Runs a program to its end, with `env` added to this process's environment and nothing on its
/// standard input.
///
/// It may take `time_max` and write `bytes_max` to each of its two outputs; beyond either it is
/// killed, with its process group. What a process that it leaves behind writes later is not waited for.
pub fn output_of(
    argv: &[&str],
    cwd: &Path,
    env: &[(&str, &str)],
    time_max: Duration,
    bytes_max: usize,
) -> Result<Output, SpawnError> {
    let Some((&program, arguments)) = argv.split_first() else {
        return Err(SpawnError::EmptyCommand);
    };
    hand_on_no_descriptors();
    let mut child = Command::new(program)
        .args(arguments)
        .envs(env.iter().copied())
        .current_dir(cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|source| SpawnError::Start {
            program: program.to_owned(),
            cwd: cwd.to_path_buf(),
            source,
        })?;
    let read = read_all(&mut child, time_max, bytes_max);
    if !matches!(read, Ok(End::Exited(..)))
        && let Some(pid) = pid_of(child.id())
    {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
    let unreadable = |source| SpawnError::Read {
        program: program.to_owned(),
        source,
    };
    let status = child.wait().map_err(unreadable)?;
    match read.map_err(unreadable)? {
        End::Exited(stdout, stderr) => Ok(Output {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr,
        }),
        End::TimedOut => Err(SpawnError::TimedOut {
            program: program.to_owned(),
            milliseconds: u64::try_from(time_max.as_millis()).unwrap_or(u64::MAX),
        }),
        End::TooMuch => Err(SpawnError::TooMuchOutput {
            program: program.to_owned(),
            bytes: bytes_max,
        }),
    }
}

enum End {
    Exited(Vec<u8>, Vec<u8>),
    TimedOut,
    TooMuch,
}

/// Reads both outputs until the program has ended and nothing is left to read.
fn read_all(child: &mut Child, time_max: Duration, bytes_max: usize) -> io::Result<End> {
    let pid = pid_of(child.id()).ok_or_else(|| io::Error::other("no process id"))?;
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let mut stdout = Pipe::new(child.stdout.take(), bytes_max);
    let mut stderr = Pipe::new(child.stderr.take(), bytes_max);
    let give_up = Instant::now() + time_max;
    let mut ended = false;
    loop {
        // After the end of the program, what is in the pipes is taken without waiting for more.
        let wait = if ended {
            Duration::ZERO
        } else {
            give_up.saturating_duration_since(Instant::now())
        };
        let wait_for = Timespec::try_from(wait).unwrap_or(Timespec {
            tv_sec: 3600,
            tv_nsec: 0,
        });
        let mut fds = vec![PollFd::new(&process, PollFlags::IN)];
        fds.extend(
            stdout
                .source
                .as_ref()
                .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        );
        fds.extend(
            stderr
                .source
                .as_ref()
                .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        );
        match rustix::event::poll(&mut fds, Some(&wait_for)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let process_ready = ready.next().unwrap_or(false);
        let stdout_ready = stdout.source.is_some() && ready.next().unwrap_or(false);
        let stderr_ready = stderr.source.is_some() && ready.next().unwrap_or(false);
        if stdout_ready {
            stdout.read()?;
        }
        if stderr_ready {
            stderr.read()?;
        }
        if stdout.is_over || stderr.is_over {
            return Ok(End::TooMuch);
        }
        if ended && !stdout_ready && !stderr_ready {
            return Ok(End::Exited(stdout.bytes, stderr.bytes));
        }
        ended |= process_ready;
        if !ended && Instant::now() >= give_up {
            return Ok(End::TimedOut);
        }
    }
}

/// One output, until its end or its bound.
struct Pipe<Source> {
    source: Option<Source>,
    bytes: Vec<u8>,
    bytes_max: usize,
    is_over: bool,
}

impl<Source: Read + AsFd> Pipe<Source> {
    fn new(source: Option<Source>, bytes_max: usize) -> Self {
        Self {
            source,
            bytes: Vec::new(),
            bytes_max,
            is_over: false,
        }
    }

    /// Takes what is there. Called only when there is something, so that it does not block.
    fn read(&mut self) -> io::Result<()> {
        let mut piece = [0; 8192];
        let Some(source) = &mut self.source else {
            return Ok(());
        };
        match source.read(&mut piece) {
            Ok(0) => self.source = None,
            Ok(length) => {
                self.is_over = self.bytes.len() + length > self.bytes_max;
                self.bytes.extend_from_slice(&piece[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
