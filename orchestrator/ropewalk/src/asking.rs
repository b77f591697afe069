//! Questions of a run's steps to whoever watches it in a terminal.
//!
//! Questions come as they are asked, answers as lines that are typed; each line answers the first open
//! question. It does not know how an answer is sent, nor what comes of it.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};

use orchestrator_api::{EventLine, EventType, Status, StepState};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::output::text;

/// What is open.
pub(crate) struct Asking {
    /// Whether anybody can answer here.
    somebody: bool,
    lines: Option<UnboundedReceiver<String>>,
    open: VecDeque<Question>,
    /// Whether the first open question is on the screen.
    is_shown: bool,
}

struct Question {
    step: String,
    text: String,
}

/// An answer that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The step.
    pub(crate) step: String,
    /// Whether it may go on.
    pub(crate) approves: bool,
    /// Why, or empty.
    pub(crate) reason: String,
}

/// What a line that was typed comes to.
#[derive(Debug)]
pub(crate) enum Line {
    /// An answer.
    Answer(Typed),
    /// Something else; what to say to that.
    Unclear(String),
    /// Nobody can answer here any more.
    Closed,
}

impl Asking {
    /// Asks if standard input is a terminal. `status` is how the run stands.
    pub(crate) fn new(status: &Status) -> Self {
        let steps = status.steps.iter();
        let asks = steps.filter(|step| step.state == StepState::AwaitingApproval);
        let open = asks.map(|step| Question {
            step: text::name_of(step),
            text: step
                .approval
                .as_ref()
                .map_or_else(String::new, |asked| asked.message.clone()),
        });
        Self {
            somebody: io::stdin().is_terminal(),
            lines: None,
            open: open.collect(),
            is_shown: false,
        }
    }

    /// Whether anybody can answer here.
    pub(crate) fn somebody(&self) -> bool {
        self.somebody
    }

    /// Takes an event in.
    pub(crate) fn take(&mut self, event: &EventLine) {
        let Some(id) = &event.step else { return };
        let step = text::step_name(id, event.item_index);
        match event.event_type {
            EventType::ApprovalRequested => {
                self.close(&step);
                let text = event.reason.as_ref().map(|reason| reason.text.clone());
                let text = text.unwrap_or_default();
                self.open.push_back(Question { step, text });
            }
            EventType::Approved | EventType::Rejected => self.close(&step),
            _ => {}
        }
    }

    /// A question that needs no answer any more.
    pub(crate) fn close(&mut self, step: &str) {
        let first = self
            .open
            .front()
            .is_some_and(|question| question.step == step);
        self.open.retain(|question| question.step != step);
        self.is_shown &= !first;
    }

    /// What is to be shown now: the first open question, once.
    pub(crate) fn show(&mut self) -> Option<String> {
        let question = self
            .open
            .front()
            .filter(|_| self.somebody && !self.is_shown)?;
        self.is_shown = true;
        let (step, text) = (&question.step, text::printable(&question.text));
        Some(format!(
            "{step}: {text}\n{step}: approve? [y/n, and a reason if you like]"
        ))
    }

    /// The next line that is typed; never, before something was asked. May be given up while it waits.
    pub(crate) async fn next(&mut self) -> Line {
        if !self.somebody || self.open.is_empty() {
            return std::future::pending().await;
        }
        let lines = self.lines.get_or_insert_with(typed_lines);
        let Some(line) = lines.recv().await else {
            self.somebody = false;
            return Line::Closed;
        };
        let Some(question) = self.open.front() else {
            return Line::Unclear("nothing is asked at present".to_owned());
        };
        let (word, reason) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let approves = match word.to_ascii_lowercase().as_str() {
            "y" | "yes" => true,
            "n" | "no" => false,
            _ => {
                self.is_shown = false;
                return Line::Unclear("type `y` or `n`; ctrl-C cancels the run".to_owned());
            }
        };
        Line::Answer(Typed {
            step: question.step.clone(),
            approves,
            reason: reason.trim().to_owned(),
        })
    }
}

/// Lines of standard input, read by a thread of its own: nothing else can wait for them.
fn typed_lines() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
