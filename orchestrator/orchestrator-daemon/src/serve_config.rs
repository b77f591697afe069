//! `ropewalk.yaml`: what a daemon is told by the people who run it.
//!
//! It reads the file and checks what can be checked without the network. What a setting does is
//! whoever's it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pipeline_spec::duration;
use serde::Deserialize;

use crate::door::{Scope, Token};
use crate::limits::{
    BODY_WAIT, CONFIG_BYTES_MAX, HEAD_WAIT, SLOW_LISTENER, STALL_MAX, TCP_CONNECTIONS_MAX,
};

/// Where a server listens if nobody says.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7575";

/// Most attempts at once, over all runs, if nobody says. Each is a process; a run of its own has its
/// own bound.
pub const SLOTS_DEFAULT: usize = 256;

/// What the file says.
#[derive(Debug, Clone, Default)]
pub struct ServeConfig {
    /// Where to listen.
    pub listen: Option<String>,
    /// Most attempts at once, over all runs.
    pub slots: Option<usize>,
    /// Places by pool; a pool that is not named here has one, and one with none starts nothing.
    pub pools: BTreeMap<String, usize>,
    /// What is logged: a level, or levels by module (`info,run_store=debug`).
    pub log: Option<String>,
    /// Who may come in over TCP.
    pub tokens: Vec<Token>,
    /// The files of TLS, if it is used.
    pub tls: Option<TlsFiles>,
    /// What clients may take.
    pub limits: ClientLimits,
    /// The OpenTelemetry collector that runs are told to.
    pub traces: Option<String>,
}

/// What clients may take of a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// How long a request's head over TCP may take, the silence before it included.
    pub head: Duration,
    /// How long a request's body may take.
    pub body: Duration,
    /// How long an answer over TCP may be left unread.
    pub unread: Duration,
    /// How long server-sent events may be left unread.
    pub listener: Duration,
    /// Connections over TCP at once.
    pub connections: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            head: HEAD_WAIT,
            body: BODY_WAIT,
            unread: STALL_MAX,
            listener: SLOW_LISTENER,
            connections: TCP_CONNECTIONS_MAX,
        }
    }
}

/// The files of TLS, with absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// A chain of certificates, the server's own first (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file says what it cannot say.
    #[error("{}: {why}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        why: String,
    },
    /// There is nothing to listen at.
    #[error("`{listen}` is no address to listen at: {why}")]
    BadListen {
        /// What was given.
        listen: String,
        /// What is wrong.
        why: String,
    },
}

/// The file's own form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    listen: Option<String>,
    slots: Option<usize>,
    pools: BTreeMap<String, usize>,
    log: Option<String>,
    tokens: Vec<WrittenToken>,
    tls: Option<WrittenTls>,
    limits: WrittenLimits,
    traces: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenLimits {
    head: Option<String>,
    body: Option<String>,
    unread: Option<String>,
    listener: Option<String>,
    connections: Option<usize>,
}

impl WrittenLimits {
    fn read(&self) -> Result<ClientLimits, String> {
        let usual = ClientLimits::default();
        let time = |name: &str, text: &Option<String>, usual: Duration| {
            let Some(text) = text else {
                return Ok(usual);
            };
            match duration::parse(text) {
                Ok(0) => Err(format!("`limits.{name}` leaves a client no time")),
                Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
                Err(why) => Err(format!("`limits.{name}`: {why}; {}", duration::FORMS)),
            }
        };
        if self.connections == Some(0) {
            return Err("`limits.connections: 0` would let nobody in; give at least 1".to_owned());
        }
        Ok(ClientLimits {
            head: time("head", &self.head, usual.head)?,
            body: time("body", &self.body, usual.body)?,
            unread: time("unread", &self.unread, usual.unread)?,
            listener: time("listener", &self.listener, usual.listener)?,
            connections: self.connections.unwrap_or(usual.connections),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenToken {
    name: String,
    scope: Scope,
    sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTls {
    certificate: PathBuf,
    key: PathBuf,
}

impl ServeConfig {
    /// Reads a file. An empty one says nothing.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = text(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(|why| {
            ConfigError::Invalid {
                path: path.to_path_buf(),
                why,
            }
        })
    }

    /// What a text says; paths in it are relative to the folder.
    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let written: Option<Written> =
            serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let written = written.unwrap_or_default();
        if written.slots == Some(0) {
            return Err("`slots: 0` could never start a step; give at least 1".to_owned());
        }
        let tokens = written.tokens.into_iter().map(|token| {
            Token::new(&token.name, token.scope, &token.sha256)
                .map_err(|why| format!("token `{}`: {why}", token.name))
        });
        Ok(Self {
            listen: written.listen,
            slots: written.slots,
            pools: written.pools,
            log: written.log,
            limits: written.limits.read()?,
            traces: written.traces.map(collector).transpose()?,
            tokens: tokens.collect::<Result<_, _>>()?,
            tls: written.tls.map(|tls| TlsFiles {
                certificate: folder.join(tls.certificate),
                key: folder.join(tls.key),
            }),
        })
    }

    /// The address to listen at.
    pub fn address(&self) -> Result<SocketAddr, ConfigError> {
        let listen = self.listen.as_deref().unwrap_or(LISTEN_DEFAULT);
        let bad = |why: String| ConfigError::BadListen {
            listen: listen.to_owned(),
            why,
        };
        let mut addresses = listen
            .to_socket_addrs()
            .map_err(|error| bad(format!("{error}; give HOST:PORT")))?;
        addresses
            .next()
            .ok_or_else(|| bad("the name stands for no address".to_owned()))
    }
}

/// A collector's address. What is told to it needs a feature of the build.
fn collector(url: String) -> Result<String, String> {
    let rest = url.strip_prefix("http://").or(url.strip_prefix("https://"));
    if rest.is_none_or(str::is_empty) {
        return Err(format!(
            "`traces: {url}` is no address of a collector; give one like `http://127.0.0.1:4318`"
        ));
    }
    if cfg!(feature = "opentelemetry") {
        return Ok(url);
    }
    Err("`traces` needs a ropewalk that was built with `--features opentelemetry`".to_owned())
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?
        .take(CONFIG_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if length as u64 > CONFIG_BYTES_MAX {
        let why = format!("it is larger than {CONFIG_BYTES_MAX} bytes");
        return Err(io::Error::other(why));
    }
    Ok(text)
}
