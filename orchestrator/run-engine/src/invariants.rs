//! What is true of every state of a run, whatever happened to it and in whatever order.
//!
//! Everything is worked out anew from the plan and the steps, so that each index that `apply` keeps
//! along the way is held against what it stands for. That takes time in proportion to the plan:
//! tests, the simulation and debug builds ask; the hot path never does. It does not know how a
//! state came to be, nor whether the promises of its journal are kept.

use std::collections::BTreeSet;
use std::fmt;

use pipeline_plan::NodeId;

use crate::event::{RunEnd, Verdict};
use crate::finally::awaited;
use crate::state::{Approval, Attempt, AttemptEndKind, RunPhase, RunState, Step, StepPhase};

/// Something that should be true of a run and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The id of the step that it is about; none if it is about the run.
    pub step: Option<String>,
    /// What is not true.
    pub promise: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "of step `{step}` it is not true that {}", self.promise),
            None => write!(f, "of the run it is not true that {}", self.promise),
        }
    }
}

/// Whether something is true, and what it is.
type Promise = (bool, &'static str);

/// Everything that should be true of this run and is not; empty unless this program has a defect.
pub fn violations(state: &RunState) -> Vec<Violation> {
    let mut found = Vec::new();
    for node in state.task_ids() {
        let of_step = match state.tasks.item_index(node) {
            Some(_) => Vec::new(),
            None => needs(state, node).to_vec(),
        };
        let promises = attempts(state, state.step(node))
            .into_iter()
            .chain(phase(state, node))
            .chain(of_step);
        let broken = promises.filter(|(holds, _)| !holds);
        found.extend(broken.map(|(_, promise)| Violation {
            step: Some(state.name(node)),
            promise,
        }));
    }
    let promises = run(state).into_iter().chain(indexes(state));
    let broken = promises.filter(|(holds, _)| !holds);
    found.extend(broken.map(|(_, promise)| Violation {
        step: None,
        promise,
    }));
    found
}

fn attempts(state: &RunState, step: &Step) -> [Promise; 6] {
    let attempts = &step.attempts;
    let lives = attempts.last().is_some_and(|last| last.end.is_none());
    let earlier = &attempts[..attempts.len().saturating_sub(1)];
    let numbers = attempts.iter().map(|attempt| attempt.started.attempt);
    let first = attempts.first().map(|first| &first.started);
    let same = |attempt: &Attempt| {
        first.is_none_or(|first| {
            let started = &attempt.started;
            started.execution == first.execution
                && started.key == first.key
                && started.inputs == first.inputs
                && started.push_version == first.push_version
        })
    };
    let mut clock = state.created.at;
    let times = attempts.iter().flat_map(|attempt| {
        let end = attempt.end.as_ref().map(|end| end.at);
        [Some(attempt.started.at), end]
    });
    let in_order = times.flatten().all(|at| {
        let later = at >= clock;
        clock = at;
        later
    });
    [
        (
            lives == step.phase.is_live(),
            "it has a live attempt exactly while it is running or stuck",
        ),
        (
            earlier.iter().all(|attempt| attempt.end.is_some()),
            "an attempt starts only after the one before it has ended",
        ),
        (
            earlier.iter().all(|attempt| {
                let end = end_of(attempt);
                matches!(end, Some(AttemptEndKind::Lost | AttemptEndKind::Failed))
            }),
            "another attempt follows only one that was lost or failed",
        ),
        (
            numbers.eq(1..=attempts.len() as u32),
            "its attempts are numbered from 1 without a gap",
        ),
        (
            attempts.iter().all(same),
            "every attempt is started from what was recorded for the first",
        ),
        (in_order, "the times of its attempts never go back"),
    ]
}

fn phase(state: &RunState, node: NodeId) -> [Promise; 8] {
    let step = state.step(node);
    let expanded = state.tasks.of_step(node);
    let last = step.attempts.last();
    let asked = step.approval.as_ref();
    let (stands, how) = match asked {
        Some(asked) => (
            last.is_none() && follows_answer(step.phase, asked),
            "where it stands follows from the answer to what it asked",
        ),
        None if expanded.is_some() => (
            last.is_none() && follows_items(state, node),
            "where it stands follows from how its items ended",
        ),
        None => (
            follows(step.phase, last),
            "where it stands follows from how its last attempt ended",
        ),
    };
    let stands_in = step.phase == StepPhase::Reused
        || step.phase == StepPhase::Refused
            && step.attempts.is_empty()
            && asked.is_none()
            && expanded.is_none();
    let has_outputs = step.phase.is_good() || step.phase == StepPhase::Refused;
    let has_reason =
        !step.attempts.is_empty() || step.phase.is_ended() && step.phase != StepPhase::Cancelled;
    [
        (stands, how),
        (
            expanded.is_some() == state.expanding.contains_key(&node) || step.phase.is_ended(),
            "its items are counted while they are in progress",
        ),
        (
            asked.is_none() || step.execution.is_some(),
            "it has an execution once a person was asked",
        ),
        (
            step.phase.is_ended() == step.ended_at.is_some(),
            "it has an end time exactly when it ended",
        ),
        (
            step.outputs.is_some() == has_outputs,
            "it has outputs exactly when it succeeded, was reused or refused",
        ),
        (
            step.reused_from.is_some() == stands_in,
            "it names the run that it reuses exactly when an earlier execution stands in",
        ),
        (
            step.reason.is_some() || !has_reason,
            "it has a reason once it was decided about",
        ),
        (
            step.phase != StepPhase::Cancelled || is_cancelled(state.phase),
            "it is cancelled only with its run",
        ),
    ]
}

fn needs(state: &RunState, node: NodeId) -> [Promise; 4] {
    let step = state.step(node);
    let plan = state.plan();
    let (planned, needs) = (plan.node(node), || awaited(plan, node));
    let its_turn = !planned.finally || finally_began(state);
    let all_good = its_turn && needs().all(|need| state.is_met(node, need));
    let any_bad = needs().any(|need| is_bad(state, node, need));
    let decides_late = planned.condition.is_some() || planned.finally;
    let carried = step.reused_from.is_some() && state.created.carried.contains_key(&node);
    let left_out = state.created.leaves_out(node);
    let considered = !step.attempts.is_empty()
        || !carried
            && matches!(
                step.phase,
                StepPhase::Ready
                    | StepPhase::AwaitingApproval
                    | StepPhase::Expanded
                    | StepPhase::Reused
                    | StepPhase::Refused
                    | StepPhase::Failed
            );
    [
        (
            all_good || !considered,
            "it is considered only after everything that it needs ended well",
        ),
        (
            step.phase != StepPhase::Waiting || !all_good || left_out,
            "it waits only while something that it needs has not ended well",
        ),
        (
            step.phase != StepPhase::Skipped || any_bad || left_out || decides_late && all_good,
            "it is skipped only when something that it needs ended badly, or if it asks",
        ),
        (
            step.phase != StepPhase::Reused || carried || !state.created.forced.contains(&node),
            "it is not reused if it was asked to run",
        ),
    ]
}

fn run(state: &RunState) -> [Promise; 5] {
    let ended = state.is_ended();
    let started = state.steps.iter().any(|step| !step.attempts.is_empty());
    let all_ended = state.steps.iter().all(|step| step.phase.is_ended());
    [
        (
            ended == state.ended_at.is_some(),
            "it has an end time exactly when it ended",
        ),
        (
            started == state.started_at.is_some(),
            "it has a start time exactly when an attempt was started",
        ),
        (!ended || all_ended, "it ends with all of its steps"),
        (ends_as_its_steps(state), "it ends as its steps did"),
        (
            state
                .steps
                .iter()
                .filter(|step| step.phase.is_live())
                .count()
                <= state.created.slots as usize,
            "no more of its attempts live than it has slots",
        ),
    ]
}

fn indexes(state: &RunState) -> [Promise; 9] {
    let all = |phase: StepPhase| -> BTreeSet<NodeId> {
        let nodes = state.task_ids();
        nodes
            .filter(|node| state.step(*node).phase == phase)
            .collect()
    };
    let plan = state.plan();
    let mut waiting = all(StepPhase::Waiting);
    waiting.retain(|node| (node.0 as usize) < plan.nodes.len());
    let doomed = waiting.iter().filter(|node| {
        let mut needs = awaited(plan, **node);
        state.created.leaves_out(**node) || needs.any(|need| is_bad(state, **node, need))
    });
    let counted = waiting.iter().all(|node| {
        let open = awaited(plan, *node).filter(|need| !state.is_met(*node, *need));
        let part = plan.node(*node).finally && !finally_began(state);
        state.open_needs[node.0 as usize] as usize == open.count() + usize::from(part)
    });
    let ordinary = unfinished_nodes(state).filter(|node| !state.planned(*node).finally);
    let unfinished = state.steps.iter().filter(|step| !step.phase.is_ended());
    [
        (
            state.ready == all(StepPhase::Ready),
            "the steps that it holds as ready are those that are",
        ),
        (
            state.running == &all(StepPhase::Running) | &all(StepPhase::Stuck),
            "the steps that it holds as running are those that are",
        ),
        (
            state.backoff.keys().eq(&all(StepPhase::Backoff)),
            "the steps that it holds as waiting for an attempt are those that do",
        ),
        (
            state.awaiting.keys().eq(&all(StepPhase::AwaitingApproval)),
            "the steps that it holds as waiting for a person are those that do",
        ),
        (
            !state.waits || state.only_approvals_left(),
            "it waits only while a person must decide before anything else happens",
        ),
        (
            state.doomed.iter().eq(doomed),
            "the steps that it is going to skip are those that never can run",
        ),
        (
            counted,
            "every waiting step counts the needs that have not ended well",
        ),
        (
            state.unfinished == unfinished.count() && state.ordinary == ordinary.count(),
            "it counts the steps that have not ended",
        ),
        (
            state.failed == failed(state) && state.refused == refused(state),
            "it counts the steps that failed and refused",
        ),
    ]
}

/// How an attempt ended; none while it lives.
fn end_of(attempt: &Attempt) -> Option<AttemptEndKind> {
    attempt.end.as_ref().map(|end| end.kind)
}

/// Whether a step may be in this phase after its last attempt, if there was one, ended as it did.
fn follows(phase: StepPhase, last: Option<&Attempt>) -> bool {
    use AttemptEndKind as End;
    let none = last.is_none();
    let ended = |kind: End| last.and_then(end_of) == Some(kind);
    match phase {
        StepPhase::Waiting | StepPhase::Skipped | StepPhase::Reused => none,
        StepPhase::AwaitingApproval | StepPhase::Expanded => false,
        StepPhase::Ready => none || ended(End::Lost),
        StepPhase::Running | StepPhase::Stuck => last.is_some_and(|attempt| attempt.end.is_none()),
        StepPhase::Backoff => ended(End::Failed),
        StepPhase::Succeeded => ended(End::Succeeded),
        StepPhase::Refused => none || ended(End::Refused),
        StepPhase::Failed => none || ended(End::Failed) || ended(End::Lost),
        // Between two attempts a run may be cancelled as well.
        StepPhase::Cancelled => {
            none || ended(End::Cancelled)
                || ended(End::Abandoned)
                || ended(End::Lost)
                || ended(End::Failed)
        }
    }
}

/// Whether an expanded step stands where its items let it stand.
fn follows_items(state: &RunState, node: NodeId) -> bool {
    let phase = state.step(node).phase;
    let items = state.items(node);
    let open = items
        .filter(|task| !state.step(*task).phase.is_ended())
        .count();
    match phase {
        StepPhase::Expanded => open > 0,
        // Its run may have ended before its items.
        StepPhase::Cancelled => is_cancelled(state.phase),
        ended => open == 0 && state.of_items(node).0 == ended,
    }
}

/// Whether a step may be in this phase after a person was asked.
fn follows_answer(phase: StepPhase, asked: &Approval) -> bool {
    match asked.decision.as_ref().map(|decision| decision.verdict) {
        None => matches!(phase, StepPhase::AwaitingApproval | StepPhase::Cancelled),
        Some(Verdict::Approved) => phase == StepPhase::Succeeded,
        Some(Verdict::Rejected | Verdict::Expired) => phase == StepPhase::Refused,
    }
}

fn is_cancelled(phase: RunPhase) -> bool {
    matches!(
        phase,
        RunPhase::Cancelling
            | RunPhase::Finishing(RunEnd::Cancelled)
            | RunPhase::Ended(RunEnd::Cancelled)
    )
}

fn ends_as_its_steps(state: &RunState) -> bool {
    let RunPhase::Ended(end) = state.phase else {
        return true;
    };
    let failed = failed(state) > 0;
    let refused = refused(state) > 0;
    match end {
        RunEnd::Succeeded => !failed && !refused,
        RunEnd::Failed => failed,
        RunEnd::Refused => refused && !failed,
        RunEnd::Cancelled => true,
    }
}

/// Whether a need is over in a way that keeps a step from running.
fn is_bad(state: &RunState, node: NodeId, need: NodeId) -> bool {
    state.step(need).phase.is_ended() && !state.is_met(node, need)
}

/// Whether the steps of `finally:` have had their turn.
fn finally_began(state: &RunState) -> bool {
    let ordinary = state.plan().nodes.iter().zip(state.steps.iter());
    let over = ordinary
        .filter(|(node, _)| !node.finally)
        .all(|(_, step)| step.phase.is_ended());
    over && !state.finally_waits
}

fn unfinished_nodes(state: &RunState) -> impl Iterator<Item = NodeId> + '_ {
    let nodes = state.task_ids();
    nodes.filter(|node| !state.step(*node).phase.is_ended())
}

/// How many steps failed that were not allowed to.
fn failed(state: &RunState) -> usize {
    let steps = state.plan().nodes.iter().zip(state.steps.iter());
    steps
        .filter(|(node, step)| step.phase == StepPhase::Failed && !node.allow_failure)
        .count()
}

/// How many steps refused; an item's step counts for it.
fn refused(state: &RunState) -> usize {
    let nodes = state.plan().node_ids();
    nodes
        .filter(|node| state.step(*node).phase == StepPhase::Refused)
        .count()
}
