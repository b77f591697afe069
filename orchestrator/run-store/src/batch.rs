//! The rows of one turn while they are gathered, and the objects that they name.
//!
//! It does not know what a turn is.

use std::collections::BTreeMap;

use pipeline_plan::Plan;
use run_engine::event::StepStarted;
use run_engine::reuse::FileSet;
use run_engine::seams::StoreError;

use crate::error::failed;
use crate::limits::{FILE_SETS_KEPT, INLINE_FILES_MAX, ROW_BYTES_MAX};
use crate::objects::Objects;
use crate::stored::codec::{ADDRESS_BYTES, Stored, elsewhere, encode};
use crate::stored::digest::Digest;
use crate::stored::execution::StoredStarted;
use crate::stored::reuse::{KeyFilesAt, StoredFileSet};

/// Rows to be written and removed together.
#[derive(Debug, Default)]
pub(crate) struct RowBatch {
    batch: sled::Batch,
    rows: usize,
}

/// Writes what does not fit into rows beside them.
#[derive(Debug)]
pub(crate) struct Spill {
    pub(crate) objects: Objects,
    /// Addresses of sets of key files by their digests: the steps of a pipeline share them.
    file_sets: BTreeMap<String, Digest>,
}

impl RowBatch {
    /// Writes a row, whose bytes come from [`Spill::value`].
    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.batch.insert(key, value);
        self.rows += 1;
    }

    /// Removes a row.
    pub(crate) fn remove(&mut self, key: impl Into<sled::IVec>) {
        self.batch.remove(key);
        self.rows += 1;
    }

    /// How many rows are written or removed.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// For sled.
    pub(crate) fn into_inner(self) -> sled::Batch {
        self.batch
    }
}

impl Spill {
    pub(crate) fn new(objects: Objects) -> Self {
        Self {
            objects,
            file_sets: BTreeMap::new(),
        }
    }

    /// The bytes of a row's value; they name an object if it is too long for a row.
    pub(crate) fn value<T: Stored>(&self, value: &T) -> Result<Vec<u8>, StoreError> {
        let bytes = encode(value)?;
        if bytes.len() <= ROW_BYTES_MAX {
            return Ok(bytes);
        }
        Ok(elsewhere::<T>(&self.objects.put(&bytes)?))
    }

    /// Makes an object of a plan.
    pub(crate) fn plan(&self, plan: &Plan) -> Result<Digest, StoreError> {
        let json =
            serde_json::to_vec(plan).map_err(|error| failed("writing a plan failed", error))?;
        Ok(address(self.objects.put(&json)?))
    }

    /// An intent, the files of whose key lie in the row if they are few.
    pub(crate) fn started(&mut self, started: &StepStarted) -> Result<StoredStarted, StoreError> {
        let files = started.key.files.as_deref();
        let files = files.map(|files| self.key_files(files)).transpose()?;
        Ok(StoredStarted::new(started, files))
    }

    fn key_files(&mut self, files: &FileSet) -> Result<KeyFilesAt, StoreError> {
        if files.files.len() <= INLINE_FILES_MAX {
            return Ok(KeyFilesAt::Here(files.into()));
        }
        if let Some(address) = self.file_sets.get(&files.digest) {
            return Ok(KeyFilesAt::Object(address.clone()));
        }
        let content = encode(&StoredFileSet::from(files))?;
        let address = address(self.objects.put(&content)?);
        if self.file_sets.len() >= FILE_SETS_KEPT {
            self.file_sets.clear();
        }
        self.file_sets.insert(files.digest.clone(), address.clone());
        Ok(KeyFilesAt::Object(address))
    }
}

/// An address as rows name it.
pub(crate) fn address(address: [u8; ADDRESS_BYTES]) -> Digest {
    Digest(blake3::Hash::from_bytes(address).to_hex().to_string())
}
