//! What bounds the attempts of a step: what it says itself, else what `defaults:` says.

use pipeline_spec::spec::Retry as Written;
use pipeline_spec::{At, Code, Collector, Diagnostic};

use super::steps::{Entry, Steps};
use crate::plan::{Policy, Retry};

pub(super) fn compile(
    steps: &Steps<'_>,
    entry: &Entry<'_>,
    at: &At<'_>,
    collector: &mut Collector,
) -> Policy {
    let (own, defaults) = (&entry.step.policy, &steps.spec.defaults.policy);
    let retry = match (&own.retry, &defaults.retry) {
        (None, None) => None,
        (Some(own), None) => Some(own.clone()),
        (None, Some(defaults)) => Some(defaults.clone()),
        (Some(own), Some(defaults)) => Some(Written {
            attempts: own.attempts.or(defaults.attempts),
            initial_ms: own.initial_ms.or(defaults.initial_ms),
            factor: own.factor.or(defaults.factor),
            max_ms: own.max_ms.or(defaults.max_ms),
        }),
    };
    Policy {
        timeout_ms: own.timeout_ms.or(defaults.timeout_ms),
        grace_ms: own.grace_ms.or(defaults.grace_ms),
        retry: retry.map(|written| {
            if let Some(own) = &own.retry {
                check(&written, own, &at.key("retry"), collector);
            }
            filled(&written)
        }),
    }
}

/// `retry:` of `defaults:` must make sense where a step says nothing of its own.
pub(super) fn check_defaults(steps: &Steps<'_>, collector: &mut Collector) {
    if let Some(written) = &steps.spec.defaults.policy.retry {
        let at = At::ROOT.key("defaults");
        check(written, written, &at.key("retry"), collector);
    }
}

/// Tells what is wrong with a policy, of which `own` is written here.
fn check(whole: &Written, own: &Written, at: &At<'_>, collector: &mut Collector) {
    let mut tell = |code: Code, message: &str, hint: &str| {
        let found = Diagnostic::error(code, at.pointer(), message.to_owned());
        collector.push(found.at_key().hint(hint));
    };
    if whole.attempts.is_none() {
        let message = "`retry` does not say how many `attempts` there are";
        let hint = "add `attempts: 3`; it counts all attempts, the first included";
        tell(Code::MissingKey, message, hint);
    }
    let bounds = whole.initial_ms.zip(whole.max_ms);
    let is_own = own.initial_ms.is_some() || own.max_ms.is_some();
    if bounds.is_some_and(|(initial, max)| initial > max) && is_own {
        let message = "`initial` is longer than `max`";
        tell(
            Code::InvalidDeclaration,
            message,
            "no wait is longer than `max`",
        );
    }
}

/// A policy without gaps.
fn filled(written: &Written) -> Retry {
    let usual = Retry::default();
    let most = written.max_ms.unwrap_or(u64::MAX);
    let initial_ms = written.initial_ms.unwrap_or(usual.initial_ms.min(most));
    Retry {
        attempts: written.attempts.unwrap_or(usual.attempts),
        initial_ms,
        factor: written.factor.unwrap_or(usual.factor),
        max_ms: written.max_ms.unwrap_or(usual.max_ms.max(initial_ms)),
    }
}
