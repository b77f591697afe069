//! Progress on a terminal: a line for each step that ended, and below them the steps that run with
//! their elapsed time, and what waits.

use std::time::Duration;

use chrono::Utc;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use orchestrator_api::{EventLine, Status, StepState};

use super::lines;
use crate::limits::{LIVE_STEPS_MAX, REDRAW_MIN};
use crate::output::colors::{Colors, Tone};
use crate::output::text::count;
use crate::picture::{Picture, StepPicture};

/// Draws the picture.
pub(crate) struct Live {
    bars: MultiProgress,
    /// Lines of running steps, each with the step that it shows.
    running: Vec<(String, ProgressBar)>,
    /// The line below them.
    rest: ProgressBar,
    width: usize,
    colors: Colors,
}

impl Live {
    pub(crate) fn new(status: &Status, colors: Colors) -> Self {
        let bars = MultiProgress::new();
        let rest = bars.add(ProgressBar::no_length().with_style(style("  {wide_msg}")));
        Self {
            bars,
            running: Vec::new(),
            rest,
            width: lines::name_width(status),
            colors,
        }
    }

    /// A line that stays.
    pub(crate) fn note(&self, text: &str) {
        // A terminal that went away is noticed at the end of the run.
        let _ = self.bars.println(text);
    }

    /// Ended steps get a line that stays; that a step runs is drawn.
    pub(crate) fn event(&mut self, event: &EventLine, step: Option<&StepPicture>) {
        if step.is_some_and(|s| s.state == StepState::Running) {
            return;
        }
        if let Some(step) = step {
            self.drop_bars(|name| name == step.name);
        }
        if let Some(line) = lines::line(event, step, self.width, self.colors) {
            self.note(&line);
        }
    }

    /// Brings the running steps up to date.
    pub(crate) fn redraw(&mut self, picture: &Picture) {
        let running: Vec<&StepPicture> = picture
            .steps
            .iter()
            .filter(|s| s.state == StepState::Running)
            .collect();
        let shown = &running[..running.len().min(LIVE_STEPS_MAX)];
        self.drop_bars(|name| shown.iter().all(|step| step.name != name));
        for step in shown {
            if !self.running.iter().any(|(name, _)| *name == step.name) {
                let bar = self.bar(step);
                self.running.push((step.name.clone(), bar));
            }
        }
        self.rest.set_message(self.summary(picture, running.len()));
    }

    /// Takes everything that is redrawn off the screen.
    pub(crate) fn clear(&mut self) {
        self.running.clear();
        // As above: a terminal that is gone shows nothing anyway.
        let _ = self.bars.clear();
    }

    fn drop_bars(&mut self, goes: impl Fn(&str) -> bool) {
        self.running.retain(|(name, bar)| {
            let goes = goes(name);
            if goes {
                self.bars.remove(bar);
            }
            !goes
        });
    }

    fn bar(&self, step: &StepPicture) -> ProgressBar {
        let since = step.started_at.map(|at| Utc::now() - at);
        let elapsed = since
            .and_then(|d| d.to_std().ok())
            .unwrap_or(Duration::ZERO);
        let name = format!("{:width$}", step.name, width = self.width);
        let running = self.colors.paint(Tone::Active, "running");
        let bar = ProgressBar::no_length()
            .with_style(style(&format!(
                "{{spinner}} {{msg}}  {running} {{elapsed}}"
            )))
            .with_message(name)
            .with_elapsed(elapsed);
        let bar = self.bars.insert_before(&self.rest, bar);
        bar.enable_steady_tick(REDRAW_MIN);
        bar
    }

    /// `5 of 8 steps; waiting: train, evaluate, push`.
    fn summary(&self, picture: &Picture, running: usize) -> String {
        let ended = picture.count(StepState::is_ended);
        let mut text = format!("{ended} of {}", count(picture.steps.len(), "step"));
        if running > LIVE_STEPS_MAX {
            text += &format!("; {} more running", running - LIVE_STEPS_MAX);
        }
        let waits = |step: &&StepPicture| {
            matches!(
                step.state,
                StepState::Waiting
                    | StepState::Ready
                    | StepState::Backoff
                    | StepState::AwaitingApproval
            )
        };
        let waiting = picture.steps.iter().filter(waits);
        // The line is cut at the terminal's edge, so more names than that are not needed.
        let names: Vec<&str> = waiting
            .take(LIVE_STEPS_MAX)
            .map(|s| s.name.as_str())
            .collect();
        if !names.is_empty() {
            text += &format!("; waiting: {}", names.join(", "));
        }
        self.colors.paint(Tone::Faint, &text)
    }
}

/// A style out of a template of this module; each of them is valid.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
