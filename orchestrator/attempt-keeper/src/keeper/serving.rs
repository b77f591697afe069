//! The keeper's loop: clients, deadlines, and the question whether there is still something to do.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::SocketFlags;

use super::attempts::{ConnectionId, Now};
use super::clock::Moment;
use super::connection::Connection;
use super::leftovers::{cap, settle};
use super::note::note;
use super::shared::{Shared, State};
use crate::error::KeeperError;
use crate::limits::{CONNECTIONS_MAX, FAREWELL_MAX, IDLE_MAX, LEFTOVER_TICK, TICK};
use crate::lock::{KeeperIdentity, KeeperLock};
use crate::protocol::{Answer, KeeperGreeting, PROTOCOL_VERSION, Received, Request};
use crate::socket;

/// Everything that the loop owns.
pub(crate) struct Serving {
    state_dir: PathBuf,
    lock: KeeperLock,
    shared: Arc<Shared>,
    greeting: KeeperGreeting,
    listener: OwnedFd,
    /// Device and inode of our socket file.
    socket_file: Option<(u64, u64)>,
    connections: BTreeMap<ConnectionId, Connection>,
    connections_made: ConnectionId,
    last_tick: Moment,
    /// Since when there is nothing to do.
    idle_since: Option<Moment>,
    /// A client asked it to end, and nothing was held.
    is_dismissed: bool,
}

/// Why the keeper ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Idle,
    Dismissed,
    FolderGone,
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Idle => "no connection, no attempt, nothing unacknowledged",
            Self::Dismissed => "asked to, and nothing was held",
            Self::FolderGone => {
                "its lock file is gone, and with it the state folder; attempts were killed"
            }
        })
    }
}

/// What the loop needs to know of the table after a turn.
struct Outlook {
    next_deadline: Option<Moment>,
    has_ending: bool,
    held: usize,
}

impl Serving {
    /// Listens.
    pub(crate) fn new(
        state_dir: PathBuf,
        lock: KeeperLock,
        shared: Arc<Shared>,
        keeper: &KeeperIdentity,
    ) -> Result<Self, KeeperError> {
        let path = socket::socket_path(&state_dir);
        let listener =
            socket::listen(&state_dir).map_err(KeeperError::io("listening on", &path))?;
        let greeting = KeeperGreeting {
            protocol: PROTOCOL_VERSION,
            instance: keeper.instance.clone(),
            pid: keeper.pid,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            masks: true,
        };
        let mut serving = Self {
            state_dir,
            lock,
            shared,
            greeting,
            listener,
            socket_file: None,
            connections: BTreeMap::new(),
            connections_made: 0,
            last_tick: Moment::now(),
            idle_since: None,
            is_dismissed: false,
        };
        serving.socket_file = serving.socket_file_now();
        Ok(serving)
    }

    /// Turns until there is nothing left to do.
    pub(crate) fn run(mut self) -> Result<End, KeeperError> {
        let mut wait = Duration::ZERO;
        loop {
            let readable = self.wait(wait)?;
            self.accept();
            let mut received = Vec::new();
            for id in readable {
                if let Some(connection) = self.connections.get_mut(&id) {
                    received.extend(connection.read().into_iter().map(|one| (id, one)));
                }
            }
            let outlook = self.turn(received);
            self.connections.values_mut().for_each(Connection::write);
            self.connections.retain(|_, connection| !connection.is_over);
            let now = Moment::now();
            if now.since(self.last_tick) >= TICK {
                self.last_tick = now;
                if !self.lock.is_in_place() {
                    self.farewell();
                    return Ok(End::FolderGone);
                }
                self.restore_socket();
                let logs = self.shared.lock().attempts.logs();
                logs.iter().for_each(cap);
            }
            if let Some(end) = self.end(&outlook, now) {
                // Still under the lock, so it is our own socket file and not a successor's.
                let _ = fs::remove_file(socket::socket_path(&self.state_dir));
                return Ok(end);
            }
            wait = self.next_wait(&outlook, now);
        }
    }

    /// One turn under the table's lock: requests, deadlines, leftovers, answers.
    fn turn(&mut self, received: Vec<(ConnectionId, Received)>) -> Outlook {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        shared.loop_looks(&mut state);
        let now = Now::read();
        for (from, received) in received {
            self.take(&mut state, from, received, now);
        }
        shared.queued.notify_one();
        state.attempts.pass_deadlines(now.moment);
        if state.attempts.has_ending() || now.moment.since(self.last_tick) >= TICK {
            settle(&mut state);
        }
        let answers = state.attempts.take_outbox();
        let outlook = Outlook {
            next_deadline: state.attempts.next_deadline(),
            has_ending: state.attempts.has_ending(),
            held: state.attempts.count(),
        };
        drop(state);
        for (to, answer) in answers {
            if let Answer::Stuck { attempt, pids } = &answer {
                note(format_args!(
                    "attempt {attempt} is stuck: {pids:?} survive SIGKILL"
                ));
            }
            // A client that is gone will ask again.
            if let Some(connection) = self.connections.get_mut(&to) {
                connection.push(&answer);
            }
        }
        outlook
    }

