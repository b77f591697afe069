//! Every bound of this crate, with its reason.

/// Rows of one Parquet row group that we write: the unit that statistics are computed by in
/// parallel, and what a writer holds in memory (65,536 rows of 20 numbers are 10 MB).
pub const ROW_GROUP_ROWS: usize = 65_536;

/// Rows of one batch that a reader hands out.
pub const BATCH_ROWS: usize = 8_192;

/// Rows of one block of an input file, the unit of parallel conversion.
pub const BLOCK_ROWS: usize = 8_192;

/// Bytes of text after which a block of an input file ends early, so that long texts do not
/// multiply the memory that blocks take.
pub const BLOCK_BYTES: usize = 4 << 20;

/// Blocks of an input file that are converted at the same time for each thread: enough to keep the
/// threads busy, few enough that memory stays flat.
pub const BLOCKS_PER_THREAD: usize = 2;

/// Bytes of one CSV record or line of JSON. A longer one is nearly always an unclosed quote that
/// swallows the rest of the file; the bound keeps it from swallowing the memory as well.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

/// Columns of an input file; a wider file is nearly always one with the wrong delimiter or line ends,
/// or JSON whose keys are data.
pub const COLUMNS_MAX: usize = 20_000;

/// Values that a quantile sketch keeps as they are: up to here quantiles and histograms are exact.
pub const QUANTILES_EXACT_VALUES: usize = 65_536;

/// Values of one level of a quantile sketch once it is no longer exact. With 4,096 the rank error
/// stays under 0.2 % for a billion values (`statistics/quantiles.rs` derives it).
pub const QUANTILES_LEVEL_VALUES: usize = 4_096;

/// Distinct categories that are counted exactly; beyond it counts are lower bounds and the number
/// of distinct values is estimated. 131,072 short strings take about 10 MB.
pub const CATEGORIES_EXACT: usize = 131_072;

/// The `HyperLogLog`'s registers, as a power of two: 65,536 give a standard error of 0.4 %.
pub const DISTINCT_LG_K: u8 = 16;

/// Bytes of a category's label; longer values are counted together, as TFDV does.
pub const CATEGORY_LABEL_BYTES_MAX: usize = 1_024;

/// Ranks that a rank histogram keeps (TFDV's default).
pub const RANK_HISTOGRAM_RANKS: usize = 1_000;

/// Top values that are listed (TFDV's default).
pub const TOP_VALUES: usize = 20;

/// Buckets of a histogram (TFDV's default).
pub const HISTOGRAM_BUCKETS: usize = 10;

/// Distinct strings up to which a string domain is inferred (components.md).
pub const STRING_DOMAIN_VALUES_MAX: usize = 100;

/// Bytes of a schema file. A schema of 20,000 features is under 5 MB.
pub const SCHEMA_FILE_BYTES_MAX: u64 = 16 << 20;

/// Unexpected values that an anomaly's text names before it says how many more there are.
pub const ANOMALY_VALUES_NAMED: usize = 20;
