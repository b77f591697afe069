//! Every bound of the daemon's edge, with its reason. The loop's own stand in `run_loop::limits`.

use std::time::Duration;

/// Largest request body, in bytes: a pipeline file of the most that the language takes, twice over
/// for JSON's escapes, with its parameters and environment.
pub(crate) const REQUEST_BYTES_MAX: usize = 40 << 20;

/// Fewest characters of a prefix that names a run or an artifact.
pub(crate) const PREFIX_CHARACTERS_MIN: usize = 4;

/// Rows on a page of a list if the client does not say.
pub(crate) const PAGE_ROWS: usize = 20;

/// Most rows on a page: each may take a journal to be read, and the client has it all in memory.
pub(crate) const PAGE_ROWS_MAX: usize = 1_000;

/// Columns that a list of runs may be asked for: far more than fit on any screen.
pub(crate) const COLUMNS_MAX: usize = 64;

/// Events that are read from the store at once for a stream: a read this size takes some
/// milliseconds, and a slow client does not make the daemon hold more than their lines: with the pieces
/// that wait for it some 700 KB.
pub(crate) const EVENTS_READ: usize = 1_000;

/// Reads of events from the store at once, for all streams together: the journal of a run that is over is
/// taken into memory whole for it, and hundreds of listeners may come at the same moment.
pub(crate) const EVENTS_READERS_MAX: usize = 4;

/// Pieces of a stream that wait for a client that does not read. The writer then waits too.
pub(crate) const STREAM_PIECES: usize = 4;

/// Bytes of one piece of a stream.
pub(crate) const PIECE_BYTES: usize = 64 << 10;

/// How often a log that is followed is looked at: well below what a person notices.
pub(crate) const LOG_POLL: Duration = Duration::from_millis(100);

/// Plans that a stream of all runs' events remembers; beyond it they are read again.
pub(crate) const PLANS_REMEMBERED: usize = 64;

/// Runs of a pipeline that are searched, the newest first, for what stands in for a step that is not
/// selected. Each takes its journal to be read.
pub(crate) const STAND_IN_RUNS_MAX: usize = 100;

/// How long a question to git may take. A checkout on a cold disk takes a second or two; a run is
/// not kept from starting for longer.
pub(crate) const GIT_WAIT: Duration = Duration::from_secs(5);

/// Bytes of git's answer that are read; only whether there is one counts.
pub(crate) const GIT_BYTES_MAX: usize = 1 << 20;

/// How long the end waits for clients that are being answered. Streams end at once; what is left
/// is a client that does not read.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

/// How long the end waits for the loop: its turn in progress commits, which on a slow disk takes a while.
pub(crate) const LOOP_FAREWELL: Duration = Duration::from_mins(1);

/// How often it is looked whether the state folder is still there, and whether anyone needs the daemon.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// How long a daemon tries for its lock and its store: a read-only command holds both for as long as
/// it reads, and a predecessor for its end.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// The pause between two tries for a lock.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Connections over the unix socket at once: a person has a handful. With a log open for each, and
/// with those over TCP, they fit into the 1,024 descriptors that a process may have by default.
pub(crate) const CONNECTIONS_MAX: usize = 256;

/// Connections over TCP at once, unless the configuration says so: a few hundred listeners. They have no
/// part in those over the socket, so that nobody elsewhere can lock the owner out.
pub(crate) const TCP_CONNECTIONS_MAX: usize = 384;

/// Bytes of a request's first line and headers.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of a request: a browser behind a proxy sends about 30.
pub(crate) const HEADERS_MAX: usize = 64;

/// How long a request's head over TCP may take, the silence since the last request included, unless the
/// configuration says so: longer than a client keeps an idle connection by habit is of no use.
pub(crate) const HEAD_WAIT: Duration = Duration::from_secs(20);

/// How long a request's body may take, unless the configuration says so: the largest one, over a slow line.
pub(crate) const BODY_WAIT: Duration = Duration::from_secs(30);

/// How long a client may take for TLS.
pub(crate) const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// How long a client over TCP may leave an answer unread before its connection is cut, unless the
/// configuration says so.
pub(crate) const STALL_MAX: Duration = Duration::from_mins(1);

/// How long the keeper may take to answer that it is there, and whoever asks for metrics waits for it.
pub(crate) const KEEPER_WAIT: Duration = Duration::from_secs(1);

/// How long the loop may take to answer that it is ready; a turn takes milliseconds.
pub(crate) const READY_WAIT: Duration = Duration::from_secs(2);

/// Newest runs on the status page: about a screen.
pub(crate) const LATEST_RUNS: usize = 10;

/// Bytes of `ropewalk.yaml` that are read: far more than a person writes.
pub(crate) const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// How often it is looked whether `ropewalk.yaml` changed; within 5 s it counts.
pub(crate) const RELOAD_PAUSE: Duration = Duration::from_secs(2);

/// The longest path that an address of a unix socket holds, without its final zero (`sun_path`).
pub(crate) const SOCKET_ADDRESS_BYTES_MAX: usize = 107;

/// Bytes of the lock file that are read; the record takes about 200.
pub(crate) const LOCK_BYTES_MAX: u64 = 4 << 10;

/// Threads that serve the edge; the work is the loop's and the executor's.
pub(crate) const EDGE_THREADS: usize = 2;

/// Threads for reads of the store and of logs; each is short.
pub(crate) const BLOCKING_THREADS_MAX: usize = 32;

/// How often a stream of server-sent events says something when nothing happens: proxies cut
/// connections that are silent for a minute.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a listener of server-sent events may leave them unread, unless the configuration says so. It comes again with the number of
/// the last one; the daemon holds nothing for it meanwhile.
pub(crate) const SLOW_LISTENER: Duration = Duration::from_secs(10);

/// Spans that wait to be sent: those of some seconds of the fastest runs. What is more is dropped.
#[cfg(feature = "opentelemetry")]
pub(crate) const SPANS_QUEUED: usize = 8_192;

/// Spans in one message to a collector, as OpenTelemetry's own exporters have it.
#[cfg(feature = "opentelemetry")]
pub(crate) const SPANS_SENT_MAX: usize = 512;

/// How long spans are gathered for one message.
#[cfg(feature = "opentelemetry")]
pub(crate) const SPANS_GATHERED: Duration = Duration::from_millis(200);

/// How long a collector may take for a message, as OpenTelemetry's own exporters have it.
#[cfg(feature = "opentelemetry")]
pub(crate) const SPANS_WAIT: Duration = Duration::from_secs(10);

/// How long a daemon that ends waits for the collector to take what is left.
#[cfg(feature = "opentelemetry")]
pub(crate) const SPANS_FAREWELL: Duration = Duration::from_secs(2);

/// Files of an artifact that are walked through for a list.
pub(crate) const FILES_WALKED_MAX: usize = 100_000;

/// Characters of an idempotency key; an identity of any kind fits.
pub(crate) const KEY_CHARACTERS_MAX: usize = 255;

/// How long idempotency keys are kept. Whoever asks again does so within a day.
pub(crate) const KEYS_KEPT: Duration = Duration::from_hours(7 * 24);

/// Bytes of the framework's own refusals; each is a sentence.
pub(crate) const REFUSAL_BYTES_MAX: usize = 4 << 10;

/// Largest whole number in a query: what a double-precision number holds exactly.
pub(crate) const WHOLE_NUMBER_MAX: u64 = (1 << 53) - 1;
