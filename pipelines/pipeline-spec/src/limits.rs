//! Every bound on what a pipeline file may hold, with its reason.

/// Longest pipeline file, in bytes: 100,000 steps take about 8 MB.
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Deepest nesting of lists and maps, aliases followed. Readers recurse, so this bounds the
/// stack; hand-written files stay below 12.
pub const DEPTH_MAX: usize = 64;

/// How much all aliases of a file together may expand to: bytes of text, and
/// [`NODE_WEIGHT`] for each value. Memory then stays within that of two files of the greatest size.
pub const ALIAS_WEIGHT_MAX: u64 = TEXT_BYTES_MAX as u64;

/// What a value weighs beside its text: about what it takes in memory.
pub const NODE_WEIGHT: u64 = 32;

/// Most errors, and most warnings, that are kept for one file: nobody reads more, and each costs memory.
pub const DIAGNOSTICS_MAX: usize = 1_000;

/// Longest pipeline, model or component name, in characters: they stand in tables and messages.
pub const NAME_CHARACTERS_MAX: usize = 128;

/// Longest id of a step, port or parameter, in characters: they become file names and variables.
pub const IDENTIFIER_CHARACTERS_MAX: usize = 63;

/// Largest component file, in bytes: a manifest, some hundred lines at the most.
pub const COMPONENT_BYTES_MAX: usize = 256 * 1024;

/// Most component files that one pipeline may use. Each is read and compiled with it.
pub const COMPONENT_FILES_MAX: usize = 256;

/// Most spans that one input takes: an artifact each, all named in every attempt's JSON.
pub const SPANS_MAX: usize = 1_000;

/// Most attempts that a policy may ask for: what fails a hundred times needs a person.
pub const ATTEMPTS_MAX: u32 = 100;

/// The greatest factor of a backoff: beyond it `max` is reached at once.
pub const BACKOFF_FACTOR_MAX: f64 = 100.0;

/// The greatest size: a pebibyte, more than any machine has and still exact as a float.
pub const SIZE_BYTES_MAX: u64 = 1 << 50;

/// The least memory that a step may ask for: below it no program starts.
pub const MEMORY_BYTES_MIN: u64 = 1 << 20;

/// Most processors, and most GPUs, that a step may ask for: more than the largest machines have.
pub const DEVICES_MAX: u32 = 4_096;

/// Most runs of a pipeline that `max_runs` lets run at once: the engine holds no more unfinished ones.
pub const MAX_RUNS_MAX: u32 = 1_000;

/// Most items of a step with `foreach`. Each is held in memory like a step and is a row of the run's status.
pub const ITEMS_MAX: usize = 10_000;

/// Longest duration, in milliseconds: ten years. What waits longer waits for ever, and ten times as
/// much would still fit wherever times are counted.
pub const DURATION_MS_MAX: u64 = 10 * 366 * 24 * 60 * 60 * 1_000;
