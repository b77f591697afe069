//! The seam between the client and whoever answers: a socket, or routes in this process.
//!
//! Bodies come in chunks, because events and logs are followed while they are written.

use std::error::Error;
use std::pin::Pin;

/// A future that may be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why nothing was answered: no connection, or a broken one.
pub type TransportError = Box<dyn Error + Send + Sync + 'static>;

/// Carries one request to whoever answers it.
pub trait Transport: Send + Sync {
    /// Gives the head of the answer and a body that is still to come.
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>>;
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is done.
    pub method: Method,
    /// To what: an absolute path, percent-encoded, with its query.
    pub path_and_query: String,
    /// Headers besides those that belong to the body.
    pub headers: Vec<(&'static str, String)>,
    /// A JSON body.
    pub body: Option<Vec<u8>>,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes something.
    Post,
}

impl Method {
    /// As HTTP writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// An answer.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What follows.
    pub body: Box<dyn AnswerBody>,
}

/// A body that comes in chunks.
pub trait AnswerBody: Send {
    /// The next chunk; `None` at the body's end.
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>>;
}

/// A body that is there already.
#[derive(Debug)]
pub struct WholeBody(Option<Vec<u8>>);

impl WholeBody {
    /// A body of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Some(bytes.into()))
    }
}

impl AnswerBody for WholeBody {
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        let bytes = self.0.take().filter(|bytes| !bytes.is_empty());
        Box::pin(std::future::ready(Ok(bytes)))
    }
}