    fn take(&mut self, state: &mut State, from: ConnectionId, received: Received, now: Now) {
        let Some(connection) = self.connections.get_mut(&from) else {
            return;
        };
        if connection.is_closing {
            return;
        }
        let request = match received {
            Received::Request(request) => request,
            Received::Unsupported(request) => {
                connection.push(&Answer::Unsupported { request });
                return;
            }
            Received::Malformed(message) => {
                note(format_args!("connection {from}: {message}"));
                connection.push(&Answer::Malformed { message });
                connection.is_closing = true;
                return;
            }
        };
        if connection.protocol.is_none() && !matches!(request, Request::Hello(_)) {
            let message = "the first message of a connection is `hello`".to_owned();
            connection.push(&Answer::Malformed { message });
            connection.is_closing = true;
            return;
        }
        match request {
            Request::Hello(client) => {
                connection.protocol = Some(client.protocol);
                connection.push(&Answer::Hello(self.greeting.clone()));
                note(format_args!(
                    "connection {from}: version {:?}, protocol {}",
                    client.version, client.protocol
                ));
            }
            // What is new may mean something else in another protocol; what is held is only asked for.
            Request::Launch(launch)
                if connection.protocol != Some(PROTOCOL_VERSION)
                    && !state.attempts.holds(&launch.attempt) =>
            {
                let request = "launch".to_owned();
                connection.push(&Answer::Unsupported { request });
            }
            Request::Launch(launch) => state.attempts.launch(from, *launch),
            Request::Kill { attempt, grace_ms } => {
                state.attempts.kill(from, &attempt, grace_ms, now);
            }
            Request::Acknowledge { attempt } => state.attempts.acknowledge(&attempt),
            Request::List => connection.push(&Answer::Held {
                attempts: state.attempts.held(),
            }),
            Request::End if state.attempts.count() == 0 => self.is_dismissed = true,
            Request::End => {
                connection.push(&Answer::Occupied {
                    attempts: state.attempts.count(),
                });
            }
        }
    }

    /// Sleeps until something happens, and names the connections that have something to read.
    fn wait(&self, wait: Duration) -> Result<Vec<ConnectionId>, KeeperError> {
        let timeout = Timespec::try_from(wait).unwrap_or(Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        });
        let mut fds = vec![
            PollFd::new(&self.shared.wake, PollFlags::IN),
            PollFd::new(&self.listener, PollFlags::IN),
        ];
        let watched = fds.len();
        for connection in self.connections.values() {
            let mut events = PollFlags::empty();
            events.set(PollFlags::IN, !connection.is_closing);
            events.set(PollFlags::OUT, connection.has_output());
            fds.push(PollFd::new(&connection.stream, events));
        }
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(error) => {
                return Err(KeeperError::io("waiting in", &self.state_dir)(error.into()));
            }
        }
        let readable = self
            .connections
            .keys()
            .zip(&fds[watched..])
            .filter(|(_, fd)| {
                fd.revents()
                    .intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
            });
        Ok(readable.map(|(id, _)| *id).collect())
    }

    /// Takes whoever knocks, if it is the same user.
    fn accept(&mut self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        while let Ok(socket) = rustix::net::accept_with(&self.listener, flags) {
            let stream = UnixStream::from(socket);
            match socket::peer_user(&stream) {
                Ok(user) if user == socket::own_user() => {}
                other => {
                    note(format_args!(
                        "a connection of another user was refused: {other:?}"
                    ));
                    continue;
                }
            }
            if self.connections.len() >= CONNECTIONS_MAX {
                note(format_args!(
                    "more than {CONNECTIONS_MAX} connections; one was refused"
                ));
                continue;
            }
            self.connections_made += 1;
            self.connections
                .insert(self.connections_made, Connection::new(stream));
        }
    }

    fn end(&mut self, outlook: &Outlook, now: Moment) -> Option<End> {
        if self.is_dismissed {
            return Some(End::Dismissed);
        }
        if !self.connections.is_empty() || outlook.held > 0 {
            self.idle_since = None;
            return None;
        }
        let since = *self.idle_since.get_or_insert(now);
        (now.since(since) >= IDLE_MAX).then_some(End::Idle)
    }

    fn next_wait(&self, outlook: &Outlook, now: Moment) -> Duration {
        let until_tick = self.last_tick.after(TICK).since(now);
        let until_deadline = outlook
            .next_deadline
            .map_or(TICK, |deadline| deadline.since(now));
        let until_leftovers = if outlook.has_ending {
            LEFTOVER_TICK
        } else {
            TICK
        };
        until_tick.min(until_deadline).min(until_leftovers)
    }

    /// Listens anew if somebody removed the socket file: the lock is ours, so the name is ours too.
    fn restore_socket(&mut self) {
        if self.socket_file.is_some() && self.socket_file == self.socket_file_now() {
            return;
        }
        match socket::listen(&self.state_dir) {
            Ok(listener) => {
                note(format_args!("the socket file was gone; it is made again"));
                self.listener = listener;
                self.socket_file = self.socket_file_now();
            }
            Err(error) => note(format_args!(
                "the socket file cannot be made again: {error}"
            )),
        }
    }

    fn socket_file_now(&self) -> Option<(u64, u64)> {
        let data = fs::symlink_metadata(socket::socket_path(&self.state_dir)).ok()?;
        Some((data.dev(), data.ino()))
    }

    /// Kills every attempt and waits a little for their ends, which the reaper sees.
    fn farewell(&self) {
        let start = Moment::now();
        while Moment::now().since(start) < FAREWELL_MAX {
            let mut state = self.shared.lock();
            state.attempts.kill_all(Moment::now());
            settle(&mut state);
            let is_over = !state.attempts.has_processes() && state.orphans.list().is_empty();
            drop(state);
            if is_over {
                return;
            }
            std::thread::sleep(LEFTOVER_TICK);
        }
    }
}
