//! daemon.sock: where it lies, who may speak over it, and how it is served.
//!
//! Whoever may open the socket may start commands as its owner; so it is the owner's alone, and the
//! kernel's word for who is at the other end is asked besides.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::Router;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::conversation::hold;
use super::stream::ClientStream;
use super::{Clients, Connection};
use crate::ending::Ending;
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
    clients: Clients,
    owner: u32,
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
            clients: Clients::at_most(CONNECTIONS_MAX),
            owner: rustix::process::geteuid().as_raw(),
        })
    }

    pub(crate) fn clients(&self) -> Clients {
        self.clients.clone()
    }

    /// Answers the owner's requests until the end begins, and those that are under way then.
    pub(crate) async fn serve(self, router: Router, ending: Ending) {
        let mut conversations = JoinSet::new();
        loop {
            let stream = tokio::select! {
                stream = self.accept() => stream,
                Some(_) = conversations.join_next() => continue,
                _ = ending.begun() => break,
            };
            let (router, ending) = (router.clone(), ending.clone());
            // The owner may look at what it likes for as long as it likes.
            conversations.spawn(async move {
                hold(stream, router, (Connection::owners(), None), &ending).await;
            });
        }
        drop(self.listener);
        conversations.join_all().await;
    }

    async fn accept(&self) -> ClientStream<UnixStream> {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.is_owner(&stream) => {
                    if let Some(permit) = self.clients.another().await {
                        return ClientStream::new(stream, permit, None);
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
