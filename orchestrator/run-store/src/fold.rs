//! Folded journals: all rows of a finished run's journal in one object.
//!
//! Header (codec 3, version), then for each row its number (8 bytes), the length of its value (4)
//! and the value as it was in its row, header included; numbers big-endian.

use run_engine::seams::StoreError;

use crate::objects::{Aside, Objects};
use crate::stored::codec::{ADDRESS_BYTES, FOLDED, HEADER_BYTES, damaged};

const WHAT: &str = "a folded journal";
const VERSION: u8 = 1;
const SEQ_BYTES: usize = 8;
const LENGTH_BYTES: usize = 4;

/// A folded journal that is being written.
pub(crate) struct Folding(Aside);

impl Folding {
    /// Begins one.
    pub(crate) fn begin(objects: &Objects) -> Result<Self, StoreError> {
        let mut file = objects.aside()?;
        file.write(&[FOLDED, VERSION])?;
        Ok(Self(file))
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, seq: u64, value: &[u8]) -> Result<(), StoreError> {
        self.0.write(&seq.to_be_bytes())?;
        self.0.write(&(value.len() as u32).to_be_bytes())?;
        self.0.write(value)
    }

    /// Its address, once it is there.
    pub(crate) fn finish(self) -> Result<[u8; ADDRESS_BYTES], StoreError> {
        self.0.finish()
    }
}

/// The rows in a folded journal: number and value.
pub(crate) fn rows(
    file: &[u8],
) -> Result<impl Iterator<Item = Result<(u64, &[u8]), StoreError>>, StoreError> {
    let Some(([FOLDED, version], mut rest)) = file.split_first_chunk::<HEADER_BYTES>() else {
        return Err(damaged(WHAT, "it does not begin like one"));
    };
    if *version > VERSION {
        let problem = format!("it has version {version}, which only a newer ropewalk reads");
        return Err(damaged(WHAT, &problem));
    }
    Ok(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let row = split_row(rest);
        let Some((seq, value, behind)) = row else {
            rest = &[];
            return Some(Err(damaged(WHAT, "it is cut off")));
        };
        rest = behind;
        Some(Ok((seq, value)))
    }))
}

fn split_row(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (seq, bytes) = bytes.split_first_chunk::<SEQ_BYTES>()?;
    let (length, bytes) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let (value, behind) = bytes.split_at_checked(length)?;
    Some((u64::from_be_bytes(*seq), value, behind))
}
