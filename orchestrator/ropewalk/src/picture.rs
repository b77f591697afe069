//! A run as it is followed: one status document, and the event lines after it.
//!
//! It holds what progress shows and nothing else; the document at the end comes from the daemon.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use orchestrator_api::{EventLine, EventType, RunState, Status, StepState};

use crate::output::text;

/// What is known of a run right now.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Where the run stands.
    pub(crate) state: RunState,
    /// Its steps, in topological order.
    pub(crate) steps: Vec<StepPicture>,
    /// Number of the last event that is in the picture.
    pub(crate) seq: u64,
    places: BTreeMap<String, usize>,
}

/// What is known of a step.
#[derive(Debug, Clone)]
pub(crate) struct StepPicture {
    /// Its name as the user names it.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) state: StepState,
    /// When its latest attempt started.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

impl Picture {
    /// The run as its status document says.
    pub(crate) fn new(status: &Status) -> Self {
        let steps: Vec<StepPicture> = status
            .steps
            .iter()
            .map(|step| StepPicture {
                name: text::name_of(step),
                state: step.state,
                started_at: step.started_at,
                ended_at: step.ended_at,
            })
            .collect();
        let places = steps.iter().enumerate();
        let places = places.map(|(place, step)| (step.name.clone(), place));
        Self {
            state: status.state,
            seq: status.seq,
            places: places.collect(),
            steps,
        }
    }

    /// The same run before anything happened to it: for whoever is told all of its events.
    pub(crate) fn at_start(status: &Status) -> Self {
        let mut picture = Self::new(status);
        picture.state = RunState::Running;
        picture.seq = 0;
        for step in &mut picture.steps {
            step.state = StepState::Waiting;
            step.started_at = None;
            step.ended_at = None;
        }
        picture
    }

    /// Takes an event in. Gives the step that it changed; none for an event of the run, or for one
    /// that is in the picture already.
    pub(crate) fn apply(&mut self, event: &EventLine) -> Option<&StepPicture> {
        if event.seq <= self.seq {
            return None;
        }
        self.seq = event.seq;
        if let Some(state) = run_state(event.event_type) {
            self.state = state;
        }
        let id = event.step.as_deref()?;
        if event.event_type == EventType::StepExpanded {
            self.expand(id, event);
            return None;
        }
        let name = text::step_name(id, event.item_index);
        let step = &mut self.steps[*self.places.get(&name)?];
        step.state = step_state(event.event_type)?;
        match step.state {
            StepState::Running if event.event_type == EventType::StepStarted => {
                step.started_at = Some(event.at);
            }
            state if state.is_ended() => step.ended_at = Some(event.at),
            _ => {}
        }
        Some(step)
    }

    /// A step gives way to its items. One without items is over at once.
    fn expand(&mut self, id: &str, event: &EventLine) {
        let Some(place) = self.places.get(id).copied() else {
            return;
        };
        let reason = event.reason.as_ref();
        let count = reason.and_then(|reason| reason.detail.as_deref()?.parse().ok());
        let items = (0..count.unwrap_or(0)).map(|index| StepPicture {
            name: text::step_name(id, Some(index)),
            state: StepState::Waiting,
            started_at: None,
            ended_at: None,
        });
        let items: Vec<StepPicture> = items.collect();
        if items.is_empty() {
            self.steps[place].state = StepState::Succeeded;
            return;
        }
        self.steps.splice(place..=place, items);
        let places = self.steps.iter().enumerate();
        let places = places.map(|(place, step)| (step.name.clone(), place));
        self.places = places.collect();
    }

    /// How many steps stand in a state.
    pub(crate) fn count(&self, wanted: impl Fn(StepState) -> bool) -> usize {
        self.steps.iter().filter(|s| wanted(s.state)).count()
    }
}

/// What an event makes of its run.
fn run_state(event: EventType) -> Option<RunState> {
    match event {
        EventType::RunCreated
        | EventType::RunResumed
        | EventType::StepStarted
        | EventType::Approved
        | EventType::Rejected => Some(RunState::Running),
        EventType::RunWaiting => Some(RunState::Waiting),
        EventType::RunCancelling => Some(RunState::Cancelling),
        EventType::RunSucceeded => Some(RunState::Succeeded),
        EventType::RunFailed => Some(RunState::Failed),
        EventType::RunRefused => Some(RunState::Refused),
        EventType::RunCancelled => Some(RunState::Cancelled),
        _ => None,
    }
}

/// What an event makes of its step.
fn step_state(event: EventType) -> Option<StepState> {
    match event {
        EventType::StepStarted | EventType::StepAdopted => Some(StepState::Running),
        EventType::StepSucceeded | EventType::Approved => Some(StepState::Succeeded),
        EventType::StepReused => Some(StepState::Reused),
        EventType::StepFailed => Some(StepState::Failed),
        EventType::StepRefused | EventType::Rejected => Some(StepState::Refused),
        EventType::StepSkipped => Some(StepState::Skipped),
        EventType::StepCancelled => Some(StepState::Cancelled),
        // It is going to be started again.
        EventType::StepLost => Some(StepState::Ready),
        EventType::StepStuck => Some(StepState::Stuck),
        EventType::StepRetrying => Some(StepState::Backoff),
        EventType::ApprovalRequested => Some(StepState::AwaitingApproval),
        // Its items take its place.
        EventType::StepExpanded
        | EventType::RunCreated
        | EventType::RunResumed
        | EventType::RunWaiting
        | EventType::RunCancelling
        | EventType::RunSucceeded
        | EventType::RunFailed
        | EventType::RunRefused
        | EventType::RunCancelled => None,
    }
}
