//! The product as its users have it: the real binary, real processes, the real store.
//!
//! And, in `architecture`, what ARCHITECTURE.md says about the crates, held against them.
#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod architecture;
mod bad_input;
mod client_limits;
mod cron;
mod daemon_stand_in;
mod damage;
mod errors_page;
mod exit_status;
mod explained;
mod failures;
mod following;
#[cfg(feature = "servers")]
mod foreign_judges;
mod init;
#[cfg(feature = "servers")]
mod json_schema;
mod kill;
mod kubeflow;
mod language;
mod listeners;
mod live;
mod long_log;
mod low_disk;
#[cfg(feature = "servers")]
mod other_frameworks;
#[cfg(feature = "servers")]
mod out_of_memory;
mod pictures;
mod power_loss;
mod processes;
mod random;
mod reboot;
mod reuse;
mod routes;
mod secrets;
mod security;
mod server;
mod serving;
mod snapshots;
mod state_folders;
mod stuck;
mod support;
mod three_ways;
mod torture;
mod tour;
#[cfg(all(feature = "servers", feature = "opentelemetry"))]
mod traces;
mod transcripts;
