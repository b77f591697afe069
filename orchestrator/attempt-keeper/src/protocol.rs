//! What the daemon and the keeper say to each other: one JSON object a line over a unix socket.
//!
//! The protocol is additive. A receiver ignores fields it does not know; a keeper answers
//! `unsupported` to a request it does not know, a client ignores an answer it does not know. Only a
//! change that breaks this raises [`PROTOCOL_VERSION`], and even then both sides still greet, list,
//! ask for what is held, kill, acknowledge and end in today's words: only what is launched anew waits
//! for a keeper of the same number. Every message stands with an example in docs/keeper-protocol.md,
//! which a test reads.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The breaking number of the protocol. Both sides name theirs in the greeting.
pub const PROTOCOL_VERSION: u32 = 1;

/// What a client asks of the keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// The first message of a connection. Answered by [`Answer::Hello`].
    Hello(ClientGreeting),
    /// Starts an attempt, once: repeated, it is answered by what became of it.
    Launch(Box<Launch>),
    /// Ends an attempt: SIGTERM to its process group, SIGKILL after the grace.
    ///
    /// Answered by the [`Answer::Exited`] that follows from it, by [`Answer::Unknown`] for an
    /// attempt that is not held. It may be repeated; the earliest SIGKILL counts.
    Kill {
        /// The attempt to end.
        attempt: String,
        /// Milliseconds between SIGTERM and SIGKILL. 0 sends SIGKILL at once.
        grace_ms: u64,
    },
    /// The end of the attempt (its status or its refusal) is recorded: the keeper forgets it.
    ///
    /// Never answered. Without meaning for an attempt that is unknown or has not ended.
    Acknowledge {
        /// The attempt to forget.
        attempt: String,
    },
    /// Which attempts are held? Answered by [`Answer::Held`].
    ///
    /// A daemon that died between recording an end and acknowledging it leaves a status that nobody
    /// asks for again: its successor finds it so.
    List,
    /// The keeper is to end, which it does at once if it holds nothing (the connection closes).
    /// Otherwise the answer is [`Answer::Occupied`]. For the upgrade to another protocol.
    End,
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGreeting {
    /// The client's [`PROTOCOL_VERSION`].
    pub protocol: u32,
    /// The client's build, for keeper.log.
    #[serde(default)]
    pub version: String,
}

/// One attempt to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The attempt's identifier, opaque and unique for ever: 1 to 256 bytes without control characters.
    pub attempt: String,
    /// The program and its arguments. A program without a slash is looked up on the PATH of `env`.
    pub argv: Vec<String>,
    /// The whole environment of the attempt. The keeper adds its cookie and nothing else.
    pub env: Vec<(String, String)>,
    /// The working directory, absolute.
    pub cwd: PathBuf,
    /// The file that standard output and standard error are appended to; made with mode 0600.
    pub log: PathBuf,
    /// Milliseconds from the start until the attempt is ended as timed out. Counted on the boot clock.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Milliseconds between SIGTERM and SIGKILL after the timeout.
    #[serde(default)]
    pub grace_ms: u64,
    /// Milliseconds after SIGKILL until what still lives of it is told as [`Answer::Stuck`]. Without
    /// it [`STUCK_AFTER`](crate::limits::STUCK_AFTER).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck_after_ms: Option<u64>,
    /// Bytes of room that the log may take; beyond it the middle is taken out. Without it
    /// [`LOG_BYTES_MAX`](crate::limits::LOG_BYTES_MAX).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bytes_max: Option<u64>,
    /// Secrets that are taken out of what is written to `log`. Only a keeper whose greeting says that it
    /// masks may be asked for it: another one would write them down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<String>,
    /// What it may take of the machine. A keeper that does not know the field bounds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// What an attempt may take of the machine, with all of its processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Thousandths of a processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_milli: Option<u64>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
}

impl Launch {
    /// An attempt without limits of its own. With an empty command it only asks what became of an
    /// attempt that the keeper holds.
    pub fn new(attempt: String, argv: Vec<String>, cwd: PathBuf, log: PathBuf) -> Self {
        Self {
            attempt,
            argv,
            env: Vec::new(),
            cwd,
            log,
            timeout_ms: None,
            grace_ms: 0,
            stuck_after_ms: None,
            log_bytes_max: None,
            masks: Vec::new(),
            limits: None,
        }
    }
}

