//! The TCP port: whoever reaches it, within limits.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::conversation::hold;
use super::stream::ClientStream;
use super::{Clients, Connection};
use crate::ending::Ending;
use crate::limits::{HANDSHAKE_WAIT, RETRY_PAUSE};
use crate::serve_config::ClientLimits;

/// The port, listening.
pub(crate) struct TcpPort {
    listener: TcpListener,
    clients: Clients,
    tls: Option<TlsAcceptor>,
    limits: ClientLimits,
}

impl TcpPort {
    /// Listens at an address, over TLS if there is something to do it with.
    pub(crate) async fn listen(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        limits: ClientLimits,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            clients: Clients::at_most(limits.connections),
            tls,
            limits,
        })
    }

    /// Where it listens, as a URL: with the port that the system chose if none was asked for.
    pub(crate) fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.listener.local_addr()?))
    }

    /// Answers requests until the end begins, and those that are under way then.
    pub(crate) async fn serve(self, router: Router, ending: Ending) {
        let mut conversations = JoinSet::new();
        loop {
            let (stream, permit) = tokio::select! {
                accepted = self.accept() => accepted,
                Some(_) = conversations.join_next() => continue,
                _ = ending.begun() => break,
            };
            let (router, ending) = (router.clone(), ending.clone());
            let (tls, limits) = (self.tls.clone(), self.limits);
            conversations.spawn(async move {
                converse((stream, permit), tls, limits, router, &ending).await;
            });
        }
        drop(self.listener);
        conversations.join_all().await;
    }

    /// The next connection, once there may be another one.
    async fn accept(&self) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        let permit = self.clients.another().await;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(error) => {
                    // Out of descriptors, or a client that went away again: neither is for ever.
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }
}

async fn converse(
    (stream, permit): (TcpStream, Option<OwnedSemaphorePermit>),
    tls: Option<TlsAcceptor>,
    limits: ClientLimits,
    router: Router,
    ending: &Ending,
) {
    let Some(permit) = permit else {
        return;
    };
    let connection = Connection::over(&stream);
    // Events are small, and each is news.
    let _ = stream.set_nodelay(true);
    let stream = ClientStream::new(stream, permit, Some(limits.unread));
    let Some(tls) = tls else {
        return hold(stream, router, (connection, Some(limits.head)), ending).await;
    };
    match timeout(HANDSHAKE_WAIT, tls.accept(stream)).await {
        Ok(Ok(stream)) => hold(stream, router, (connection, Some(limits.head)), ending).await,
        Ok(Err(error)) => tracing::debug!("no TLS with a client: {error}"),
        Err(_) => tracing::debug!("a client took too long for TLS"),
    }
}
