//! Every bound of the store, with its reason.

use std::time::Duration;

/// Bytes of a value in sled. Larger ones are objects: nodes over 128 KiB become blob files, which
/// sled does not always give back.
pub(crate) const ROW_BYTES_MAX: usize = 4096;

/// Rows of one batch. Every reader waits while a batch is applied, 10,000 rows for 134 ms.
pub(crate) const BATCH_ROWS_MAX: usize = 4096;

/// Journal rows of finished runs that one turn removes beside its own, where they were too many
/// for the batch that ended the run: some 15 ms.
pub(crate) const CLEARED_ROWS_MAX: usize = 1024;

/// Reused steps in one row: 25 bytes each, so that a block stays below [`ROW_BYTES_MAX`].
pub(crate) const BLOCK_ENTRIES_MAX: usize = 100;

/// How far the sequence numbers of one block reach. A reader that has gone so far beyond an event
/// has seen every block that may hold an earlier one.
pub(crate) const BLOCK_SPAN_MAX: u64 = 1024;

/// Files of a key that stand in the row itself. Larger sets are objects: the steps of a pipeline
/// share them.
pub(crate) const INLINE_FILES_MAX: usize = 8;

/// sled's page cache. It takes 1.7 times as much memory; 600,000 rows open in 23 MB with it.
pub(crate) const CACHE_BYTES: u64 = 8 << 20;

/// Plans that readers keep decoded: those of the runs that somebody looks at. One of 10,000 steps
/// is some 10 MB.
pub(crate) const PLANS_KEPT: usize = 8;

/// Sets of key files that readers keep decoded, and whose addresses the writer remembers; a set
/// has at most 10,000 files.
pub(crate) const FILE_SETS_KEPT: usize = 64;

/// How often a store that is held is tried again, with [`OPEN_PAUSE`] between: sled gives up its
/// lock a little after it is dropped, and a command that reads holds it for a moment. Who wants to
/// wait longer does so where the socket is tried as well.
pub(crate) const OPEN_TRIES: u32 = 20;

/// The pause after a try to open a store that is held.
pub(crate) const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// Ids that begin with a prefix are listed up to this many: enough to tell whether it is unique.
pub(crate) const PREFIX_MATCHES_MAX: usize = 2;
