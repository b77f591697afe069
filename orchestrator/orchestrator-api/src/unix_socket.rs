//! The transport over a daemon's unix socket: HTTP/1.1 by reqwest.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::http_call;
use crate::limits::SOCKET_ADDRESS_BYTES_MAX;
use crate::transport::{Answer, BoxFuture, Call, Transport, TransportError};

/// A transport to whoever listens on a socket. Connections are made as requests need them.
#[derive(Debug)]
pub struct UnixSocket {
    http: reqwest::Client,
    /// Kept open, because a long path goes through it.
    _folder: Option<File>,
}

impl UnixSocket {
    /// For the socket at this path, which need not exist yet; its folder must.
    pub fn new(path: &Path) -> io::Result<Self> {
        let (address, folder) = address(path)?;
        let http = http_call::builder(false)
            .unix_socket(address)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            http,
            _folder: folder,
        })
    }
}

/// A path that fits into a socket's address, and the folder's handle if it goes through that.
fn address(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    if path.as_os_str().as_bytes().len() <= SOCKET_ADDRESS_BYTES_MAX {
        return Ok((path.to_path_buf(), None));
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    let folder = File::open(parent)?;
    let short = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    Ok((short, Some(folder)))
}

impl Transport for UnixSocket {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        // The host is never looked up; HTTP/1.1 wants one all the same.
        http_call::send(&self.http, "http://localhost", call)
    }
}
