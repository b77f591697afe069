//! Answers that are written while they are read.
//!
//! The writer is a task of its own that waits for a slow reader; it ends with its reader.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::problem::Refusal;
use crate::limits::STREAM_PIECES;

/// The reader went away.
#[derive(Debug)]
pub(super) struct ReaderGone;

/// Why a stream ends before its time.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nobody reads it.
    ReaderGone,
    /// Who reads it takes too long.
    ReaderSlow,
    /// What was to be told cannot be read. The connection is cut, which a client can tell from an end.
    Failed(String),
}

impl From<ReaderGone> for Broken {
    fn from(_: ReaderGone) -> Self {
        Self::ReaderGone
    }
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal.detail().to_owned())
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The writing end of an answer.
#[derive(Debug)]
pub(super) struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Pieces {
    /// Sends a piece, and waits while the reader is slow.
    pub(super) async fn send(&self, piece: Vec<u8>) -> Result<(), ReaderGone> {
        if piece.is_empty() {
            return Ok(());
        }
        let sent = self.0.send(Ok(piece.into())).await;
        sent.map_err(|_| ReaderGone)
    }

    /// Waits until nobody reads any more.
    pub(super) async fn reader_gone(&self) {
        self.0.closed().await;
    }
}

/// An answer of this media type that `write` writes.
pub(super) fn answer<W, F>(media_type: &'static str, write: W) -> Response
where
    W: FnOnce(Pieces) -> F,
    F: Future<Output = Result<(), Broken>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(STREAM_PIECES);
    let cut = sender.clone();
    let writing = write(Pieces(sender));
    tokio::spawn(async move {
        match writing.await {
            Ok(()) | Err(Broken::ReaderGone) => {}
            Err(Broken::ReaderSlow) => tracing::debug!("a listener was too slow, and is dropped"),
            Err(Broken::Failed(why)) => {
                tracing::error!("a stream was cut: {why}");
                let _ = cut.send(Err(io::Error::other(why))).await;
            }
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    ([content_type], body).into_response()
}
