//! What a daemon, or a command that reads without one, is told by the binary.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use component_api::catalog::Catalog;

use crate::door::Token;
use crate::planning::ResolveSettings;
use crate::serve_config::{ClientLimits, TlsFiles};

/// What the binary decides.
#[derive(Debug, Clone)]
pub struct DaemonConfig {
    /// The state folder; made if it is not there.
    pub state_dir: PathBuf,
    /// Components that pipelines may use.
    pub catalog: Catalog,
    /// Identity of the build: its version, in unreleased builds followed by `+` and the
    /// executable's digest.
    pub build: String,
    /// Absolute path of the binary, which is its own keeper and holds the standard components.
    pub executable: PathBuf,
    /// Most attempts at once, over all runs.
    pub slots: usize,
    /// Places by pool; a pool that is not named here has one.
    pub pools: BTreeMap<String, usize>,
    /// The OpenTelemetry collector that runs are told to: `http://HOST:PORT`; none if absent.
    pub traces: Option<String>,
    /// What clients may take.
    pub limits: ClientLimits,
    /// End after so long without clients and without unfinished runs; never if absent.
    pub idle_end: Option<Duration>,
    /// What is served over TCP; nothing if absent.
    pub serving: Option<Serving>,
}

/// What is served over TCP, and to whom.
#[derive(Debug, Clone)]
pub struct Serving {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may come in. Without any, only this user's own processes on this machine.
    pub tokens: Vec<Token>,
    /// Where the tokens are read anew when they change.
    pub config_file: Option<PathBuf>,
    /// The files of TLS, if it is used.
    pub tls: Option<TlsFiles>,
}

impl DaemonConfig {
    /// The command that a standard component's name and arguments follow.
    pub(crate) fn component_argv(&self) -> Vec<String> {
        let executable = self.executable.to_string_lossy().into_owned();
        vec![executable, "component".to_owned()]
    }

    /// What resolving steps takes. The version of a released build stands for its components; of an
    /// unreleased one only its digest tells them apart.
    pub(crate) fn resolve_settings(&self) -> ResolveSettings {
        let digest = self.build.split_once('+').map_or("", |(_, digest)| digest);
        ResolveSettings {
            state_dir: self.state_dir.clone(),
            build: digest.to_owned(),
        }
    }
}
