//! Progress as plain lines: one for each thing that happens to a step.

use chrono::TimeDelta;
use orchestrator_api::{EventLine, EventType, Status, StepState};

use crate::output::colors::{Colors, step_tone};
use crate::output::text;
use crate::picture::{Picture, StepPicture};
use crate::printing;

/// Names are padded to the longest one, up to this.
const NAME_WIDTH_MAX: usize = 30;

/// Writes the lines.
pub(crate) struct Lines {
    width: usize,
    colors: Colors,
}

impl Lines {
    pub(crate) fn new(status: &Status, colors: Colors) -> Self {
        Self {
            width: name_width(status),
            colors,
        }
    }

    /// A line for each step that runs already, and one for those that are over.
    pub(crate) fn standing(&self, picture: &Picture) {
        let over = picture.count(StepState::is_ended);
        if over > 0 {
            printing::to_stderr(&format!("  {} done before", text::count(over, "step")));
        }
        for step in picture
            .steps
            .iter()
            .filter(|s| s.state == StepState::Running)
        {
            let word = self.colors.paint(step_tone(step.state), "running");
            printing::to_stderr(&format!(
                "  {:width$}  {word}",
                step.name,
                width = self.width
            ));
        }
    }

    pub(crate) fn event(&self, event: &EventLine, step: Option<&StepPicture>) {
        if let Some(line) = line(event, step, self.width, self.colors) {
            printing::to_stderr(&line);
        }
    }
}

/// How wide the names of a run's steps are.
pub(crate) fn name_width(status: &Status) -> usize {
    let widths = status
        .steps
        .iter()
        .map(|s| text::name_of(s).chars().count());
    widths.max().unwrap_or(0).min(NAME_WIDTH_MAX)
}

/// What an event is in words; none for what need not be told.
pub(crate) fn line(
    event: &EventLine,
    step: Option<&StepPicture>,
    width: usize,
    colors: Colors,
) -> Option<String> {
    let Some(step) = step else {
        return match event.event_type {
            EventType::RunResumed => Some("the run was taken up again".to_owned()),
            EventType::StepExpanded => {
                let step = event.step.as_deref().unwrap_or_default();
                let items = event.reason.as_ref().map(|reason| reason.text.as_str());
                Some(format!("  {step:width$}  {}", items.unwrap_or_default()))
            }
            EventType::RunCancelling => Some("the run is being cancelled".to_owned()),
            _ => None,
        };
    };
    let what = match event.event_type {
        EventType::StepStarted => match event.attempt {
            Some(attempt) if attempt > 1 => format!("running, attempt {attempt}"),
            _ => "running".to_owned(),
        },
        EventType::StepAdopted => "still running".to_owned(),
        EventType::ApprovalRequested | EventType::Approved | EventType::Rejected => {
            let reason = event.reason.as_ref().map(|reason| reason.text.as_str());
            text::printable(reason.unwrap_or("asks a person"))
        }
        EventType::StepLost => "lost its process; it is started again".to_owned(),
        _ => ending(event, step),
    };
    let (word, rest) = match what.split_once(|c: char| !c.is_alphabetic()) {
        Some((word, _)) => what.split_at(word.len()),
        None => (what.as_str(), ""),
    };
    let word = colors.paint(step_tone(step.state), word);
    Some(format!("  {:width$}  {word}{rest}", step.name))
}

/// How a step ended: `done in 0.4 s`, `failed after 1.2 s: exit status 3`.
fn ending(event: &EventLine, step: &StepPicture) -> String {
    let took = match (step.started_at, step.ended_at) {
        (Some(started), Some(ended)) => (ended - started).max(TimeDelta::zero()).to_std().ok(),
        _ => None,
    };
    let took = took.map(text::duration);
    let error = event.error.as_ref().map(|e| e.message.as_str());
    let reason = event.reason.as_ref().map(|r| r.text.as_str());
    let because = text::printable(error.or(reason).unwrap_or_default());
    let with = |word: &str, time: &str| {
        let mut words = word.to_owned();
        if let Some(took) = &took {
            words += &format!(" {time} {took}");
        }
        if !because.is_empty() {
            words += &format!(": {because}");
        }
        words
    };
    match step.state {
        StepState::Succeeded => took.map_or_else(|| "done".to_owned(), |t| format!("done in {t}")),
        StepState::Failed => with("failed", "after"),
        StepState::Refused => with("refused", "after"),
        StepState::Cancelled => with("cancelled", "after"),
        state if because.is_empty() => state.word().to_owned(),
        state => format!("{state}: {because}"),
    }
}
