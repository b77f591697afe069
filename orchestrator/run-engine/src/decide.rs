//! Decisions: what follows from news about a run, as events.
//!
//! Pure, and total: news that come too late follow nothing. It does not know who brings them
//! nor how events are kept. Whether a ready step is started or reused is the loop's, because it
//! takes lookups; `reuse` and `launch` hold what that is decided by.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pipeline_plan::NodeId;

use crate::artifact::Outputs;
use crate::event::{Decision, Event, Exit, StepEnded};
use crate::failure_code::FailureCode;
use crate::finally::awaited;
use crate::reason::{Failure, Reason, ReasonCode};
use crate::retry::next_attempt;
use crate::state::{RunPhase, RunState, StepPhase};

/// How often a step's attempt may be lost before the step fails. It is no retry of the user's:
/// nothing was wrong with the step; but a step that takes its machine down must not do so forever.
pub const LOST_ATTEMPTS_MAX: usize = 5;

/// News about one run.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// An attempt was found alive by a new daemon.
    Adopted {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
    },
    /// An attempt is over.
    Ended {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// How.
        report: AttemptReport,
    },
    /// An attempt went with its keeper or machine, and nothing of it lives.
    Lost {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// How that is known.
        proof: String,
    },
    /// An attempt could not be ended, or not be proven dead.
    Stuck {
        /// The step.
        node: NodeId,
        /// Its attempt.
        attempt: u32,
        /// Its processes that are known to be alive.
        pids: Vec<u32>,
    },
    /// A step cannot even be started.
    CannotStart {
        /// The step.
        node: NodeId,
        /// Why.
        failure: Failure,
    },
    /// A person decides, or the time for that is over.
    Decided {
        /// The step.
        node: NodeId,
        /// The answer.
        decision: Arc<Decision>,
        /// What the step gives if it was approved.
        outputs: Arc<Outputs>,
    },
    /// The user ends the run.
    Cancel,
    /// The user ends the run and does not wait for attempts that are stuck.
    Abandon,
}

/// How an attempt ended and what it left.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptReport {
    /// The process's end; none if there never was a process.
    pub exit: Option<Exit>,
    /// What it left.
    pub outcome: AttemptOutcome,
}

/// What an attempt left.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptOutcome {
    /// Complete outputs.
    Succeeded(Arc<Outputs>),
    /// Complete outputs that say no.
    Refused {
        /// What it gave.
        outputs: Arc<Outputs>,
        /// Why, with value and bound.
        reason: String,
    },
    /// Nothing that counts.
    Failed(Failure),
}

impl Input {
    /// Whether the run has the step that it names, if it names one.
    fn is_about(&self, state: &RunState) -> bool {
        match self {
            Self::Adopted { node, .. }
            | Self::Ended { node, .. }
            | Self::Lost { node, .. }
            | Self::Stuck { node, .. }
            | Self::Decided { node, .. }
            | Self::CannotStart { node, .. } => (node.0 as usize) < state.steps.len(),
            Self::Cancel | Self::Abandon => true,
        }
    }
}

