//! The one thread that speaks to the keeper, and the table of attempts that it is asked about.
//!
//! Requests that gather while it works go out with one write. It touches no files itself and never
//! waits for an attempt; only making the connection again may keep it.
//!
//! # Invariant
//!
//! An attempt's files are written only while no keeper can hold it, and it is launched only by the
//! keeper that its intent names.

mod attempts;
mod connection;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Instant;

use attempt_keeper::{ExitStatus, KeeperMessage, Launch, Request};
use run_engine::ids::AttemptId;
use run_engine::reason::{Failure, Reason};
use run_engine::seams::{Effect, LaunchTask, Report};

use super::link::{ConnectionId, Link};
use super::pool::Pool;
use super::remains::Remains;
use super::{Context, jobs};
use crate::launch::Attempt;
use crate::limits::{ATTEMPTS_PER_JOB, RETRY_PAUSE};

/// The number of the connection that the executor starts with.
pub(in crate::executor) const FIRST_CONNECTION: ConnectionId = 1;

/// Messages taken before their requests are sent, so that none waits for a flood behind it.
const MESSAGES_PER_TURN: usize = 1_024;

/// What reaches the dispatcher.
pub(in crate::executor) enum Message {
    /// From the loop: launches, kills and acknowledgements, in order.
    Effects(Vec<Effect>),
    /// From the keeper.
    Keeper {
        connection: ConnectionId,
        message: KeeperMessage,
    },
    /// From a worker: attempts whose files are written.
    Built(Vec<(AttemptId, Built)>),
    /// From whoever noticed that nothing can be launched: it is looked at again and again.
    Hindered,
    /// From the thread that ends remains.
    Gone { attempt: AttemptId, proof: String },
    /// From the thread that ends remains: these cannot be ended, or not be proven dead.
    Stuck { attempt: AttemptId, pids: Vec<u32> },
    /// From who watches: does the keeper answer?
    Ask,
    /// The executor ends.
    Stop,
}

/// What became of building an attempt.
pub(in crate::executor) enum Built {
    /// It can be launched.
    Ready(Box<Launch>),
    /// It waits for this, and nothing was written.
    Waits(Reason),
    /// It cannot be launched.
    Failed(Failure),
}

/// An attempt, from its launch to its acknowledgement.
struct Entry {
    task: LaunchTask,
    phase: Phase,
    is_kill_wanted: bool,
    /// The loop knows that it runs.
    is_told: bool,
    /// What the loop knows that it waits for.
    waits_for: Option<Reason>,
}

#[derive(Debug)]
enum Phase {
    /// A worker writes its files.
    Building,
    /// It waits for room, or for a keeper.
    Ready(Box<Launch>),
    /// The keeper had no room, or something is missing; it is built again after a pause.
    Again,
    /// The keeper was asked to start it, or holds it.
    Asked,
    /// Its end is known.
    Ended,
    /// Its keeper is gone; what is left of it is being ended.
    Remains,
}

pub(in crate::executor) struct Dispatcher {
    context: Arc<Context>,
    pool: Pool,
    messages: Sender<Message>,
    remains: Sender<Remains>,
    /// None while there is no connection.
    link: Option<Link>,
    connection: ConnectionId,
    attempts: BTreeMap<AttemptId, Entry>,
    to_build: Vec<LaunchTask>,
    to_collect: Vec<(LaunchTask, ExitStatus)>,
    /// In phase `Ready`.
    ready: BTreeSet<AttemptId>,
    /// In phase `Again`.
    again: BTreeSet<AttemptId>,
    requests: Vec<Request>,
    /// When to look again at what waits.
    retry_at: Option<Instant>,
    reconnect_at: Option<Instant>,
    /// What was logged last about the lack of room or of a keeper.
    complaint: String,
}

impl Dispatcher {
    pub(super) fn new(
        context: Arc<Context>,
        pool: Pool,
        messages: Sender<Message>,
        remains: Sender<Remains>,
        link: Link,
    ) -> Self {
        Self {
            context,
            pool,
            messages,
            remains,
            link: Some(link),
            connection: FIRST_CONNECTION,
            attempts: BTreeMap::new(),
            to_build: Vec::new(),
            to_collect: Vec::new(),
            ready: BTreeSet::new(),
            again: BTreeSet::new(),
            requests: Vec::new(),
            retry_at: None,
            reconnect_at: None,
            complaint: String::new(),
        }
    }

