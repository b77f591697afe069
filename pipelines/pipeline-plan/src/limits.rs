//! Every bound on compiling and on expressions, with its reason.

/// Longest expression, in bytes: what is longer is a program, and belongs in a step.
pub const EXPRESSION_BYTES_MAX: usize = 16 * 1024;

/// Most words and signs in one expression. Reading and evaluating recurse at most once for each,
/// so this bounds the stack: 256 levels need well under 1 MiB.
pub const EXPRESSION_TOKENS_MAX: usize = 256;

/// What evaluating one expression may cost: an instruction costs 1, and so do 64 bytes that are
/// made. 64 MiB of text is far more than any command or variable can hold.
pub const EXPRESSION_FUEL: u64 = 1_000_000;

/// Deepest nesting of a value that an expression gives, as in a pipeline file.
pub const VALUE_DEPTH_MAX: usize = 64;

/// Most steps that a message about a cycle names; a longer one is cut in the middle.
pub const CYCLE_NAMES_MAX: usize = 64;

/// Most steps visited to find whether steps that are looked up come later: 2 s, and a thousand times
/// what pipelines written by hand take.
pub const AWAITED_VISITS_MAX: usize = 50_000_000;

/// Most names compared to find nearest ones in one compilation: a file of thousands of steps and
/// mistakes would otherwise take their product.
pub const NEAREST_COMPARISONS_MAX: usize = 1_000_000;
