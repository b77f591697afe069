//! The daemon: the loop that runs pipelines, and the HTTP API around it.
//!
//! [`serve`] is the whole life of a daemon; [`Offline`] answers the same routes within a command that
//! only reads. It does not know the standard components (they come with [`DaemonConfig`]), nor the
//! command line.
//!
//! # Invariant
//!
//! One process holds a state folder. In it one thread, the loop's, changes runs and writes the store;
//! the routes send commands and read.

pub mod clock;
pub mod command;
mod config;
mod documents;
mod door;
mod edge;
mod ending;
mod error;
mod following;
mod git;
mod http;
mod limits;
mod lock;
mod machine;
mod metrics;
mod need;
mod offline;
pub mod planning;
mod resolve;
pub mod run_loop;
mod serve;
mod serve_config;
mod state_folder;
#[cfg(feature = "opentelemetry")]
mod traces;
pub mod views;

pub use config::{DaemonConfig, Serving};
pub use door::{Scope, Token};
pub use error::DaemonError;
pub use lock::is_held;
pub use offline::Offline;
pub use run_executor::secret_of_environment;
pub use serve::serve;
pub use serve_config::{
    ClientLimits, ConfigError, LISTEN_DEFAULT, SLOTS_DEFAULT, ServeConfig, TlsFiles,
};
