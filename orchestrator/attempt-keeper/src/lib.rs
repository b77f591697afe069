//! The process that holds attempts, its protocol, and all spawning of the product.
//!
//! An attempt is a child of `ropewalk keeper` and not of the daemon: so the daemon may end, crash or
//! be upgraded without harm to a running step, and an exit status that nobody was there to see is
//! kept. The crate is used from two sides: [`serve`] is the whole life of the keeper, and
//! [`KeeperClient`] is how the daemon speaks to it. What a dead keeper left behind is ended, and
//! proven dead, by [`end_remains`].
//!
//! It knows nothing of pipelines, runs or stores: an attempt is an opaque identifier, a command and
//! a log file. It uses no asynchronous runtime; the keeper is three threads around one table, and one
//! for each attempt whose output is masked.
//!
//! # Invariant
//!
//! For one attempt identifier there are never two live processes: launching is idempotent, and an
//! attempt counts as ended only when what it left behind is gone as well.

mod cgroup;
mod client;
mod error;
mod keeper;
mod limited;
pub mod limits;
mod lines;
mod lock;
mod mask;
mod process_table;
mod protocol;
mod remains;
mod socket;
mod spawn;
mod system;

pub use client::{KeeperClient, KeeperMessage};
pub use error::KeeperError;
pub use keeper::serve;
pub use limited::launch_limited;
pub use mask::{MASK, Masker};
pub use process_table::COOKIE_VARIABLE;
pub use protocol::{
    Answer, ClientGreeting, ExitStatus, KeeperGreeting, Launch, Limits, PROTOCOL_VERSION, Request,
};
pub use remains::{Ended, Proof, RemainsError, Trace, end_remains};
pub use spawn::{
    Output, SpawnError, StartedDaemon, become_program, enter_own_session, output_of, start_daemon,
};