/// What follows from one piece of news.
pub fn decide(state: &RunState, input: &Input, now: DateTime<Utc>) -> Vec<Event> {
    if state.is_ended() || !input.is_about(state) {
        return Vec::new();
    }
    match input {
        Input::Cancel if state.can_cancel() => vec![Event::RunCancelling {
            abandon: false,
            at: now,
        }],
        Input::Abandon => abandon(state, now),
        Input::CannotStart { node, failure } => {
            if state.step(*node).phase != StepPhase::Ready || !state.has_turn(*node) {
                return Vec::new();
            }
            vec![Event::StepFailed {
                node: *node,
                attempt: None,
                failure: failure.clone(),
                exit: None,
                at: now,
            }]
        }
        Input::Decided {
            node,
            decision,
            outputs,
        } if is_asked(state, *node) => {
            let execution = state.step(*node).execution;
            let decided = execution.map(|execution| Event::ApprovalDecided {
                node: *node,
                execution,
                decision: Arc::clone(decision),
                outputs: Arc::clone(outputs),
            });
            decided.into_iter().collect()
        }
        // Of a stuck attempt it is known that it lives.
        Input::Adopted { node, attempt }
            if lives(state, *node, *attempt) && state.step(*node).phase == StepPhase::Running =>
        {
            vec![Event::StepAdopted {
                node: *node,
                attempt: *attempt,
                at: now,
            }]
        }
        Input::Lost {
            node,
            attempt,
            proof,
        } if lives(state, *node, *attempt) => lost(state, *node, *attempt, proof, now),
        Input::Ended {
            node,
            attempt,
            report,
        } if lives(state, *node, *attempt) => vec![ended(state, *node, *attempt, report, now)],
        Input::Stuck {
            node,
            attempt,
            pids,
        } if lives(state, *node, *attempt) => became_stuck(state, *node, *attempt, pids, now),
        // Too late: the run is being cancelled already, that attempt is over, or that was decided.
        Input::Cancel
        | Input::Adopted { .. }
        | Input::Lost { .. }
        | Input::Stuck { .. }
        | Input::Ended { .. }
        | Input::Decided { .. } => Vec::new(),
    }
}

/// What follows from a state by itself: skips, that only a person can go on, and the run's end. Empty
/// once nothing does.
pub fn follow(state: &RunState, now: DateTime<Utc>) -> Vec<Event> {
    if let Some(end) = state.outcome() {
        return vec![Event::RunEnded { end, at: now }];
    }
    match state.phase {
        RunPhase::Cancelling | RunPhase::Ended(_) => Vec::new(),
        _ if state.only_approvals_left() && !state.waits => vec![Event::RunWaiting { at: now }],
        RunPhase::Active | RunPhase::Finishing(_) => state
            .doomed
            .iter()
            .map(|node| Event::StepSkipped {
                node: *node,
                reason: skip_reason(state, *node),
                at: now,
            })
            .collect(),
    }
}

/// The run ends, and what is stuck is left behind.
fn abandon(state: &RunState, at: DateTime<Utc>) -> Vec<Event> {
    if !state.can_cancel() && !state.can_begin_to_abandon() {
        return Vec::new();
    }
    let abandon = true;
    let left = state.stuck().filter_map(|node| {
        let attempt = state.live_attempt(node)?.attempt;
        Some(Event::StepAbandoned { node, attempt, at })
    });
    [Event::RunCancelling { abandon, at }]
        .into_iter()
        .chain(left)
        .collect()
}

fn became_stuck(
    state: &RunState,
    node: NodeId,
    attempt: u32,
    pids: &[u32],
    at: DateTime<Utc>,
) -> Vec<Event> {
    if state.step(node).phase == StepPhase::Stuck {
        return Vec::new();
    }
    let pids = pids.to_vec();
    let mut events = vec![Event::StepStuck {
        node,
        attempt,
        pids,
        at,
    }];
    if state.phase == RunPhase::Cancelling && state.abandons {
        events.push(Event::StepAbandoned { node, attempt, at });
    }
    events
}

fn is_asked(state: &RunState, node: NodeId) -> bool {
    state.step(node).phase == StepPhase::AwaitingApproval && state.has_turn(node)
}

fn lives(state: &RunState, node: NodeId, attempt: u32) -> bool {
    state
        .live_attempt(node)
        .is_some_and(|started| started.attempt == attempt)
}

