//! Answers that are read while they are written: event lines and logs.

use crate::error::ClientError;
use crate::event::EventLine;
use crate::limits::EVENT_LINE_BYTES_MAX;
use crate::transport::AnswerBody;

/// Event lines, one at a time.
pub struct EventStream {
    body: Box<dyn AnswerBody>,
    doing: String,
    /// What came and is no whole line yet; what was given out is before `taken`.
    buffer: Vec<u8>,
    taken: usize,
}

impl EventStream {
    pub(crate) fn new(body: Box<dyn AnswerBody>, doing: String) -> Self {
        Self {
            body,
            doing,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// The next event; `None` when the stream ended as it should. May be dropped while it waits,
    /// without losing an event.
    ///
    /// A stream that ends within a line is a broken connection.
    pub async fn next(&mut self) -> Result<Option<EventLine>, ClientError> {
        loop {
            while let Some(line) = self.take_line() {
                if !line.is_empty() {
                    return self.read(&line).map(Some);
                }
            }
            if self.buffer.len() > EVENT_LINE_BYTES_MAX {
                let bytes = EVENT_LINE_BYTES_MAX;
                return Err(ClientError::TooLarge {
                    doing: self.doing.clone(),
                    bytes,
                });
            }
            match self.body.chunk().await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk),
                Ok(None) if self.buffer.is_empty() => return Ok(None),
                Ok(None) => return Err(self.broken("the stream ended within a line".into())),
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// Takes a whole line out of the buffer, which afterwards holds less than a line or more lines.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let rest = &self.buffer[self.taken..];
        let Some(length) = rest.iter().position(|b| *b == b'\n') else {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            return None;
        };
        let line = rest[..length].to_vec();
        self.taken += length + 1;
        Some(line)
    }

    fn read(&self, line: &[u8]) -> Result<EventLine, ClientError> {
        serde_json::from_slice(line).map_err(|source| ClientError::Unreadable {
            doing: self.doing.clone(),
            status: 200,
            source,
        })
    }

    fn broken(&self, source: crate::transport::TransportError) -> ClientError {
        ClientError::Connection {
            doing: self.doing.clone(),
            source,
        }
    }
}

/// A log as it is written.
pub struct LogStream {
    body: Box<dyn AnswerBody>,
    doing: String,
}

impl LogStream {
    pub(crate) fn new(body: Box<dyn AnswerBody>, doing: String) -> Self {
        Self { body, doing }
    }

    /// The next bytes, of any length; `None` at the log's end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        self.body
            .chunk()
            .await
            .map_err(|source| ClientError::Connection {
                doing: self.doing.clone(),
                source,
            })
    }
}
