//! One client of the keeper: its bytes in both directions, never waited for.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use crate::limits::{READ_BYTES_PER_TURN, UNSENT_BYTES_MAX};
use crate::lines::LineBuffer;
use crate::protocol::{Answer, Received, decode, encode};

/// A connected client.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
    input: LineBuffer,
    output: Vec<u8>,
    /// The client's protocol, once it has said who it is.
    pub(crate) protocol: Option<u32>,
    /// Nothing more is read; it closes once all is sent.
    pub(crate) is_closing: bool,
    /// The client is gone, or is to be gone.
    pub(crate) is_over: bool,
}

impl Connection {
    /// For a stream that was set to non-blocking.
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            input: LineBuffer::default(),
            output: Vec::new(),
            protocol: None,
            is_closing: false,
            is_over: false,
        }
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Takes what has arrived. Half a line at the end of the stream is dropped.
    pub(crate) fn read(&mut self) -> Vec<Received> {
        let mut received = Vec::new();
        let mut piece = [0; 16 << 10];
        let mut taken = 0;
        while taken < READ_BYTES_PER_TURN && !self.is_closing {
            match self.stream.read(&mut piece) {
                Ok(0) => {
                    self.is_over = true;
                    break;
                }
                Ok(length) => {
                    taken += length;
                    self.input.push(&piece[..length]);
                    self.take_lines(&mut received);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.is_over = true;
                    break;
                }
            }
        }
        received
    }

    fn take_lines(&mut self, received: &mut Vec<Received>) {
        loop {
            match self.input.next_line() {
                Ok(Some(line)) => received.push(decode(line)),
                Ok(None) => return,
                Err(too_long) => {
                    received.push(Received::Malformed(too_long.to_string()));
                    return;
                }
            }
        }
    }

    /// Puts an answer behind those that wait.
    pub(crate) fn push(&mut self, answer: &Answer) {
        // Strings and numbers always become JSON; a client with a hole in its answers must not stay.
        if encode(answer, &mut self.output).is_err() || self.output.len() > UNSENT_BYTES_MAX {
            self.is_over = true;
        }
    }

    /// Sends what the socket takes.
    pub(crate) fn write(&mut self) {
        let mut sent = 0;
        while sent < self.output.len() && !self.is_over {
            match self.stream.write(&self.output[sent..]) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.is_over = true,
            }
        }
        self.output.drain(..sent);
        self.is_over |= self.is_closing && self.output.is_empty();
    }
}
