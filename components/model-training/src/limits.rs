//! The limits of the trainers, each with its reason.

/// Rows of one split. Rows are counted in 32 bits, which halves the memory of
/// every list of rows.
pub(crate) const ROWS_MAX: usize = u32::MAX as usize;

/// Feature columns. Trees name a feature in 32 bits; far below that, the
/// histograms of a tree's leaves would no longer fit in memory.
pub(crate) const FEATURES_MAX: usize = 1_000_000;

/// Classes of one label. Boosting grows a tree per class and round.
pub(crate) const CLASSES_MAX: usize = 1_000;

/// Above this many features a linear regression is solved by iterations: the
/// matrix of the normal equations would take more than 32 MiB and its
/// factorization more than a few seconds.
pub(crate) const NORMAL_EQUATIONS_FEATURES_MAX: usize = 2_048;

/// Parts that a sum over rows is split into for the threads. A constant, so
/// that the order of the sum does not depend on the machine; enough for more
/// cores than one training step is likely to be given.
pub(crate) const SUM_PARTS_MAX: usize = 64;

/// The fewest rows that are worth a part of their own.
pub(crate) const SUM_PART_ROWS_MIN: usize = 1_024;