    /// Turns until the executor ends.
    pub(super) fn run(mut self, arriving: &Receiver<Message>) {
        self.hand_out();
        loop {
            let timer = self.retry_at.into_iter().chain(self.reconnect_at).min();
            let first = match timer {
                None => arriving.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => arriving.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            let first = match first {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let more = arriving.try_iter().take(MESSAGES_PER_TURN);
            for message in first.into_iter().chain(more) {
                if matches!(message, Message::Stop) {
                    return;
                }
                self.take(message);
            }
            self.pass_timers();
            self.hand_out();
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Effects(effects) => effects.into_iter().for_each(|one| self.take_effect(one)),
            Message::Keeper {
                connection,
                message,
            } if connection == self.connection => match message {
                KeeperMessage::Answer(answer) => self.take_answer(answer),
                KeeperMessage::Disconnected => self.disconnect("the keeper cut the connection"),
            },
            // Of an earlier connection: what it told of attempts is told again. What hinders is looked
            // at when everything is handed out.
            Message::Keeper { .. } | Message::Hindered | Message::Stop => {}
            // Any question does; this one changes nothing.
            Message::Ask => self.requests.push(Request::List),
            Message::Built(built) => {
                for (attempt, launch) in built {
                    self.built(attempt, launch);
                }
            }
            Message::Gone { attempt, proof } => {
                self.attempts.remove(&attempt);
                self.context.report(Report::Lost { attempt, proof });
            }
            Message::Stuck { attempt, pids } => {
                self.context.report(Report::Stuck { attempt, pids });
            }
        }
    }

    fn pass_timers(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some_and(|due| due <= now) {
            self.retry_at = None;
            for attempt in std::mem::take(&mut self.again) {
                self.begin(attempt);
            }
            self.context.look_at_disk();
            self.replace_foreign_keeper();
        }
        if self.reconnect_at.is_some_and(|due| due <= now) {
            self.reconnect();
        }
    }

    fn wait_a_little(&mut self) {
        self.retry_at.get_or_insert(Instant::now() + RETRY_PAUSE);
    }

    /// Hands out what has gathered: builds and ends to the workers, requests to the keeper.
    fn hand_out(&mut self) {
        for tasks in chunks(std::mem::take(&mut self.to_build), |_| true) {
            let (context, messages) = (Arc::clone(&self.context), self.messages.clone());
            let work = move || jobs::build(&context, &tasks, &messages);
            self.pool.push_urgent(Box::new(work));
        }
        let state_dir = self.context.config.state_dir.clone();
        // Outputs may take long, so each attempt that has some is a job of its own.
        let is_quick = |(task, _): &(LaunchTask, _)| !Attempt::new(task, &state_dir).has_folder();
        for ended in chunks(std::mem::take(&mut self.to_collect), is_quick) {
            let context = Arc::clone(&self.context);
            self.pool
                .push_urgent(Box::new(move || jobs::collect(&context, &ended)));
        }
        self.ask_for_ready();
        self.send();
        if self.context.hindrances.why().is_some() {
            self.wait_a_little();
        }
    }

    /// Logs a lasting trouble once.
    fn complain(&mut self, text: String) {
        if self.complaint != text {
            tracing::warn!("{text}");
            self.complaint = text;
        }
    }
}

/// Groups for one job each: the quick ones together, every other alone.
fn chunks<T>(all: Vec<T>, is_quick: impl Fn(&T) -> bool) -> Vec<Vec<T>> {
    let (quick, slow): (Vec<T>, Vec<T>) = all.into_iter().partition(is_quick);
    let mut groups: Vec<Vec<T>> = slow.into_iter().map(|one| vec![one]).collect();
    let mut group = Vec::new();
    for one in quick {
        group.push(one);
        if group.len() == ATTEMPTS_PER_JOB {
            groups.push(std::mem::take(&mut group));
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}
