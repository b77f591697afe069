//! Every bound of preparing, launching and looking at outputs, with its reason.

use std::time::Duration;

/// Threads for everything that touches files. Digests are bound by the disk and by memory
/// bandwidth, syncs by the journal of the file system; more threads gain nothing on either.
pub const WORKERS_MAX: usize = 8;

/// Attempts handed to a worker at once where each takes but a few system calls: fewer switches
/// between threads, and still work for every thread at the usual parallelism.
pub const ATTEMPTS_PER_JOB: usize = 16;

/// Files that may be part of a step's reuse key.
pub const KEY_FILES_MAX: usize = 10_000;

/// Bytes of these files together: they are read whenever the step becomes ready.
pub const KEY_BYTES_MAX: u64 = 64 << 20;

/// External files of one input port. Each takes about 200 bytes in the run's record.
pub const INPUT_FILES_MAX: usize = 100_000;

/// Files of one output artifact. Each takes about 200 bytes in the step's record.
pub const OUTPUT_FILES_MAX: usize = 100_000;

/// A file changed this recently may change again without a new time stamp (file systems count in
/// ticks of up to 2 s), so its digest is not remembered.
pub const MEMO_AGE_MIN: Duration = Duration::from_secs(2);

/// Digests that are remembered, at about 300 bytes each. Above it all are forgotten: it is a memo.
pub const MEMO_ENTRIES_MAX: usize = 200_000;

/// Bytes read at once while digesting: enough for several threads to share in (128 KiB each).
pub const DIGEST_BUFFER_BYTES: usize = 1 << 20;

/// How often a file is digested anew because it was written meanwhile, before it is a failure.
pub const DIGEST_TRIES_MAX: u32 = 3;

/// Bytes of a YAML file that are searched to see whether it is a pipeline.
pub const PIPELINE_BYTES_MAX: u64 = 1 << 20;

/// Bytes of an `ExecutorOutput`, of `$ROPEWALK_OUTPUT`, of a file of metrics or a blessing: they
/// are read into memory and their content becomes part of the run's record.
pub const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// Bytes of one output parameter's value. Larger data is an artifact.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// Characters of a reason or a hint that a component gives: a sentence, or some. It is shown whole
/// wherever the step is.
pub const SENTENCE_CHARACTERS_MAX: usize = 2_000;

/// Properties of one artifact.
pub const PROPERTIES_MAX: usize = 64;

/// Bytes of a file with a secret, and of a `.env`. A variable holds less.
pub const SECRET_BYTES_MAX: u64 = 1 << 20;

/// Bytes of one argument, or of one variable's value: Linux takes 128 KiB with the NUL behind it
/// and, of a variable, its name.
pub const TEXT_BYTES_MAX: usize = (128 << 10) - 256;

/// Bytes of an attempt's arguments and environment together: what Linux takes with the default
/// stack limit (a quarter of 8 MiB).
pub const COMMAND_BYTES_MAX: usize = 2 << 20;

/// Milliseconds between SIGTERM and SIGKILL when an attempt is ended whose step does not say
/// `grace:`: what container orchestrators give, so programs expect it.
pub const KILL_GRACE_MS: u64 = 30_000;

/// Processes and threads of an attempt whose step says what it takes: many times what a program with a
/// thread for each processor has, and little enough that one which forks for ever harms no other.
pub const LIMITED_PIDS_MAX: u64 = 16_384;

/// Below this much free space nothing is launched.
pub const FREE_BYTES_MIN: u64 = 1 << 30;

/// Below this share of the file system, in percent, nothing is launched.
pub const FREE_PERCENT_MIN: u64 = 2;

/// How often what could not be launched (no space, a keeper without room) is tried again.
pub const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// How long it takes until a keeper that could not be started is tried again.
pub const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// How long a keeper may take to say what it holds.
pub const LIST_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long one try to end what is left of an attempt may take; after it the others have their turn.
pub const REMAINS_TRY_MAX: Duration = Duration::from_secs(10);

/// How long everything that can be done to end an attempt may take before it is told as stuck: what
/// waits for a disk or a network that comes back is gone by then.
pub const STUCK_AFTER: Duration = Duration::from_mins(1);

/// How long it takes until remains that could not be ended are tried again.
pub const REMAINS_PAUSE: Duration = Duration::from_secs(2);
