//! Reasons and failures: why a step ran, was reused, skipped, refused or failed.
//!
//! They are data of a decision, frozen in its event and shown as they are.

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use crate::event::{Exit, Timer};
use crate::failure_code::FailureCode;

/// Why something was decided about a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// For programs.
    pub code: ReasonCode,
    /// A short sentence for people.
    pub text: String,
    /// The name of what it is about: a parameter, a file, a step; or empty.
    #[serde(default)]
    pub detail: String,
}

/// Codes of reasons; their words are fixed by the command line's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// No earlier execution of this step.
    New,
    /// A parameter or the command differs.
    ParameterChanged,
    /// An input's digest differs.
    InputChanged,
    /// The component's version or code differs.
    ComponentChanged,
    /// A file that the step depends on differs.
    FileChanged,
    /// A declared environment variable differs.
    EnvChanged,
    /// Something upstream is going to run, so this step's inputs are not known yet.
    UpstreamRuns,
    /// An upstream step gave something else than before.
    UpstreamChanged,
    /// The step is never reused.
    CacheOff,
    /// What an earlier execution gave is gone.
    OutputMissing,
    /// The user asked for it.
    Forced,
    /// Nothing that it depends on differs.
    Unchanged,
    /// An earlier attempt asked for another.
    Retried,
    /// It waits for a free slot.
    Slots,
    /// It waits for a place in a pool.
    Pool,
    /// It waits for disk space.
    Disk,
    /// It waits for a secret.
    Secret,
    /// The program ended with this status.
    ExitStatus,
    /// It ran longer than allowed.
    TimedOut,
    /// Its process went with its keeper or machine.
    Lost,
    /// Its `if` is false.
    ConditionFalse,
    /// A step that it needs failed.
    UpstreamFailed,
    /// A step that it needs was skipped.
    UpstreamSkipped,
    /// A step that it needs was refused.
    UpstreamRefused,
    /// The step looked at its input and refused it, or a person did.
    Rejected,
    /// The run was not made of it.
    NotSelected,
    /// Nobody decided in time.
    Expired,
}

impl ReasonCode {
    /// The word of this code in documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::ParameterChanged => "parameter_changed",
            Self::InputChanged => "input_changed",
            Self::ComponentChanged => "component_changed",
            Self::FileChanged => "file_changed",
            Self::EnvChanged => "env_changed",
            Self::UpstreamRuns => "upstream_runs",
            Self::UpstreamChanged => "upstream_changed",
            Self::CacheOff => "cache_off",
            Self::OutputMissing => "output_missing",
            Self::Forced => "forced",
            Self::Unchanged => "unchanged",
            Self::Retried => "retried",
            Self::Slots => "slots",
            Self::Pool => "pool",
            Self::Disk => "disk",
            Self::Secret => "secret",
            Self::ExitStatus => "exit_status",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::ConditionFalse => "condition_false",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamSkipped => "upstream_skipped",
            Self::UpstreamRefused => "upstream_refused",
            Self::Rejected => "rejected",
            Self::NotSelected => "not_selected",
            Self::Expired => "expired",
        }
    }
}

impl Reason {
    /// A reason about `detail`.
    pub fn new(code: ReasonCode, text: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            detail: detail.into(),
        }
    }
}

/// Why a step is stuck, with the processes of its attempt that are known to be alive.
pub fn stuck(pids: &[u32]) -> Reason {
    let text = if pids.is_empty() {
        "nothing proves that its last attempt is dead".to_owned()
    } else {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        format!("it survives SIGKILL (process {})", pids.join(", "))
    };
    let text =
        format!("{text}; it keeps its slot until it ends, or `cancel --abandon` gives it up");
    Reason::new(ReasonCode::Lost, text, "stuck")
}

/// Why a step ended whose attempt was given up.
pub fn abandoned() -> Reason {
    let text = "its attempt could not be ended and was given up; its processes may still be alive";
    Reason::new(ReasonCode::Lost, text, "abandoned")
}

/// Of an attempt that went with its keeper or machine, and how it is known that nothing of it lives.
pub fn lost(proof: &str) -> Reason {
    let text = format!("nothing of it is left: {proof}");
    Reason::new(ReasonCode::Lost, text, "")
}

/// Why an attempt, or the preparation of one, failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The name of a [`FailureCode`]; of a later version's record it may be one unknown here.
    pub code: String,
    /// What failed, where and why.
    pub message: String,
    /// What to do about it, or empty.
    #[serde(default)]
    pub hint: String,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self {
            code: code.name().to_owned(),
            message: message.into(),
            hint: String::new(),
        }
    }

    /// As the reason of its step's state. `exit` is the process's end, if there was a process.
    pub fn reason(&self, exit: Option<Exit>) -> Reason {
        let code = match exit {
            Some(exit) if exit.timed_out => ReasonCode::TimedOut,
            Some(exit) if exit.code == Some(0) => ReasonCode::OutputMissing,
            Some(_) => ReasonCode::ExitStatus,
            None if self.code == FailureCode::Lost.name() => ReasonCode::Lost,
            None => ReasonCode::OutputMissing,
        };
        Reason::new(code, self.message.clone(), self.code.clone())
    }

    /// As the reason why a step waits for its next attempt.
    pub fn retrying(&self, attempt: u32, next: Timer) -> Reason {
        let due = next.due.to_rfc3339_opts(SecondsFormat::Secs, true);
        let text = format!(
            "attempt {attempt} failed: {}; the next one follows at {due}",
            self.message
        );
        Reason::new(ReasonCode::Retried, text, self.code.clone())
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}