/// What the keeper tells a client.
///
/// What becomes of an attempt is sent to the connection that asked for its launch last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The answer to the greeting.
    Hello(KeeperGreeting),
    /// The attempt was started now.
    Launched {
        /// The attempt.
        attempt: String,
        /// The process id of its main process, which leads its process group.
        pid: u32,
    },
    /// The attempt was started earlier and has not ended: the answer to a repeated launch.
    Running {
        /// The attempt.
        attempt: String,
        /// The process id of its main process.
        pid: u32,
    },
    /// The attempt has ended, and so has all that it left behind. Kept until acknowledged.
    Exited {
        /// The attempt.
        attempt: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The attempt could not be started: a failure of the step. Kept until acknowledged.
    Refused {
        /// The attempt.
        attempt: String,
        /// The operating system's error number (2: no such program, 13: not permitted ...).
        errno: i32,
        /// What failed, where, why and what to do, for the person who reads it.
        message: String,
    },
    /// A process of the attempt survives SIGKILL. It is still held; `exited` follows if it ever ends.
    Stuck {
        /// The attempt.
        attempt: String,
        /// What is known to be alive.
        pids: Vec<u32>,
    },
    /// No room for another attempt: nothing was started, nothing is kept; launch it again later.
    Busy {
        /// The attempt.
        attempt: String,
        /// How many attempts are held.
        attempts: usize,
    },
    /// A kill for an attempt that the keeper does not hold.
    Unknown {
        /// The attempt.
        attempt: String,
    },
    /// The attempts that are held, in whatever phase.
    Held {
        /// Their identifiers, sorted.
        attempts: Vec<String>,
    },
    /// The keeper does not end, because it holds attempts or statuses.
    Occupied {
        /// How many.
        attempts: usize,
    },
    /// The keeper does not know the request, or it is a new launch by a client of another protocol.
    Unsupported {
        /// The name of the request.
        request: String,
    },
    /// The line was no message. The keeper closes the connection after it.
    Malformed {
        /// What is wrong with it.
        message: String,
    },
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeeperGreeting {
    /// The keeper's [`PROTOCOL_VERSION`].
    pub protocol: u32,
    /// The identity of this keeper process, a UUID: another instance holds none of its attempts.
    pub instance: String,
    /// Its process id.
    pub pid: u32,
    /// Its build.
    #[serde(default)]
    pub version: String,
    /// Whether it takes secrets out of logs.
    #[serde(default)]
    pub masks: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitStatus {
    /// The exit code. Absent when a signal ended it, or when it was killed before it began.
    #[serde(default)]
    pub code: Option<i32>,
    /// The signal that ended it.
    #[serde(default)]
    pub signal: Option<i32>,
    /// The timeout struck before it ended.
    #[serde(default)]
    pub timed_out: bool,
    /// A kill was asked for before it ended.
    #[serde(default)]
    pub killed: bool,
    /// It was ended by SIGKILL, for which nobody here asked, and while it ran the kernel ended
    /// processes because memory had run out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_memory: bool,
    /// When it was started, in microseconds since the Unix epoch.
    pub started_at_us: i64,
    /// When its main process ended, in microseconds since the Unix epoch.
    pub ended_at_us: i64,
    /// User and system time of the main process and of the children it waited for, in milliseconds.
    #[serde(default)]
    pub cpu_ms: u64,
    /// The largest resident set of any one of those processes (not their sum), in bytes.
    #[serde(default)]
    pub memory_max_bytes: u64,
}

/// One message and its newline, appended to `line`.
pub(crate) fn encode(message: &impl Serialize, line: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *line, message)?;
    line.push(b'\n');
    Ok(())
}

/// What a line from a client turned out to be.
pub(crate) enum Received {
    /// A request.
    Request(Request),
    /// A well-formed request of a newer protocol.
    Unsupported(String),
    /// No message.
    Malformed(String),
}

/// Reads a line from a client.
pub(crate) fn decode(line: &[u8]) -> Received {
    #[derive(Deserialize)]
    struct Named {
        request: String,
    }
    const KNOWN: [&str; 6] = ["hello", "launch", "kill", "acknowledge", "list", "end"];
    match serde_json::from_slice(line) {
        Ok(request) => Received::Request(request),
        Err(error) => match serde_json::from_slice::<Named>(line) {
            Ok(named) if !KNOWN.contains(&named.request.as_str()) => {
                Received::Unsupported(named.request)
            }
            _ => Received::Malformed(error.to_string()),
        },
    }
}
