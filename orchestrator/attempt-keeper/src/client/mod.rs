//! The daemon's side: a connection to the keeper, started if there is none.
//!
//! Sending never waits for an answer, so a thousand launches a second need no thousand round trips.
//! Answers are handed to one function by one thread, in the order the keeper gave them.

mod reaching;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::error::KeeperError;
use crate::limits::{MESSAGE_BYTES_MAX, SEND_MAX};
use crate::lines::LineBuffer;
use crate::protocol::{Answer, KeeperGreeting, PROTOCOL_VERSION, Request, encode};

/// What reaches the daemon from the keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeeperMessage {
    /// Something about an attempt.
    Answer(Answer),
    /// The last message: the keeper died or cut the connection. Connecting again and sending every
    /// launch again tells what became of the attempts.
    Disconnected,
}

/// A connection to the keeper of a state folder. Dropping it ends the connection and harms no attempt.
pub struct KeeperClient {
    stream: Mutex<UnixStream>,
    greeting: KeeperGreeting,
}

impl fmt::Debug for KeeperClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeeperClient")
            .field("greeting", &self.greeting)
            .finish_non_exhaustive()
    }
}

impl KeeperClient {
    /// Connects to the keeper of a state folder; starts one when there is none.
    ///
    /// `keeper_argv` is the command that calls [`serve`](crate::serve) for this folder (an absolute
    /// one, for the keeper leaves the working directory). Tries for at most
    /// [`CONNECT_MAX`](crate::limits::CONNECT_MAX). Whatever the number of callers at once, one keeper comes of it.
    ///
    /// `on_answer` is called on a thread of its own, first possibly before this returns, and last
    /// with [`KeeperMessage::Disconnected`]. While it does not return, answers pile up in the keeper.
    pub fn connect_or_start(
        state_dir: &Path,
        keeper_argv: &[String],
        on_answer: Box<dyn FnMut(KeeperMessage) + Send>,
    ) -> Result<Self, KeeperError> {
        let reached = reaching::reach(state_dir, Some(keeper_argv))?;
        Self::begin(state_dir, reached, on_answer)
    }

    /// Connects to the keeper of a state folder if there is one.
    pub fn connect(
        state_dir: &Path,
        on_answer: Box<dyn FnMut(KeeperMessage) + Send>,
    ) -> Result<Self, KeeperError> {
        let reached = reaching::reach(state_dir, None)?;
        Self::begin(state_dir, reached, on_answer)
    }

    fn begin(
        state_dir: &Path,
        reached: reaching::Reached,
        on_answer: Box<dyn FnMut(KeeperMessage) + Send>,
    ) -> Result<Self, KeeperError> {
        let reaching::Reached {
            stream,
            greeting,
            received,
        } = reached;
        let failed = |error| KeeperError::io("connecting to the keeper of", state_dir)(error);
        let reading = stream.try_clone().map_err(failed)?;
        stream.set_write_timeout(Some(SEND_MAX)).map_err(failed)?;
        let thread = thread::Builder::new().name("keeper-answers".to_owned());
        thread
            .spawn(move || read_answers(reading, received, on_answer))
            .map_err(failed)?;
        Ok(Self {
            stream: Mutex::new(stream),
            greeting,
        })
    }

    /// The identity of this keeper process. An attempt that was started under another one is not held by it.
    pub fn instance(&self) -> &str {
        &self.greeting.instance
    }

    /// What the keeper said of itself.
    pub fn greeting(&self) -> &KeeperGreeting {
        &self.greeting
    }

    /// Whether the keeper speaks this program's protocol.
    ///
    /// One that does not starts nothing for this program, but tells and ends what it holds: it is of
    /// an earlier or a later version, and the next keeper takes its place once it holds nothing.
    pub fn speaks_our_protocol(&self) -> bool {
        self.greeting.protocol == PROTOCOL_VERSION
    }

    /// Whether the keeper takes secrets out of logs. One that does not must not be asked to.
    pub fn masks(&self) -> bool {
        self.greeting.masks
    }

    /// Sends one request.
    pub fn send(&self, request: &Request) -> Result<(), KeeperError> {
        self.send_all(std::slice::from_ref(request))
    }

    /// Sends requests with one write, in order. Those of a failed write may have arrived or not;
    /// launches are idempotent, so they are sent again after connecting anew.
    ///
    /// A request that cannot be written as a message fails all of them before anything is sent.
    pub fn send_all(&self, requests: &[Request]) -> Result<(), KeeperError> {
        let mut lines = Vec::new();
        for request in requests {
            let start = lines.len();
            encode(request, &mut lines).map_err(|error| KeeperError::Unsendable {
                reason: error.to_string(),
            })?;
            let length = lines.len() - start;
            if length > MESSAGE_BYTES_MAX {
                let reason = format!("it has {length} bytes, the limit is {MESSAGE_BYTES_MAX}");
                return Err(KeeperError::Unsendable { reason });
            }
        }
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(&lines).map_err(|error| {
            // Half a line may have gone out; nothing may follow it.
            let _ = stream.shutdown(Shutdown::Both);
            KeeperError::Disconnected(error)
        })
    }
}

impl Drop for KeeperClient {
    fn drop(&mut self) {
        let stream = self
            .stream
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // The reading thread sees the end of the stream, says so, and ends.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Hands over every answer until the stream ends. An answer of a newer protocol is passed over.
fn read_answers(
    mut stream: UnixStream,
    mut received: LineBuffer,
    mut on_answer: Box<dyn FnMut(KeeperMessage) + Send>,
) {
    let mut piece = vec![0; 64 << 10];
    loop {
        loop {
            match received.next_line() {
                Ok(Some(line)) => {
                    if let Ok(answer) = serde_json::from_slice(line) {
                        on_answer(KeeperMessage::Answer(answer));
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    let _ = stream.shutdown(Shutdown::Both);
                    break;
                }
            }
        }
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => received.push(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    on_answer(KeeperMessage::Disconnected);
}
