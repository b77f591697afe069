//! Starting one attempt: its program, its environment, its log.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::Access;
use rustix::pipe::PipeFlags;

use crate::keeper::pump::Pump;
use crate::limited;
use crate::limits::ATTEMPT_OOM_SCORE;
use crate::mask::Masker;
use crate::process_table::{COOKIE_VARIABLE, FileId};
use crate::protocol::{Launch, Limits};

/// Where a program without a slash is looked for when the attempt's environment has no PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Why an attempt was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    pub(crate) message: String,
}

impl Refusal {
    fn new(errno: i32, message: String) -> Self {
        Self { errno, message }
    }

    fn from_io(error: &io::Error, message: &str) -> Self {
        let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
        Self::new(errno, format!("{message}: {error}"))
    }
}

/// An attempt that was started.
#[derive(Debug)]
pub(crate) struct Spawned {
    /// Its main process, which leads its process group.
    pub(crate) pid: u32,
    /// The file or pipe that it writes its output to.
    pub(crate) output: FileId,
    /// What stands between it and its log, if secrets are taken out of that.
    pub(crate) pump: Option<Pump>,
}

/// Starts the attempt in a process group of its own.
///
/// `null` is an open `/dev/null`; `bounded` makes a group for limits, where that can be done. The process is not waited for: the keeper's reaping loop owns
/// every status.
pub(crate) fn spawn_attempt(
    launch: &Launch,
    cookie: &str,
    null: &File,
    bounded: impl FnOnce(&Limits) -> Option<PathBuf>,
) -> Result<Spawned, Refusal> {
    let Some((name, arguments)) = launch.argv.split_first() else {
        return Err(Refusal::new(
            libc::EINVAL,
            "the command is empty; name a program".to_owned(),
        ));
    };
    check_environment(&launch.env)?;
    let program = find_program(name, launch)?;
    let log_failed = |error: io::Error| {
        Refusal::from_io(
            &error,
            &format!("the log {} cannot be opened", launch.log.display()),
        )
    };
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&launch.log);
    let log = log.map_err(log_failed)?;
    let (output_file, pump) = match &launch.masks[..] {
        [] => (log, None),
        masks => {
            let (file, pump) = masked(log, masks).map_err(log_failed)?;
            (file, Some(pump))
        }
    };
    let output = FileId::of(&output_file.metadata().map_err(log_failed)?);
    let output_again = output_file.try_clone().map_err(log_failed)?;
    let null = null
        .try_clone()
        .map_err(|error| Refusal::from_io(&error, "/dev/null is closed"))?;
    let mut command = match &launch.limits {
        None => {
            let mut command = Command::new(&program);
            command.arg0(name);
            command
        }
        Some(limits) => {
            let words = limited::wrapper(limits, bounded(limits).as_deref());
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]).arg(&program).arg(name);
            command
        }
    };
    let child = command
        .args(arguments)
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .env(COOKIE_VARIABLE, cookie)
        .current_dir(&launch.cwd)
        .stdin(Stdio::from(null))
        .stdout(Stdio::from(output_file))
        .stderr(Stdio::from(output_again))
        .process_group(0)
        .spawn()
        .map_err(|error| explain(&error, name, &program, &launch.cwd))?;
    let pid = child.id();
    // It fails only if the process is gone already.
    let _ = fs::write(format!("/proc/{pid}/oom_score_adj"), ATTEMPT_OOM_SCORE);
    Ok(Spawned { pid, output, pump })
}

/// A pipe to write to, from which all but these secrets gets into the log.
fn masked(log: File, masks: &[String]) -> io::Result<(File, Pump)> {
    let (reading, writing) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let pump = Pump::start(reading, log, Masker::new(masks))?;
    Ok((File::from(writing), pump))
}

/// An environment name that is empty or holds `=` would silently become another variable.
fn check_environment(env: &[(String, String)]) -> Result<(), Refusal> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let message = format!(
                "the environment variable {name:?} cannot be set: a name must not be empty or hold `=`, neither part a NUL"
            );
            return Err(Refusal::new(libc::EINVAL, message));
        }
    }
    Ok(())
}

/// The file that is executed. Looked up here and not by the child: std falls back from `posix_spawn`
/// to a fork when it has to search a PATH other than its own.
fn find_program(name: &str, launch: &Launch) -> Result<PathBuf, Refusal> {
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let path = launch
        .env
        .iter()
        .rev()
        .find(|(variable, _)| variable == "PATH");
    let path = path.map_or(DEFAULT_PATH, |(_, value)| value);
    let mut denied = None;
    for folder in path.split(':').filter(|_| !name.is_empty()) {
        let candidate = launch.cwd.join(folder).join(name);
        if rustix::fs::access(&candidate, Access::EXEC_OK).is_ok() {
            if candidate.is_file() {
                return Ok(candidate);
            }
        } else if candidate.is_file() {
            denied = Some(candidate);
        }
    }
    Err(match denied {
        Some(file) => Refusal::new(
            libc::EACCES,
            format!(
                "`{name}` cannot be started: {} is not executable; `chmod +x` it",
                file.display()
            ),
        ),
        None => Refusal::new(
            libc::ENOENT,
            format!(
                "`{name}` cannot be started: there is no such program on the PATH of the step ({path}); install it, or name it by its path"
            ),
        ),
    })
}

/// A sentence for an error of the spawn, which does not tell which of its parts failed.
fn explain(error: &io::Error, name: &str, program: &Path, cwd: &Path) -> Refusal {
    let failed = format!("`{name}` cannot be started");
    let file = cwd.join(program);
    let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
    let message = if !cwd.is_dir() {
        format!(
            "{failed}: its working directory {} does not exist",
            cwd.display()
        )
    } else if errno == libc::ENOENT && !file.exists() {
        format!("{failed}: there is no {}", file.display())
    } else if errno == libc::ENOENT {
        format!(
            "{failed}: the interpreter that the first line of {} names does not exist",
            file.display()
        )
    } else if errno == libc::EACCES && file.is_dir() {
        format!(
            "{failed}: {} is a directory; name a program in it",
            file.display()
        )
    } else if errno == libc::EACCES {
        format!(
            "{failed}: {} is not executable by you; `chmod +x` it",
            file.display()
        )
    } else if errno == libc::ENOEXEC {
        format!(
            "{failed}: {} is no program; a script needs a first line such as #!/bin/sh",
            file.display()
        )
    } else if errno == libc::E2BIG {
        format!("{failed}: its arguments and environment are too long for the system")
    } else {
        return Refusal::from_io(error, &failed);
    };
    Refusal::new(errno, message)
}
