//! Whose process is at the other end of a connection over loopback.
//!
//! TCP has no credentials; Linux tells the owner of each socket in `/proc/net/tcp` (proc(5)). The other
//! end of a connection over loopback is a socket of this very machine, so it stands there too.

use std::fs;
use std::net::SocketAddr;

/// Both tables: an IPv4 connection may be a socket of IPv6 at the other end.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// The states in which a socket can send and has an owner: `ESTABLISHED`, `CLOSE_WAIT`.
const OPEN_STATES: [&str; 2] = ["01", "08"];

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This daemon's user's, or the superuser's.
    Ours,
    /// Another user's, another machine's, or that of nobody who can be told.
    Foreign,
}

/// Who is at the other end of the connection from `peer` to `local`. It reads files of the kernel's.
pub(super) fn of(peer: SocketAddr, local: SocketAddr) -> Peer {
    if !peer.ip().to_canonical().is_loopback() {
        return Peer::Foreign;
    }
    let ours = rustix::process::geteuid().as_raw();
    let owner = TABLES
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| owner_in(&table, peer.port(), local.port()));
    match owner {
        Some(user) if user == ours || user == 0 => Peer::Ours,
        _ => Peer::Foreign,
    }
}

/// The owner of the socket that is bound to one port of loopback and connected to another.
fn owner_in(table: &str, from: u16, to: u16) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        let state = fields.next()?;
        let user = fields.nth(3)?;
        let is_it = port(local)? == from
            && port(remote)? == to
            && is_loopback(local)
            && OPEN_STATES.contains(&state);
        is_it.then(|| user.parse().ok())?
    })
}

/// The port of `0100007F:1D97`.
fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()
}

/// Whether an address, as the kernel writes it, is one of loopback: 127.0.0.0/8, that in IPv6, or `::1`.
/// Each 32 bits are written in the byte order of this machine.
fn is_loopback(address: &str) -> bool {
    let ip = address.split(':').next().unwrap_or_default();
    let word = |text: &str| u32::from_str_radix(text, 16).map(u32::to_ne_bytes);
    let words: Result<Vec<[u8; 4]>, _> = (0..ip.len() / 8)
        .map(|index| word(&ip[index * 8..index * 8 + 8]))
        .collect();
    match words.as_deref() {
        Ok([v4]) => v4[0] == 127,
        Ok([a, b, c, d]) => {
            let bytes = [*a, *b, *c, *d].concat();
            let address: [u8; 16] = bytes.try_into().unwrap_or_default();
            std::net::Ipv6Addr::from(address)
                .to_canonical()
                .is_loopback()
        }
        _ => false,
    }
}
