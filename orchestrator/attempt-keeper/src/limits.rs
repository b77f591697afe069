//! Every bound of the keeper and its client, with its reason.

use std::time::Duration;

/// Bytes of one message, in both directions. A process's arguments and environment together are
/// at most 2 MiB on Linux with the default stack limit; JSON may double that by escaping.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Bytes of an attempt identifier. It stands in the environment of every process of the attempt.
pub const ATTEMPT_ID_BYTES_MAX: usize = 256;

/// Attempts held at once: waiting, running, and ended without an acknowledgement. A hundred times
/// the parallelism of a large machine; above it launches are answered `busy`.
pub const ATTEMPTS_MAX: usize = 16_384;

/// Connections at once. One daemon holds a state folder; the rest is room for its successor and
/// for people who look.
pub const CONNECTIONS_MAX: usize = 16;

/// Bytes of answers that wait for one client that does not read. Above it the client is cut off;
/// nothing is lost, because statuses are kept until they are acknowledged.
pub const UNSENT_BYTES_MAX: usize = 16 << 20;

/// Bytes read from one connection before the others have their turn.
pub const READ_BYTES_PER_TURN: usize = 256 << 10;

/// How long a keeper without a connection, an attempt or an unacknowledged status lives on: long
/// enough for a daemon that restarts, short enough that nothing is left lying about.
pub const IDLE_MAX: Duration = Duration::from_secs(10);

/// How often the keeper looks whether its state folder is still there, and the longest sleep of its
/// loop. Deadlines are compared with the boot clock after each sleep, so a suspended machine
/// delays a timeout by no more than this.
pub const TICK: Duration = Duration::from_secs(1);

/// How often what an ended attempt left behind is looked at until it is gone.
pub const LEFTOVER_TICK: Duration = Duration::from_millis(20);

/// How long members of an ended attempt's process group may linger before `/proc` is read to see
/// whether they are only zombies of a parent that does not wait for them.
pub const LEFTOVER_ZOMBIES_AFTER: Duration = Duration::from_millis(500);

/// Processes that one line of keeper.log names: enough to look for, however many a step left behind.
pub const LEFTOVERS_NAMED_MAX: usize = 16;

/// How long after SIGKILL an attempt is reported as stuck: a process in uninterruptible sleep (a
/// dead network file system, a failing disk) cannot be ended by anyone. A launch may say otherwise.
pub const STUCK_AFTER: Duration = Duration::from_mins(1);

/// How long a keeper that lost its state folder waits for its killed attempts before it ends.
pub const FAREWELL_MAX: Duration = Duration::from_secs(5);

/// How long `connect_or_start` alternates between the socket and the lock before it gives up.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long a greeting may take. A keeper answers within a turn of its loop; only a stopped process
/// or a machine in distress takes seconds.
pub const GREETING_MAX: Duration = Duration::from_secs(5);

/// How long the holder of the lock may stand without a living socket before it is ended: far more
/// than the time between taking the lock and listening, and longer than [`TICK`], in which a keeper
/// replaces a socket file that somebody removed.
pub const SOCKETLESS_HOLDER_MAX: Duration = Duration::from_secs(3);

/// How long a new keeper tries for the lock. A client that probes it holds it for microseconds.
pub const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);

/// How often a keeper is started within one `connect_or_start` before its failure is reported.
pub const STARTS_MAX: u32 = 2;

/// The shortest and the longest pause between two tries for the socket or the lock.
pub const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// How long one write to the keeper may take; it reads whenever it is alive.
pub const SEND_MAX: Duration = Duration::from_secs(30);

/// How long a process that was sent SIGKILL may take to go before the wait for it is given up.
pub const KILL_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a new keeper waits, before it serves, for the end of what its predecessor's control
/// group holds. Well below [`SOCKETLESS_HOLDER_MAX`]; what takes longer is for `end_remains`.
pub const PREDECESSOR_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long a keeper that was killed may take to let go of its lock: its socket closes first.
pub const KEEPER_DEATH_MAX: Duration = Duration::from_secs(2);

/// Keepers before this one that the lock file remembers, so that their remains can be ended. Each
/// takes about 200 bytes; an attempt of an older keeper is looked for by its cookie.
pub const PREDECESSORS_MAX: usize = 64;

/// Bytes of the lock file that are read: the record with all its predecessors is about 16 KiB.
pub const LOCK_BYTES_MAX: u64 = 1 << 20;

/// Room that an attempt's log may take; a launch may say otherwise. Nobody reads more, and a step that
/// prints in a loop must not fill the disk.
pub const LOG_BYTES_MAX: u64 = 1 << 30;

/// What is kept of the start of a log that took more: how the step began.
pub const LOG_START_BYTES: u64 = 1 << 20;

/// What is kept of its end.
pub const LOG_END_BYTES: u64 = 64 << 20;

/// A hole begins and ends at a multiple of this: file systems free whole blocks.
pub const LOG_BLOCK_BYTES: u64 = 4096;

/// Bytes that are read at once from an attempt whose output is masked: what a pipe holds.
pub const PUMP_BYTES: usize = 64 << 10;

/// The shortest line of a secret with several lines that is masked by itself: shorter ones, such as a
/// bracket, stand in any text.
pub const MASKED_LINE_BYTES_MIN: usize = 4;

/// Bytes of an environment that are searched for the cookie; more than Linux lets a process have
/// with the default stack limit.
pub const ENVIRONMENT_BYTES_MAX: u64 = 4 << 20;

/// keeper.log and daemon.log are put aside once at this size, by whoever starts the process.
pub const PROCESS_LOG_BYTES_MAX: u64 = 64 << 20;

/// Lines of keeper.log that are shown when a keeper ends instead of serving.
pub const LOG_TAIL_LINES: usize = 20;

/// Bytes read from the end of a log for its last lines.
pub const LOG_TAIL_BYTES: u64 = 16 << 10;

/// The kernel's preference for a process when memory runs out: an attempt goes before the daemon,
/// the keeper and the user's other programs (0), but not before what asked to be first (1000).
pub const ATTEMPT_OOM_SCORE: &str = "500";
