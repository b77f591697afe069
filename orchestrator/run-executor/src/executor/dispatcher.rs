//! The one thread that speaks to the keeper, and the table of attempts that it is asked about.
//!
//! Requests that gather while it works go out with one write. It touches no files itself and never
//! waits for an attempt; only making the connection again may keep it.
//!
//! # Invariant
//!
//! An attempt's files are written only while no keeper can hold it, and it is launched only by the
//! keeper that its intent names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Instant;

use attempt_keeper::{Answer, ExitStatus, KeeperError, KeeperMessage, Launch, Request};
use run_engine::ids::AttemptId;
use run_engine::reason::Failure;
use run_engine::seams::{Effect, LaunchTask, Report};

use super::link::{self, ConnectionId, Link};
use super::pool::Pool;
use super::remains::{Remains, with_causes};
use super::{Context, disk, jobs, names};
use crate::failures;
use crate::launch::Attempt;
use crate::limits::{ATTEMPTS_PER_JOB, KILL_GRACE_MS, RECONNECT_PAUSE, RETRY_PAUSE};

/// The number of the connection that the executor starts with.
pub(super) const FIRST_CONNECTION: ConnectionId = 1;

/// Messages taken before their requests are sent, so that none waits for a flood behind it.
const MESSAGES_PER_TURN: usize = 1_024;

/// What reaches the dispatcher.
pub(super) enum Message {
    /// From the loop: launches, kills and acknowledgements, in order.
    Effects(Vec<Effect>),
    /// From the keeper.
    Keeper {
        connection: ConnectionId,
        message: KeeperMessage,
    },
    /// From a worker: attempts whose files are written.
    Built(Vec<(AttemptId, Result<Box<Launch>, Failure>)>),
    /// From the thread that ends remains.
    Gone { attempt: AttemptId, proof: String },
    /// The executor ends.
    Stop,
}

/// An attempt, from its launch to its acknowledgement.
struct Entry {
    task: LaunchTask,
    phase: Phase,
    is_kill_wanted: bool,
    /// The loop knows that it runs.
    is_told: bool,
}

#[derive(Debug)]
enum Phase {
    /// A worker writes its files.
    Building,
    /// It waits for room, or for a keeper.
    Ready(Box<Launch>),
    /// The keeper had no room; it is built again after a pause.
    Again,
    /// The keeper was asked to start it, or holds it.
    Asked,
    /// Its end is known.
    Ended,
    /// Its keeper is gone; what is left of it is being ended.
    Remains,
}

