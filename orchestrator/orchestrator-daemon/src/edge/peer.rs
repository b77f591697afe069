//! Whose process is at the other end of a connection.
//!
//! TCP has no credentials; Linux tells the owner of each socket in `/proc/net/tcp` (proc(5)). The other
//! end of a connection over loopback is a socket of this very machine, so it stands there too. The kernel
//! writes the whole table for each question, so it is asked only for a request that is answered by the
//! answer, and once for a connection.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OnceCell;

/// Both tables: an IPv4 connection may be a socket of IPv6 at the other end.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This daemon's user's, or the superuser's.
    Ours,
    /// Another user's, another machine's, or that of nobody who can be told.
    Foreign,
}

/// What a request came over.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// The client's end and the daemon's, where they are known.
    ends: Option<(SocketAddr, SocketAddr)>,
    peer: Arc<OnceCell<Peer>>,
}

impl Connection {
    /// Over the unix socket, which lets the owner in only.
    pub(super) fn owners() -> Self {
        Self {
            ends: None,
            peer: Arc::new(OnceCell::new_with(Some(Peer::Ours))),
        }
    }

    pub(super) fn over(stream: &TcpStream) -> Self {
        let ends = stream.peer_addr().and_then(|client| {
            let daemon = stream.local_addr()?;
            Ok((client, daemon))
        });
        Self {
            ends: ends.ok(),
            peer: Arc::new(OnceCell::new()),
        }
    }

    /// Who is at the other end. A client that went away is nobody who can be told.
    pub(crate) async fn peer(&self) -> Peer {
        let ask = async || {
            let Some((client, daemon)) = self.ends else {
                return Peer::Foreign;
            };
            let asked = tokio::task::spawn_blocking(move || owner(client, daemon));
            asked.await.unwrap_or(Peer::Foreign)
        };
        *self.peer.get_or_init(ask).await
    }
}

/// Whose socket at `client` is connected to `daemon`. It reads files of the kernel's.
fn owner(client: SocketAddr, daemon: SocketAddr) -> Peer {
    let (client, daemon) = (canonical(client), canonical(daemon));
    if !client.ip().is_loopback() {
        return Peer::Foreign;
    }
    let ours = rustix::process::geteuid().as_raw();
    let owner = TABLES
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| owner_in(&table, client, daemon));
    match owner {
        Some(user) if user == ours || user == 0 => Peer::Ours,
        _ => Peer::Foreign,
    }
}

/// An IPv4 address as such, also where IPv6 carries it; without scope and flow.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The user of the socket that is bound to one address and connected to the other.
///
/// A socket without an inode is no process's any more; the kernel then tells the superuser for its user.
fn owner_in(table: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        let (user, inode) = (fields.nth(4)?, fields.nth(1)?);
        let is_it = inode != "0" && address(local)? == from && address(remote)? == to;
        is_it.then(|| user.parse().ok())?
    })
}

/// The address that the kernel writes as `0100007F:1D97`: each 32 bits of the IP address in the byte order
/// of this machine, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip = if ip.len() == 8 {
        IpAddr::from(word(0)?)
    } else {
        let words = [word(0)?, word(8)?, word(16)?, word(24)?];
        IpAddr::from(<[u8; 16]>::try_from(words.concat()).ok()?)
    };
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(canonical(SocketAddr::new(ip, port)))
}
