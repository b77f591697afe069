//! The words of the documents: states, actions, codes, kinds of event.
//!
//! Each table is the whole truth about its words: what they mean, how they are written and read.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares an enum whose values are words on the wire.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal $meaning:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $meaning] $variant,)*
        }

        impl $name {
            /// Every value, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// How it is written.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The value that is written so.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.word())
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let words: Vec<&str> = Self::ALL.iter().map(|v| v.word()).collect();
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(words))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_word(&word).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|v| v.word()).collect();
                    serde::de::Error::custom(
                        format!("`{word}` is none of {}", known.join(", ")))
                })
            }
        }
    };
}

words! {
    /// Where a run stands.
    RunState {
        Queued "queued" "It has not begun.",
        Running "running" "Its steps run.",
        Waiting "waiting" "Only a person can let it go on.",
        Interrupted "interrupted" "It is unfinished and no daemon holds it.",
        Cancelling "cancelling" "It was asked to end; attempts are being ended.",
        Succeeded "succeeded" "Every step succeeded or was reused.",
        Failed "failed" "A step failed.",
        Refused "refused" "A step refused and none failed.",
        Cancelled "cancelled" "The user ended it.",
    }
}

words! {
    /// Where a step stands.
    StepState {
        Waiting "waiting" "Something that it needs has not ended.",
        Ready "ready" "It could start.",
        Running "running" "An attempt lives.",
        Stuck "stuck" "Its attempt could not be ended and keeps its slot.",
        Backoff "backoff" "An attempt failed, and another follows after a while.",
        AwaitingApproval "awaiting_approval" "It waits for a person.",
        Succeeded "succeeded" "It did what it promised.",
        Reused "reused" "An earlier execution stands in.",
        Failed "failed" "It failed for good.",
        Refused "refused" "It refused.",
        Skipped "skipped" "It never could run, or its `if` was false.",
        Cancelled "cancelled" "Its run was cancelled.",
    }
}

words! {
    /// Where an attempt stands.
    AttemptState {
        Running "running" "Its process lives, or is about to.",
        Succeeded "succeeded" "It did what it promised.",
        Failed "failed" "It failed.",
        Refused "refused" "It refused.",
        TimedOut "timed_out" "Its time ran out.",
        Cancelled "cancelled" "Its run was cancelled.",
        Lost "lost" "It went with its keeper or machine.",
        Stuck "stuck" "It could not be ended; a run that is over gave it up.",
    }
}

words! {
    /// What would become of a step.
    Action {
        Run "run" "It would run.",
        Reuse "reuse" "An earlier execution would stand in.",
        Skip "skip" "It would not run.",
        Unknown "unknown" "It depends on what an earlier step gives.",
    }
}

words! {
    /// How bad a diagnostic is.
    Severity {
        Error "error" "The pipeline cannot run.",
        Warning "warning" "It can, but is probably not what was meant.",
    }
}

words! {
    /// Whether an artifact's bytes are there.
    ArtifactState {
        Live "live" "They are.",
        Deleted "deleted" "They were removed; the record stays.",
        Missing "missing" "They are not where they should be.",
        Abandoned "abandoned" "Its attempt did not succeed.",
    }
}

words! {
    /// Why something was decided about a step.
    ReasonCode {
        New "new" "No earlier execution of this step.",
        ParameterChanged "parameter_changed" "A parameter or the command differs.",
        InputChanged "input_changed" "An input's digest differs.",
        ComponentChanged "component_changed" "The component's version or code differs.",
        FileChanged "file_changed" "A file that the step depends on differs.",
        EnvChanged "env_changed" "A declared environment variable differs.",
        UpstreamRuns "upstream_runs" "Something upstream is going to run.",
        UpstreamChanged "upstream_changed" "An upstream step gave something else than before.",
        CacheOff "cache_off" "The step is never reused.",
        OutputMissing "output_missing" "What an earlier execution gave is gone.",
        Forced "forced" "The user asked for it.",
        Unchanged "unchanged" "Nothing that it depends on differs.",
        Retried "retried" "An earlier attempt asked for another.",
        Slots "slots" "It waits for a free slot.",
        Pool "pool" "It waits for a place in a pool.",
        Disk "disk" "It waits for disk space.",
        Secret "secret" "It waits for a secret.",
        ExitStatus "exit_status" "The program ended with this status.",
        TimedOut "timed_out" "It ran longer than allowed.",
        Lost "lost" "Its process went with its keeper or machine.",
        ConditionFalse "condition_false" "Its `if` is false.",
        UpstreamFailed "upstream_failed" "A step that it needs failed.",
        UpstreamSkipped "upstream_skipped" "A step that it needs was skipped.",
        UpstreamRefused "upstream_refused" "A step that it needs was refused.",
        Rejected "rejected" "The step looked at its input and refused it, or a person did.",
        Expired "expired" "Nobody decided in time.",
        NotSelected "not_selected" "The run was not made of it.",
    }
}

words! {
    /// What happened.
    EventType {
        RunCreated "run_created" "The run exists.",
        RunResumed "run_resumed" "A daemon took the run up again.",
        RunWaiting "run_waiting" "Only a person can let the run go on.",
        RunCancelling "run_cancelling" "The run was asked to end.",
        RunSucceeded "run_succeeded" "The run is over: every step succeeded or was reused.",
        RunFailed "run_failed" "The run is over: a step failed.",
        RunRefused "run_refused" "The run is over: a step refused and none failed.",
        RunCancelled "run_cancelled" "The run is over: the user ended it.",
        StepExpanded "step_expanded" "It is known for which items a step is done.",
        StepStarted "step_started" "An attempt was launched.",
        StepAdopted "step_adopted" "An attempt was found alive by a new daemon.",
        StepSucceeded "step_succeeded" "A step did what it promised.",
        StepReused "step_reused" "An earlier execution stands in for a step.",
        StepFailed "step_failed" "A step failed for good.",
        StepRefused "step_refused" "A step refused.",
        StepRetrying "step_retrying" "An attempt failed, and another follows after a while.",
        StepLost "step_lost" "An attempt went with its keeper or machine.",
        StepStuck "step_stuck" "An attempt could not be ended, or not be proven dead.",
        StepSkipped "step_skipped" "A step will not run because of another.",
        StepCancelled "step_cancelled" "An attempt ended, or was given up, because its run was cancelled.",
        ApprovalRequested "approval_requested" "A step asks a person.",
        Approved "approved" "A person let a step go on.",
        Rejected "rejected" "A person did not let a step go on, or nobody decided in time.",
    }
}

impl RunState {
    /// Whether nothing happens to the run any more.
    pub fn is_ended(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Refused | Self::Cancelled
        )
    }
}

impl StepState {
    /// Whether nothing happens to the step any more.
    pub fn is_ended(self) -> bool {
        !matches!(
            self,
            Self::Waiting
                | Self::Ready
                | Self::Running
                | Self::Stuck
                | Self::Backoff
                | Self::AwaitingApproval
        )
    }
}

impl EventType {
    /// Whether it is the last event of its run.
    pub fn ends_run(self) -> bool {
        matches!(
            self,
            Self::RunSucceeded | Self::RunFailed | Self::RunRefused | Self::RunCancelled
        )
    }
}