fn ended(
    state: &RunState,
    node: NodeId,
    attempt: u32,
    report: &AttemptReport,
    at: DateTime<Utc>,
) -> Event {
    let success = |outputs: &Arc<Outputs>, exit: Exit| {
        let started = state.live_attempt(node);
        started.map(|started| {
            Arc::new(StepEnded {
                node,
                attempt,
                execution: started.execution,
                reuse_key: started.reuse_key.clone(),
                outputs: Arc::clone(outputs),
                exit,
                at,
            })
        })
    };
    let failure = match (&report.outcome, report.exit) {
        (AttemptOutcome::Succeeded(outputs), Some(exit)) => match success(outputs, exit) {
            Some(ended) => return Event::StepSucceeded(ended),
            None => Failure::new(FailureCode::Lost, "the attempt is not known"),
        },
        (AttemptOutcome::Refused { outputs, reason }, Some(exit)) => match success(outputs, exit) {
            Some(ended) => {
                let reason = Reason::new(ReasonCode::Rejected, reason.clone(), "");
                return Event::StepRefused { ended, reason };
            }
            None => Failure::new(FailureCode::Lost, "the attempt is not known"),
        },
        (AttemptOutcome::Failed(failure), _) => failure.clone(),
        (_, None) => Failure::new(
            FailureCode::Lost,
            "the attempt left outputs but no exit status",
        ),
    };
    if state.phase == RunPhase::Cancelling {
        return Event::StepCancelled {
            node,
            attempt,
            exit: report.exit,
            at,
        };
    }
    if let Some(next) = next_attempt(state, node, &failure, report.exit, at) {
        return Event::StepRetrying {
            node,
            attempt,
            failure,
            exit: report.exit,
            next,
            at,
        };
    }
    Event::StepFailed {
        node,
        attempt: Some(attempt),
        failure,
        exit: report.exit,
        at,
    }
}

fn lost(
    state: &RunState,
    node: NodeId,
    attempt: u32,
    proof: &str,
    at: DateTime<Utc>,
) -> Vec<Event> {
    if state.phase == RunPhase::Cancelling {
        return vec![Event::StepCancelled {
            node,
            attempt,
            exit: None,
            at,
        }];
    }
    let mut events = vec![Event::StepLost {
        node,
        attempt,
        proof: proof.to_owned(),
        at,
    }];
    if state.lost_count(node) + 1 >= LOST_ATTEMPTS_MAX {
        let message = format!(
            "its process was lost {LOST_ATTEMPTS_MAX} times with the keeper or the machine"
        );
        let hint = "look at keeper.log, and at the kernel's log for an out-of-memory kill";
        events.push(Event::StepFailed {
            node,
            attempt: None,
            failure: Failure::new(FailureCode::Lost, message).hint(hint),
            exit: None,
            at,
        });
    }
    events
}

/// Names the need that ended badly, and its own first cause.
fn skip_reason(state: &RunState, node: NodeId) -> Reason {
    if state.created.leaves_out(node) {
        return Reason::new(ReasonCode::NotSelected, "it was not selected", "");
    }
    let plan = state.plan();
    let mut needs = awaited(plan, node);
    let bad = needs.find(|need| state.step(*need).phase.is_ended() && !state.is_met(node, *need));
    let Some(need) = bad else {
        return Reason::new(
            ReasonCode::UpstreamSkipped,
            "a step that it needs ended badly",
            "",
        );
    };
    upstream_reason(state, need)
}

/// Why a step cannot run that takes something of one that ended so.
pub fn upstream_reason(state: &RunState, need: NodeId) -> Reason {
    let (id, step) = (&state.plan().node(need).id, state.step(need));
    match step.phase {
        StepPhase::Failed => {
            let text = format!("`{id}` failed");
            Reason::new(ReasonCode::UpstreamFailed, text, id)
        }
        StepPhase::Refused => {
            let why = step.reason.as_ref().map_or("", |r| r.text.as_str());
            let text = format!("`{id}` refused: {why}");
            Reason::new(ReasonCode::UpstreamRefused, text, id)
        }
        StepPhase::Skipped => {
            // The text of a skip already names its first cause.
            let why = step.reason.as_ref().map_or("", |r| r.text.as_str());
            let text = if why.starts_with("skipped") {
                why.to_owned()
            } else {
                format!("skipped with `{id}`: {why}")
            };
            Reason::new(ReasonCode::UpstreamSkipped, text, id)
        }
        _ => Reason::new(
            ReasonCode::UpstreamSkipped,
            format!("`{id}` was cancelled"),
            id,
        ),
    }
}
