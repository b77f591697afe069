//! The engine's words as the documents' words.

use orchestrator_api as api;
use run_engine::event::{RunEnd, Trigger};
use run_engine::reason::{Failure, Reason, ReasonCode};
use run_engine::state::{AttemptEnd, AttemptEndKind, RunPhase, RunView, StepPhase};

use super::some_text;

/// A match between two enums whose values have the same names; the compiler sees that none is missing.
macro_rules! same {
    ($value:expr, $from:ident => $to:path { $($name:ident)* } $($other:ident => $like:ident)*) => {{
        use $to as Same;
        match $value { $($from::$name => Same::$name,)* $($from::$other => Same::$like,)* }
    }};
}

fn reason_code(code: ReasonCode) -> api::ReasonCode {
    same!(code, ReasonCode => api::ReasonCode {
        New ParameterChanged InputChanged ComponentChanged FileChanged EnvChanged UpstreamRuns
        UpstreamChanged CacheOff OutputMissing Forced Unchanged Retried Slots Pool Disk Secret ExitStatus
        TimedOut Lost ConditionFalse UpstreamFailed UpstreamSkipped UpstreamRefused Rejected
        NotSelected
        Expired
    })
}

pub(super) fn step_state(phase: StepPhase) -> api::StepState {
    same!(phase, StepPhase => api::StepState {
        Waiting Ready Running Stuck Backoff AwaitingApproval Succeeded Reused Failed Refused Skipped Cancelled
    } Expanded => Running)
}

pub(super) fn run_end(end: RunEnd) -> api::RunState {
    same!(end, RunEnd => api::RunState { Succeeded Failed Refused Cancelled })
}

/// Where a run stands. `held`: whether a daemon holds it.
pub(super) fn run_state(view: &RunView, held: bool) -> api::RunState {
    match view.phase {
        RunPhase::Ended(end) => run_end(end),
        // A daemon that has nothing else to do ends: such a run is not interrupted.
        _ if view.waits => api::RunState::Waiting,
        _ if !held => api::RunState::Interrupted,
        RunPhase::Cancelling | RunPhase::Finishing(RunEnd::Cancelled) => api::RunState::Cancelling,
        RunPhase::Active if view.started_at.is_none() && view.ended_count == 0 => {
            api::RunState::Queued
        }
        RunPhase::Active | RunPhase::Finishing(_) => api::RunState::Running,
    }
}

/// Where an attempt stands of a step that stands so.
pub(crate) fn attempt_state(end: Option<&AttemptEnd>, step: StepPhase) -> api::AttemptState {
    let Some(end) = end else {
        return match step {
            StepPhase::Stuck => api::AttemptState::Stuck,
            _ => api::AttemptState::Running,
        };
    };
    match end.kind {
        AttemptEndKind::Succeeded => api::AttemptState::Succeeded,
        AttemptEndKind::Refused => api::AttemptState::Refused,
        AttemptEndKind::Cancelled => api::AttemptState::Cancelled,
        AttemptEndKind::Lost => api::AttemptState::Lost,
        AttemptEndKind::Abandoned => api::AttemptState::Stuck,
        AttemptEndKind::Failed if end.exit.is_some_and(|exit| exit.timed_out) => {
            api::AttemptState::TimedOut
        }
        AttemptEndKind::Failed => api::AttemptState::Failed,
    }
}

pub(crate) fn reason(reason: &Reason) -> api::Reason {
    api::Reason {
        code: reason_code(reason.code),
        text: reason.text.clone(),
        detail: some_text(&reason.detail),
    }
}

pub(super) fn attempt_error(failure: &Failure) -> api::AttemptError {
    api::AttemptError {
        code: failure.code.clone(),
        message: failure.message.clone(),
        hint: some_text(&failure.hint),
    }
}

pub(super) fn trigger(trigger: &Trigger) -> api::Trigger {
    api::Trigger {
        kind: trigger.kind.clone(),
        detail: some_text(&trigger.detail),
    }
}

/// The word for where a run stands that the daemon holds.
pub(crate) fn run_state_word(view: &RunView) -> &'static str {
    run_state(view, true).word()
}

/// The word for how a run ended.
pub(crate) fn run_end_word(end: RunEnd) -> &'static str {
    run_end(end).word()
}

/// The word for where a step stands.
pub(crate) fn step_state_word(phase: StepPhase) -> &'static str {
    step_state(phase).word()
}
