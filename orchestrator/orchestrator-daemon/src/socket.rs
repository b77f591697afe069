//! daemon.sock: where it lies, who may speak over it, and how many do.
//!
//! Whoever may open the socket may start commands as its owner; so it is the owner's alone, and the
//! kernel's word for who is at the other end is asked besides.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::serve::Listener;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{CONNECTIONS_MAX, RETRY_PAUSE, SOCKET_ADDRESS_BYTES_MAX};

/// Its name in the state folder.
const SOCKET_NAME: &str = "daemon.sock";

/// Connections that wait to be accepted; beyond it a client is told to try again.
const BACKLOG: i32 = 128;

/// Where the socket of a state folder lies.
pub(crate) fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join(SOCKET_NAME)
}

/// The socket, listening.
#[derive(Debug)]
pub(crate) struct OwnersSocket {
    listener: UnixListener,
    /// A permit for each connection that may still be made.
    permits: Arc<Semaphore>,
    owner: u32,
}

/// How many clients there are.
#[derive(Debug, Clone)]
pub(crate) struct Clients(Arc<Semaphore>);

impl Clients {
    pub(crate) fn count(&self) -> usize {
        CONNECTIONS_MAX.saturating_sub(self.0.available_permits())
    }
}

impl OwnersSocket {
    /// Makes the socket and listens. Only the holder of the state folder's lock may call it, for it
    /// removes the file that a dead daemon left.
    pub(crate) fn listen(state_dir: &Path) -> io::Result<Self> {
        let path = socket_path(state_dir);
        remove(&path)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = SocketType::STREAM;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?;
        let (address, _folder) = address(state_dir, &path)?;
        rustix::net::bind(&socket, &address)?;
        // Before `listen` nobody can connect, so the mode is right from the first connection on.
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(Self {
            listener: UnixListener::from_std(socket.into())?,
            permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            owner: rustix::process::geteuid().as_raw(),
        })
    }

    pub(crate) fn clients(&self) -> Clients {
        Clients(Arc::clone(&self.permits))
    }

    /// Whether whoever is at the other end is the owner.
    fn is_owner(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == self.owner => true,
            Ok(peer) => {
                tracing::warn!("user {} was refused at the socket", peer.uid());
                false
            }
            Err(error) => {
                tracing::warn!("who connected to the socket cannot be told: {error}");
                false
            }
        }
    }
}

/// Removes the socket's file; only under the state folder's lock.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// An address for the socket, and the folder's handle, which a long path goes through.
fn address(state_dir: &Path, path: &Path) -> io::Result<(SocketAddrUnix, Option<File>)> {
    if path.as_os_str().as_bytes().len() <= SOCKET_ADDRESS_BYTES_MAX {
        return Ok((SocketAddrUnix::new(path)?, None));
    }
    let folder = File::open(state_dir)?;
    let short = format!("/proc/self/fd/{}/{SOCKET_NAME}", folder.as_raw_fd());
    Ok((SocketAddrUnix::new(short)?, Some(folder)))
}

impl Listener for OwnersSocket {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.is_owner(&stream) => {
                    // Nobody closes the semaphore.
                    if let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await {
                        let connection = Connection {
                            stream,
                            _permit: permit,
                        };
                        return (connection, ());
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    // Out of descriptors, or a client that went away again: neither is for ever.
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection, which counts as a client while it lives.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
