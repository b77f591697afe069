//! Which split a row belongs to: by a digest of its cells, by its file, or by its time.
//!
//! A row's bucket is a digest of its own cells, so it moves only if its cells or the header
//! change: rows that are added never move another row between training and evaluation. It reads
//! no files; cells are the texts as they were read.

mod by_file;
mod by_time;

pub use by_file::FileSplits;
pub use by_time::{TimeBound, TimeRange, TimeSplits};

use sha2::{Digest, Sha256};

use crate::DataError;
use crate::examples::is_split_name;

/// Ends a column's name before its cell in the hashed text (ASCII unit separator).
const NAME_END: u8 = 0x1F;
/// Ends a cell in the hashed text (ASCII record separator).
const CELL_END: u8 = 0x1E;

/// How rows find their split.
#[derive(Debug, Clone)]
pub enum Splits {
    /// By a digest of the row.
    Hash {
        /// The buckets.
        buckets: HashSplits,
        /// The one column whose cell decides where a row goes, instead of all.
        key: Option<String>,
    },
    /// By the file that the row came from.
    Files(FileSplits),
    /// By a time in the row.
    Time(TimeSplits),
}

impl From<HashSplits> for Splits {
    fn from(buckets: HashSplits) -> Self {
        Self::Hash { buckets, key: None }
    }
}

impl Splits {
    /// The names, in order.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Hash { buckets, .. } => buckets.names().map(str::to_owned).collect(),
            Self::Files(files) => files.names().map(str::to_owned).collect(),
            Self::Time(times) => times.names().map(str::to_owned).collect(),
        }
    }
}

/// Refuses names of splits that cannot be folders, that stand twice, and none at all.
fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), DataError> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !is_split_name(name) {
            return Err(DataError::Request(format!(
                "splits: `{name}` cannot name a split; use letters, digits, _ and - (at most 63)"
            )));
        }
        if seen.contains(&name) {
            return Err(DataError::Request(format!(
                "splits: `{name}` is named twice"
            )));
        }
        seen.push(name);
    }
    if seen.is_empty() {
        return Err(DataError::Request(
            "splits: name at least one split".to_owned(),
        ));
    }
    Ok(())
}

/// Splits by hash buckets, in order, with their weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashSplits {
    splits: Vec<(String, u64)>,
    total: u64,
}

impl HashSplits {
    /// The default: two thirds for training, one third for evaluation (TFX's default).
    pub fn train_and_eval() -> Self {
        Self {
            splits: vec![("train".to_owned(), 2), ("eval".to_owned(), 1)],
            total: 3,
        }
    }

    /// Splits with their weights, in the order in which their buckets follow each other.
    ///
    /// # Errors
    ///
    /// No split, a name that cannot be a folder's, a repeated name, a weight of 0, or a sum of
    /// weights over 2^63.
    pub fn new(splits: Vec<(String, u64)>) -> Result<Self, DataError> {
        check_names(splits.iter().map(|(name, _)| name.as_str()))?;
        let mut total = 0_u64;
        for (name, weight) in &splits {
            if *weight == 0 {
                return Err(DataError::Request(format!(
                    "splits: `{name}` has weight 0 and would be empty; give it at least 1"
                )));
            }
            total = total
                .checked_add(*weight)
                .filter(|total| *total < 1 << 63)
                .ok_or_else(|| {
                    DataError::Request("splits: the sum of the weights is too large".to_owned())
                })?;
        }
        Ok(Self { splits, total })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.splits.iter().map(|(name, _)| name.as_str())
    }

    /// The position of the split that a row's hash falls into.
    pub fn locate(&self, hash: u64) -> usize {
        let mut bucket = hash % self.total;
        for (index, (_, weight)) in self.splits.iter().enumerate() {
            if bucket < *weight {
                return index;
            }
            bucket -= weight;
        }
        // The weights add up to the total, so the loop has returned.
        self.splits.len() - 1
    }
}

/// The hash of a row: SHA-256 over name, 0x1F, cell, 0x1E of every given column in header order,
/// of which the first eight bytes count, big-endian.
pub fn row_hash<'a>(
    cells: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    scratch: &mut Vec<u8>,
) -> u64 {
    scratch.clear();
    for (name, cell) in cells {
        scratch.extend_from_slice(name);
        scratch.push(NAME_END);
        scratch.extend_from_slice(cell);
        scratch.push(CELL_END);
    }
    let digest = Sha256::digest(&scratch[..]);
    let mut first = [0_u8; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_documented_bytes() {
        // python3: hashlib.sha256(b"a\x1f1\x1eb\x1f\x1e").digest()[:8]
        let cells: [(&[u8], &[u8]); 2] = [(b"a", b"1"), (b"b", b"")];
        assert_eq!(
            row_hash(cells.into_iter(), &mut Vec::new()),
            0x3623_9cec_bbd7_5809
        );
    }

    #[test]
    fn buckets_follow_the_weights_in_order() {
        let splits =
            HashSplits::new(vec![("a".into(), 2), ("b".into(), 1), ("c".into(), 3)]).unwrap();
        let located: Vec<usize> = (0..12).map(|hash| splits.locate(hash)).collect();
        assert_eq!(located, [0, 0, 1, 2, 2, 2, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn senseless_splits_are_refused() {
        let refused = |splits: &[(&str, u64)], part: &str| {
            let splits = splits
                .iter()
                .map(|(name, weight)| ((*name).to_owned(), *weight))
                .collect();
            let message = HashSplits::new(splits).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        };
        refused(&[], "at least one");
        refused(&[("a", 0)], "weight 0");
        refused(&[("a", 1), ("a", 1)], "twice");
        refused(&[("../a", 1)], "cannot name");
        refused(&[("", 1)], "cannot name");
        refused(&[("a", u64::MAX), ("b", 1)], "too large");
    }
}
