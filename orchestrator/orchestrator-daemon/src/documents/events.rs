//! Events as lines.

use orchestrator_api as api;
use orchestrator_api::{DocumentVersion, EventType};
use pipeline_plan::Plan;
use run_engine::event::{Event, RunEnd, Verdict, expanded};
use run_engine::reason::{abandoned, lost, stuck};
use run_engine::seams::JournalEntry;
use run_engine::tasks::Tasks;

use super::words::{attempt_error, reason};

/// An event as a line. Plan and tasks are those of the event's run.
pub(crate) fn event_line(entry: &JournalEntry, plan: &Plan, tasks: &Tasks) -> api::EventLine {
    let event = &entry.event;
    let (node, attempt) = match event.step() {
        Some((node, attempt)) => (Some(node), attempt),
        None => (None, None),
    };
    // A journal is replayed with its own plan before it is told, but a line is no place to trust that.
    let step = node.and_then(|task| plan.nodes.get(tasks.step(task).0 as usize));
    api::EventLine {
        version: DocumentVersion,
        seq: entry.seq,
        at: event.at(),
        run_id: entry.run.0,
        event_type: event_type(event),
        step: step.map(|step| step.id.clone()),
        item_index: node.and_then(|task| tasks.item_index(task)),
        attempt,
        reason: event_reason(event),
        error: match event {
            Event::StepFailed { failure, .. } | Event::StepRetrying { failure, .. } => {
                Some(attempt_error(failure))
            }
            _ => None,
        },
    }
}

fn event_reason(event: &Event) -> Option<api::Reason> {
    match event {
        Event::StepStarted(started) => Some(reason(&started.reason)),
        Event::StepRefused { reason: why, .. } | Event::StepSkipped { reason: why, .. } => {
            Some(reason(why))
        }
        Event::StepLost { proof, .. } => Some(reason(&lost(proof))),
        Event::StepStuck { pids, .. } => Some(reason(&stuck(pids))),
        Event::StepAbandoned { .. } => Some(reason(&abandoned())),
        Event::StepReused(reused) => Some(reason(&reused.reason())),
        Event::StepExpanded { items, .. } => Some(reason(&expanded(items.len()))),
        Event::ApprovalRequested(request) => Some(reason(&request.reason())),
        Event::ApprovalDecided { decision, .. } => Some(reason(&decision.reason())),
        Event::StepFailed { failure, exit, .. } => Some(reason(&failure.reason(*exit))),
        Event::StepRetrying {
            failure,
            attempt,
            next,
            ..
        } => Some(reason(&failure.retrying(*attempt, *next))),
        _ => None,
    }
}

fn event_type(event: &Event) -> EventType {
    match event {
        Event::RunCreated(_) => EventType::RunCreated,
        Event::RunResumed { .. } => EventType::RunResumed,
        Event::RunCancelling { .. } => EventType::RunCancelling,
        Event::RunEnded { end, .. } => match end {
            RunEnd::Succeeded => EventType::RunSucceeded,
            RunEnd::Failed => EventType::RunFailed,
            RunEnd::Refused => EventType::RunRefused,
            RunEnd::Cancelled => EventType::RunCancelled,
        },
        Event::StepStarted(_) => EventType::StepStarted,
        Event::StepAdopted { .. } => EventType::StepAdopted,
        Event::StepSucceeded(_) => EventType::StepSucceeded,
        Event::StepRefused { .. } => EventType::StepRefused,
        Event::StepReused(reused) if reused.refused.is_some() => EventType::StepRefused,
        Event::StepReused(_) => EventType::StepReused,
        Event::StepFailed { .. } => EventType::StepFailed,
        Event::StepRetrying { .. } => EventType::StepRetrying,
        Event::StepLost { .. } => EventType::StepLost,
        Event::StepStuck { .. } => EventType::StepStuck,
        Event::StepSkipped { .. } => EventType::StepSkipped,
        Event::StepCancelled { .. } | Event::StepAbandoned { .. } => EventType::StepCancelled,
        Event::StepExpanded { .. } => EventType::StepExpanded,
        Event::ApprovalRequested(_) => EventType::ApprovalRequested,
        Event::ApprovalDecided { decision, .. } => match decision.verdict {
            Verdict::Approved => EventType::Approved,
            Verdict::Rejected | Verdict::Expired => EventType::Rejected,
        },
        Event::RunWaiting { .. } => EventType::RunWaiting,
    }
}
