//! Whether an attempt that failed is followed by another, and when.
//!
//! Pure: the jitter is drawn from the identity of the attempt, so that deciding twice decides the
//! same, while the steps of many runs that failed together do not come back together.

use chrono::{DateTime, Utc};
use pipeline_plan::{NodeId, Retry};

use crate::event::{Exit, Timer};
use crate::failure_code::FailureCode;
use crate::ids::RunId;
use crate::reason::Failure;
use crate::state::{AttemptEndKind, RunState};

/// The exit status by which a program asks for another attempt (`EX_TEMPFAIL`).
pub const EXIT_RETRY: i32 = 75;

/// How many attempts one step may ask for by its exit status. They are beyond its policy; what asks
/// for more is not in a passing trouble.
pub const ASKED_ATTEMPTS_MAX: usize = 10;

/// Failures that the same attempt would only repeat: what cannot be executed, and inputs that are not
/// any more what the step was started with.
const FINAL: [FailureCode; 6] = [
    FailureCode::ArtifactVanished,
    FailureCode::CommandNotFound,
    FailureCode::ExecFormat,
    FailureCode::InputChanged,
    FailureCode::NotExecutable,
    FailureCode::PermissionDenied,
];

/// When the next attempt of a step is due whose live attempt failed so; none if the step failed.
pub fn next_attempt(
    state: &RunState,
    node: NodeId,
    failure: &Failure,
    exit: Option<Exit>,
    now: DateTime<Utc>,
) -> Option<Timer> {
    if FINAL.iter().any(|code| code.name() == failure.code) {
        return None;
    }
    let policy = state.planned(node).policy.retry.clone();
    let policy = policy.unwrap_or_default();
    let ends = state.step(node).attempts.iter().filter_map(|attempt| {
        let end = attempt.end.as_ref()?;
        (end.kind == AttemptEndKind::Failed).then_some(end.exit)
    });
    let ends: Vec<Option<Exit>> = ends.chain([exit]).collect();
    let asked = ends.iter().filter(|exit| asks(**exit)).count();
    let granted = asked.min(ASKED_ATTEMPTS_MAX);
    let is_granted = asks(exit) && asked <= ASKED_ATTEMPTS_MAX;
    if !is_granted && ends.len() - granted >= policy.attempts as usize {
        return None;
    }
    let wait = wait_ms(&policy, ends.len());
    let wait = jittered(wait, state.id(), node, ends.len());
    Some(Timer::after(now, wait))
}

/// Whether an attempt asked for another one. An attempt whose time had run out asks for nothing.
fn asks(exit: Option<Exit>) -> bool {
    exit.is_some_and(|exit| exit.code == Some(EXIT_RETRY) && !exit.timed_out)
}

/// How long a step waits at most after its `failures`th failed attempt.
fn wait_ms(policy: &Retry, failures: usize) -> u64 {
    let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
    let wait = policy.initial_ms as f64 * policy.factor.powi(exponent);
    // A float that is too large becomes the greatest integer.
    (wait as u64).min(policy.max_ms)
}

/// Between half of a wait and all of it.
fn jittered(wait_ms: u64, run: RunId, node: NodeId, failures: usize) -> u64 {
    let name = format!("{run} {} {failures}", node.0);
    let bytes = *blake3::hash(name.as_bytes()).as_bytes();
    let drawn = u16::from_be_bytes([bytes[0], bytes[1]]);
    let half = wait_ms / 2;
    let share = u128::from(wait_ms - half) * u128::from(drawn) / u128::from(u16::MAX);
    half + u64::try_from(share).unwrap_or(half)
}
