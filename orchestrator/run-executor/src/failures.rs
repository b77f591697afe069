//! Failures in the words of the person who reads them.
//!
//! It knows what can go wrong, not where it is looked for.

use std::io;
use std::path::Path;

use attempt_keeper::ExitStatus;
use component_api::contract::ExecutorOutput;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;

use crate::limits::SENTENCE_CHARACTERS_MAX;
use crate::memo::DigestError;

/// A failure of the operating system while `action` was done with `path`: "reading data/a.csv: ...".
///
/// A full disk and a forbidden or absent file have codes of their own; `code` is for the rest.
pub(crate) fn io(code: FailureCode, action: &str, path: &Path, error: &io::Error) -> Failure {
    let message = format!("{action} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let hint = "free some space, then run it again";
            Failure::new(FailureCode::DiskFull, message).hint(hint)
        }
        io::ErrorKind::NotFound => Failure::new(FailureCode::FileNotFound, message),
        io::ErrorKind::PermissionDenied => Failure::new(FailureCode::PermissionDenied, message)
            .hint("give yourself access to it, for example with `chmod`"),
        _ => Failure::new(code, message),
    }
}

/// A file could not be digested. Nobody is told of a digest that the end of the executor cut off.
pub(crate) fn digest(code: FailureCode, path: &Path, error: &DigestError) -> Failure {
    match error {
        DigestError::Io(error) => io(code, "reading", path, error),
        DigestError::Changing | DigestError::Interrupted => {
            let message = format!("reading {}: {error}", path.display());
            Failure::new(FailureCode::InputChanged, message)
                .hint("wait until whoever writes it is done, then run it again")
        }
    }
}

/// The end of a process that counts as no success and no refusal.
pub(crate) fn end(status: &ExitStatus, answer: Option<&ExecutorOutput>) -> Failure {
    if status.timed_out {
        let message = "it ran longer than its `timeout` allows and was ended";
        return Failure::new(FailureCode::TimedOut, message)
            .hint("raise `timeout`, or make it faster");
    }
    if status.out_of_memory {
        return out_of_memory(status.memory_max_bytes);
    }
    match (status.code, status.signal) {
        _ if status.killed => Failure::new(FailureCode::Killed, "it was ended on request"),
        (Some(code), _) => exit_status(code, answer),
        (None, Some(signal)) => signalled(signal),
        (None, None) => Failure::new(FailureCode::Killed, "it was ended before it began"),
    }
}

/// The kernel does not say whom it ended: the keeper saw its count of such ends rise.
fn out_of_memory(memory_max_bytes: u64) -> Failure {
    let most = memory_max_bytes >> 20;
    let message = format!(
        "it was ended by SIGKILL while the kernel ended processes because memory had run out; it held up to {most} MiB"
    );
    Failure::new(FailureCode::OutOfMemory, message).hint(
        "let it hold less at once, or run fewer steps beside it (`--slots`); `dmesg` says more",
    )
}

/// In the component's own words, if it has some.
fn exit_status(code: i32, answer: Option<&ExecutorOutput>) -> Failure {
    if let Some(answer) = answer.filter(|answer| !answer.reason.is_empty()) {
        return Failure::new(FailureCode::ExitStatus, sentence(&answer.reason))
            .hint(sentence(&answer.hint));
    }
    let message = format!("its command ended with exit status {code}");
    Failure::new(FailureCode::ExitStatus, message).hint(hint_of(code))
}

/// What a component says of itself, cut where it goes on and on.
pub(crate) fn sentence(text: &str) -> String {
    match text.char_indices().nth(SENTENCE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// What an exit status means by convention of shells.
fn hint_of(code: i32) -> String {
    match code {
        126 => {
            "a shell's way to say that a program cannot be executed; its log may say which".into()
        }
        127 => "a shell's way to say that a program was not found; its log may say which".into(),
        129..=160 => match signal_name(code - 128) {
            Some(name) => format!("a shell's way to say that a program in it was ended by {name}"),
            None => String::new(),
        },
        _ => String::new(),
    }
}

fn signalled(signal: i32) -> Failure {
    let message = match signal_name(signal) {
        Some(name) => format!("it was ended by signal {signal} ({name})"),
        None => format!("it was ended by signal {signal}"),
    };
    let failure = Failure::new(FailureCode::Signalled, message);
    match signal {
        // Nobody here sent it: that is the kernel when memory runs out, or another program.
        9 => failure.hint(
            "not ropewalk's doing; often the kernel's when memory runs out: see `dmesg`, and give it less to hold at once",
        ),
        4 | 6 | 7 | 8 | 11 => failure.hint("it crashed; the end of its log may say where"),
        _ => failure,
    }
}

/// The names of the signals that end processes, as on all of Linux's common architectures.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

/// What stands where a step was to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// The folder that it works in is not there.
    NoFolder,
    /// Its program is a file that nobody may execute.
    NoRunBit,
    /// Neither is so.
    Fine,
}

/// An attempt that the keeper could not start, in the keeper's own sentence.
pub(crate) fn refused(errno: i32, message: &str, ground: Ground) -> Failure {
    let error = io::Error::from_raw_os_error(errno);
    let code = match error.kind() {
        io::ErrorKind::NotFound if ground != Ground::NoFolder => FailureCode::CommandNotFound,
        io::ErrorKind::PermissionDenied if ground == Ground::NoRunBit => FailureCode::NotExecutable,
        io::ErrorKind::PermissionDenied => FailureCode::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureCode::DiskFull,
        _ if errno == rustix::io::Errno::NOEXEC.raw_os_error() => FailureCode::ExecFormat,
        _ => FailureCode::LaunchRefused,
    };
    // The keeper's sentence ends with what to do, after a semicolon.
    match message.split_once("; ") {
        Some((message, hint)) => Failure::new(code, message).hint(hint),
        None => Failure::new(code, message),
    }
}
