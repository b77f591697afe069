//! Every bound of the client, with its reason.

use std::time::Duration;

/// The longest path that an address of a unix socket holds, without its final zero (`sun_path`).
pub const SOCKET_ADDRESS_BYTES_MAX: usize = 107;

/// How long a connection may take: the daemon is on this machine or near, and a full backlog drains
/// within this or never.
pub const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// How long a whole answer may take: `plan` may digest gigabytes first; beyond this the daemon hangs.
pub const ANSWER_WAIT: Duration = Duration::from_mins(5);

/// Largest whole answer, in bytes: a status document of 100,000 steps takes about 60 MB.
pub const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Longest event line, in bytes: a reason and an error of a few KiB each fit many times.
pub const EVENT_LINE_BYTES_MAX: usize = 1 << 20;
