//! From a state folder to a keeper that answers: socket, then lock, in turns, and a new keeper when
//! nobody holds the lock.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Instant;

use crate::error::KeeperError;
use crate::limits::{
    CONNECT_MAX, GREETING_MAX, KILL_WAIT_MAX, RETRY_PAUSE, SOCKETLESS_HOLDER_MAX, STARTS_MAX,
};
use crate::lines::LineBuffer;
use crate::lock::{self, Holder, LockRecord};
use crate::process_table::{boot_id, end_process, stat};
use crate::protocol::{Answer, ClientGreeting, KeeperGreeting, PROTOCOL_VERSION, Request, encode};
use crate::socket;
use crate::spawn::{Background, log_tail, start_background, status_text};

/// The keeper's own log in the state folder.
const LOG_NAME: &str = "keeper.log";

/// A keeper that has greeted.
pub(super) struct Reached {
    pub(super) stream: UnixStream,
    pub(super) greeting: KeeperGreeting,
    /// What it may have sent beyond its greeting.
    pub(super) received: LineBuffer,
}

/// Finds the keeper, or starts it by `keeper_argv`. Without a command only a living one is found.
pub(super) fn reach(
    state_dir: &Path,
    keeper_argv: Option<&[String]>,
) -> Result<Reached, KeeperError> {
    let give_up = Instant::now() + CONNECT_MAX;
    let mut starter = Starter {
        state_dir,
        starts: 0,
        process: None,
    };
    let mut pause = RETRY_PAUSE.0;
    // Who holds the lock without a living socket, and since when.
    let mut socketless: Option<(Option<u32>, Instant)> = None;
    let not_reached = || KeeperError::NotReached {
        state_dir: state_dir.to_path_buf(),
        seconds: CONNECT_MAX.as_secs(),
    };
    loop {
        if let Some(reached) = greet(state_dir)? {
            return Ok(reached);
        }
        match (lock::holder(state_dir)?, keeper_argv) {
            (Holder::Nobody, Some(argv)) => {
                socketless = None;
                starter.start_unless_starting(argv)?;
            }
            (Holder::Nobody, None) => return Err(not_reached()),
            (Holder::Somebody(record), _) => {
                let pid = record.as_ref().map(|record| record.keeper.pid);
                match socketless {
                    Some((same, since)) if same == pid => {
                        if since.elapsed() >= SOCKETLESS_HOLDER_MAX {
                            end_holder(state_dir, record.as_ref())?;
                            socketless = None;
                        }
                    }
                    _ => socketless = Some((pid, Instant::now())),
                }
            }
        }
        if Instant::now() >= give_up {
            return Err(not_reached());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(RETRY_PAUSE.1);
    }
}

/// Connects and exchanges greetings. `None` if nobody listens, or the keeper ends this very moment.
fn greet(state_dir: &Path) -> Result<Option<Reached>, KeeperError> {
    let path = socket::socket_path(state_dir);
    let mut stream = match socket::connect(state_dir) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(KeeperError::io("connecting to", &path)(error)),
    };
    let failed = |error| KeeperError::io("connecting to", &path)(error);
    let theirs = socket::peer_user(&stream).map_err(failed)?;
    let ours = socket::own_user();
    if theirs != ours {
        return Err(KeeperError::ForeignSocket { path, theirs, ours });
    }
    let hello = Request::Hello(ClientGreeting {
        protocol: PROTOCOL_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let mut line = Vec::new();
    encode(&hello, &mut line).map_err(|error| failed(error.into()))?;
    stream
        .set_write_timeout(Some(GREETING_MAX))
        .map_err(failed)?;
    let mut received = LineBuffer::default();
    let greeting = match stream
        .write_all(&line)
        .and_then(|()| listen(&mut stream, &mut received))
    {
        Ok(Some(greeting)) => greeting,
        Ok(None) => return Ok(None),
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) if is_timeout(&error) => {
            let pid = lock::last_record(state_dir).map(|record| record.keeper.pid);
            return Err(KeeperError::Silent {
                state_dir: state_dir.to_path_buf(),
                pid,
            });
        }
        Err(error) => return Err(failed(error)),
    };
    stream.set_read_timeout(None).map_err(failed)?;
    Ok(Some(Reached {
        stream,
        greeting,
        received,
    }))
}

/// Reads up to the keeper's greeting. `None` at the end of the stream.
fn listen(
    stream: &mut UnixStream,
    received: &mut LineBuffer,
) -> io::Result<Option<KeeperGreeting>> {
    let give_up = Instant::now() + GREETING_MAX;
    let mut piece = [0; 4096];
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece) {
            Ok(0) => return Ok(None),
            Ok(length) => received.push(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        while let Some(line) = received.next_line().map_err(io::Error::other)? {
            if let Ok(Answer::Hello(greeting)) = serde_json::from_slice(line) {
                return Ok(Some(greeting));
            }
        }
    }
}

/// No socket file, a socket file of a dead process, a process that ends while it is spoken to.
fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
    )
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// Starts keepers, one at a time and not for ever.
struct Starter<'a> {
    state_dir: &'a Path,
    starts: u32,
    process: Option<Background>,
}

impl Starter<'_> {
    fn start_unless_starting(&mut self, argv: &[String]) -> Result<(), KeeperError> {
        let log = self.state_dir.join(LOG_NAME);
        if let Some(process) = &mut self.process {
            match process.ended() {
                // On its way to the lock.
                None => return Ok(()),
                Some(status) if self.starts >= STARTS_MAX => {
                    return Err(KeeperError::Died {
                        state_dir: self.state_dir.to_path_buf(),
                        status: status_text(status),
                        tail: log_tail(&log),
                    });
                }
                Some(_) => {}
            }
        }
        let started = start_background(argv, &log).map_err(|source| KeeperError::Start {
            state_dir: self.state_dir.to_path_buf(),
            source,
        })?;
        self.process = Some(started);
        self.starts += 1;
        Ok(())
    }
}

/// Ends a keeper that holds the lock and does not listen. Only a process that is proven to be the one
/// which wrote the record is touched.
fn end_holder(state_dir: &Path, record: Option<&LockRecord>) -> Result<(), KeeperError> {
    let path = lock::lock_path(state_dir);
    let unknown = || KeeperError::UnknownHolder { path: path.clone() };
    let keeper = &record.ok_or_else(unknown)?.keeper;
    let boot = boot_id().map_err(KeeperError::io("reading the boot id for", &path))?;
    let is_it = stat(keeper.pid).is_some_and(|now| now.start_time == keeper.start_time);
    if boot != keeper.boot_id || !is_it {
        return Err(unknown());
    }
    let wait_ms = u32::try_from(KILL_WAIT_MAX.as_millis()).unwrap_or(u32::MAX);
    end_process(keeper.pid, keeper.start_time, wait_ms)
        .map_err(KeeperError::io("ending the holder of", &path))?;

    Ok(())
}