pub(super) struct Dispatcher {
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
            // Of an earlier connection: what it told of attempts is told again.
            Message::Keeper { .. } | Message::Stop => {}
            Message::Built(built) => {
                for (attempt, launch) in built {
                    self.built(attempt, launch);
                }
            }
            Message::Gone { attempt, proof } => {
                self.attempts.remove(&attempt);
                self.context.report(Report::Lost { attempt, proof });
            }
        }
    }

    fn take_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Launch(task) => self.launch(task),
            Effect::Kill(attempt) => self.kill(attempt),
            Effect::Acknowledge(attempt) => {
                self.attempts.remove(&attempt);
                let attempt = names::name_of(attempt);
                self.requests.push(Request::Acknowledge { attempt });
            }
            // Not handed to this thread.
            Effect::Prepare(_) | Effect::Verify(_) => {}
        }
    }

    fn launch(&mut self, task: LaunchTask) {
        let attempt = task.attempt();
        if self.attempts.contains_key(&attempt) {
            return;
        }
        let entry = Entry {
            task,
            phase: Phase::Building,
            is_kill_wanted: false,
            is_told: false,
        };
        self.attempts.insert(attempt, entry);
        self.begin(attempt);
    }

    /// What is to be done first about an attempt, whatever became of it in an earlier life.
    fn begin(&mut self, attempt: AttemptId) {
        let Some(entry) = self.attempts.get_mut(&attempt) else {
            return;
        };
        let name = names::name_of(attempt);
        if entry.task.started.keeper != self.context.keeper() {
            entry.phase = Phase::Remains;
            let remains = remains_of(&entry.task, name, &self.context);
            // That thread lives as long as this one.
            let _ = self.remains.send(remains);
        } else if self
            .link
            .as_ref()
            .is_some_and(|link| link.held.contains(&name))
        {
            entry.phase = Phase::Asked;
            self.requests.push(ask_again(name));
        } else {
            entry.phase = Phase::Building;
            self.to_build.push(entry.task.clone());
        }
    }

    fn kill(&mut self, attempt: AttemptId) {
        let name = names::name_of(attempt);
        let Some(entry) = self.attempts.get_mut(&attempt) else {
            // One that was held and that nobody launched again.
            self.requests.push(kill(name));
            return;
        };
        entry.is_kill_wanted = true;
        match entry.phase {
            Phase::Asked => self.requests.push(kill(name)),
            Phase::Ready(_) | Phase::Again => self.end_unstarted(attempt),
            Phase::Building | Phase::Ended | Phase::Remains => {}
        }
    }

    /// Ends an attempt that no keeper was asked to start.
    fn end_unstarted(&mut self, attempt: AttemptId) {
        self.ready.remove(&attempt);
        self.again.remove(&attempt);
        let failure = Failure::new("killed", "it was ended before it began");
        self.end_without_process(attempt, failure);
    }

    fn end_without_process(&mut self, attempt: AttemptId, failure: Failure) {
        if let Some(entry) = self.attempts.get_mut(&attempt) {
            entry.phase = Phase::Ended;
            jobs::report_not_launched(&self.context, attempt, failure);
        }
    }

    fn built(&mut self, attempt: AttemptId, launch: Result<Box<Launch>, Failure>) {
        let Some(entry) = self.attempts.get_mut(&attempt) else {
            return;
        };
        if !matches!(entry.phase, Phase::Building) {
            return;
        }
        match launch {
            _ if entry.is_kill_wanted => self.end_unstarted(attempt),
            Ok(launch) => {
                entry.phase = Phase::Ready(launch);
                self.ready.insert(attempt);
            }
            Err(failure) => self.end_without_process(attempt, failure),
        }
    }

    fn take_answer(&mut self, answer: Answer) {
        match answer {
            Answer::Launched { attempt, pid } => self.launched(&attempt, pid, false),
            Answer::Running { attempt, pid } => self.launched(&attempt, pid, true),
            Answer::Exited { attempt, status } => {
                if let Some(task) = self.ended(&attempt) {
                    self.to_collect.push((task, status));
                }
            }
            Answer::Refused {
                attempt,
                errno,
                message,
            } => {
                if let Some(task) = self.ended(&attempt) {
                    let is_folder_there = folder_of(&task, &self.context);
                    let failure = failures::refused(errno, &message, is_folder_there);
                    jobs::report_not_launched(&self.context, task.attempt(), failure);
                }
            }
            Answer::Busy { attempt, attempts } => {
                self.complain(format!(
                    "the keeper holds {attempts} attempts, as many as it may"
                ));
                if let Some(attempt) = names::attempt_of(&attempt)
                    && let Some(entry) = self.attempts.get_mut(&attempt)
                    && matches!(entry.phase, Phase::Asked)
                {
                    entry.phase = Phase::Again;
                    self.again.insert(attempt);
                    self.wait_a_little();
                }
            }
            Answer::Stuck { attempt, pids } => {
                tracing::warn!(
                    attempt,
                    ?pids,
                    "processes survive SIGKILL; the step keeps its slot"
                );
            }
            Answer::Malformed { message } => {
                tracing::error!("the keeper did not understand a request: {message}");
            }
            // A kill that came after the end; what connecting takes.
            Answer::Unknown { .. }
            | Answer::Hello(_)
            | Answer::Held { .. }
            | Answer::Occupied { .. }
            | Answer::Unsupported { .. } => {}
        }
    }

    fn launched(&mut self, name: &str, pid: u32, adopted: bool) {
        if let Some(attempt) = names::attempt_of(name)
            && let Some(entry) = self.attempts.get_mut(&attempt)
            && !std::mem::replace(&mut entry.is_told, true)
        {
            self.context.report(Report::Launched {
                attempt,
                pid,
                adopted,
            });
        }
    }

    /// An attempt's end is known: its task, the first time.
    fn ended(&mut self, name: &str) -> Option<LaunchTask> {
        let entry = names::attempt_of(name).and_then(|attempt| self.attempts.get_mut(&attempt));
        let Some(entry) = entry else {
            // Nobody asked for it in this life: it was recorded in an earlier one.
            let attempt = name.to_owned();
            self.requests.push(Request::Acknowledge { attempt });
            return None;
        };
        if matches!(entry.phase, Phase::Ended) {
            return None;
        }
        entry.phase = Phase::Ended;
        Some(entry.task.clone())
    }

    fn pass_timers(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some_and(|due| due <= now) {
            self.retry_at = None;
            for attempt in std::mem::take(&mut self.again) {
                self.begin(attempt);
            }
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
    }

    /// Asks the keeper for what is ready, if there is room for it on the disk.
    fn ask_for_ready(&mut self) {
        if self.ready.is_empty() || self.link.is_none() {
            return;
        }
        if let Err(lack) = disk::check_room(&self.context.config.state_dir) {
            self.complain(lack);
            self.wait_a_little();
            return;
        }
        for attempt in std::mem::take(&mut self.ready) {
            if let Some(entry) = self.attempts.get_mut(&attempt)
                && let Phase::Ready(launch) = std::mem::replace(&mut entry.phase, Phase::Asked)
            {
                self.requests.push(Request::Launch(launch));
            }
        }
    }

    fn send(&mut self) {
        let Some(link) = self.link.as_ref().filter(|_| !self.requests.is_empty()) else {
            // Acknowledgements and kills for a keeper that is gone are pointless; for one that is
            // connected to again they follow from the table.
            self.requests.clear();
            return;
        };
        let requests = std::mem::take(&mut self.requests);
        match link.client.send_all(&requests) {
            Ok(()) => self.complaint.clear(),
            Err(KeeperError::Unsendable { .. }) if requests.len() > 1 => {
                for request in requests {
                    self.requests = vec![request];
                    self.send();
                }
            }
            Err(KeeperError::Unsendable { reason }) => self.give_up(&requests, &reason),
            Err(error) => self.disconnect(&with_causes(&error)),
        }
    }

    /// A request that is no message.
    fn give_up(&mut self, requests: &[Request], reason: &str) {
        for request in requests {
            if let Request::Launch(launch) = request
                && let Some(attempt) = names::attempt_of(&launch.attempt)
            {
                let message = format!("its launch cannot be written as a message: {reason}");
                self.end_without_process(attempt, Failure::new("launch_refused", message));
            }
        }
    }

    fn disconnect(&mut self, why: &str) {
        if self.link.take().is_some() {
            tracing::warn!("{why}; connecting again");
            // What the old connection still says is passed over from now on.
            self.connection += 1;
            self.reconnect_at = Some(Instant::now());
        }
    }

    fn reconnect(&mut self) {
        let config = &self.context.config;
        let messages = self.messages.clone();
        self.connection += 1;
        let link = link::connect(
            &config.state_dir,
            &config.keeper_argv,
            self.connection,
            messages,
        );
        match link {
            Ok(link) => {
                self.reconnect_at = None;
                tracing::info!("connected to keeper {}", link.client.instance());
                self.context.set_keeper(link.client.instance());
                self.link = Some(link);
                self.take_up();
            }
            Err(error) => {
                self.complain(with_causes(&error));
                self.reconnect_at = Some(Instant::now() + RECONNECT_PAUSE);
            }
        }
    }

    /// After a new connection: what became of every attempt, and of those that were acknowledged
    /// when nobody listened.
    fn take_up(&mut self) {
        let keeper = self.context.keeper();
        let held = self.link.as_ref().map(|link| link.held.clone());
        for name in held.into_iter().flatten() {
            if names::attempt_of(&name).is_some_and(|one| !self.attempts.contains_key(&one)) {
                self.requests.push(Request::Acknowledge { attempt: name });
            }
        }
        let stale = self.attempts.iter().filter(|(_, entry)| match entry.phase {
            Phase::Asked => true,
            Phase::Building | Phase::Ready(_) | Phase::Again => entry.task.started.keeper != keeper,
            Phase::Ended | Phase::Remains => false,
        });
        let stale: Vec<(AttemptId, bool)> = stale
            .map(|(attempt, entry)| (*attempt, entry.is_kill_wanted))
            .collect();
        for (attempt, is_kill_wanted) in stale {
            self.ready.remove(&attempt);
            self.again.remove(&attempt);
            self.begin(attempt);
            if is_kill_wanted {
                self.kill(attempt);
            }
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

fn kill(attempt: String) -> Request {
    Request::Kill {
        attempt,
        grace_ms: KILL_GRACE_MS,
    }
}

/// For an attempt that the keeper holds, which answers what became of it and reads nothing else.
fn ask_again(attempt: String) -> Request {
    Request::Launch(Box::new(Launch {
        attempt,
        argv: Vec::new(),
        env: Vec::new(),
        cwd: std::path::PathBuf::new(),
        log: std::path::PathBuf::new(),
        timeout_ms: None,
        grace_ms: 0,
    }))
}

fn remains_of(task: &LaunchTask, name: String, context: &Context) -> Remains {
    let attempt = Attempt::new(task, &context.config.state_dir);
    let mut paths = vec![attempt.path(&attempt.layout.log())];
    if attempt.has_folder() {
        paths.push(attempt.path(&attempt.layout.folder()));
    }
    Remains {
        attempt: task.attempt(),
        name,
        keeper: task.started.keeper.clone(),
        paths,
    }
}

/// Whether the folder that a step works in is there.
fn folder_of(task: &LaunchTask, context: &Context) -> bool {
    let attempt = Attempt::new(task, &context.config.state_dir);
    attempt.project_dir().is_dir()
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
