//! The keeper's unix socket: where it lies, who may speak over it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// The socket's name in the state folder.
pub(crate) const SOCKET_NAME: &str = "keeper.sock";

/// The longest path that an address of a unix socket holds, without its final zero (`sun_path`).
const ADDRESS_BYTES_MAX: usize = 107;

/// Where the socket of a state folder lies.
pub(crate) fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join(SOCKET_NAME)
}

/// An address for the socket, and the folder's handle, which a long path goes through.
fn address(state_dir: &Path) -> io::Result<(SocketAddrUnix, Option<File>)> {
    let path = socket_path(state_dir);
    if path.as_os_str().as_bytes().len() <= ADDRESS_BYTES_MAX {
        return Ok((SocketAddrUnix::new(&path)?, None));
    }
    let folder = File::open(state_dir)?;
    let short = format!("/proc/self/fd/{}/{SOCKET_NAME}", folder.as_raw_fd());
    Ok((SocketAddrUnix::new(short)?, Some(folder)))
}

/// Makes the socket and listens. Only the holder of the keeper's lock may call it, for it removes a
/// socket file that a dead keeper left.
pub(crate) fn listen(state_dir: &Path) -> io::Result<OwnedFd> {
    let path = socket_path(state_dir);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let (address, _folder) = address(state_dir)?;
    rustix::net::bind(&socket, &address)?;
    // Before `listen` nobody can connect, so the mode is right from the first connection on.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    rustix::net::listen(&socket, 64)?;
    Ok(socket)
}

/// Connects to whoever listens.
pub(crate) fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let (address, _folder) = address(state_dir)?;
    rustix::net::connect(&socket, &address)?;
    Ok(UnixStream::from(socket))
}

/// The user id of the process at the other end, as of its `connect` or `listen`.
pub(crate) fn peer_user(stream: &UnixStream) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw())
}

/// The user id that a peer must have: our own effective one.
pub(crate) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
