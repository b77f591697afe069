//! One connection: requests and answers in turn, until the client or the daemon ends it.

use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::Connection;
use crate::ending::Ending;
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};

/// Answers over a stream. `head_wait`: how long a request's head may take, the silence before it
/// included; for ever if absent. Each request is marked with what it came over.
pub(super) async fn hold<S>(
    stream: S,
    router: Router,
    (connection, head_wait): (Connection, Option<Duration>),
    ending: &Ending,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        // A router is always ready.
        router.clone().call(request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head_wait)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let mut answering = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = answering.as_mut() => ended,
        _ = ending.begun() => {
            answering.as_mut().graceful_shutdown();
            answering.await
        }
    };
    if let Err(error) = ended {
        // A client that goes away, is too slow or speaks another protocol: its own affair.
        tracing::debug!("a connection ended: {error}");
    }
}
