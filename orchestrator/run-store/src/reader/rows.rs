//! Rows by key, decoded, wherever their content lies; and what is worth keeping decoded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pipeline_plan::{PLAN_FORMAT_VERSION, Plan};
use run_engine::reuse::FileSet;
use run_engine::seams::StoreError;

use crate::error::failed;
use crate::limits::{FILE_SETS_KEPT, PLANS_KEPT};
use crate::objects::Objects;
use crate::stored::codec::{ADDRESS_BYTES, Content, Stored, damaged, decode, open};
use crate::stored::digest::Digest;
use crate::stored::reuse::{KeyFilesAt, StoredFileSet};

/// The committed rows and their objects.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) tree: sled::Db,
    pub(crate) objects: Objects,
    plans: Kept<Plan>,
    file_sets: Kept<FileSet>,
}

/// Decoded objects by address, a few of them.
#[derive(Debug)]
struct Kept<T> {
    most: usize,
    values: Mutex<BTreeMap<[u8; ADDRESS_BYTES], Arc<T>>>,
}

impl Rows {
    pub(crate) fn new(tree: sled::Db, objects: Objects) -> Self {
        Self {
            tree,
            objects,
            plans: Kept::new(PLANS_KEPT),
            file_sets: Kept::new(FILE_SETS_KEPT),
        }
    }

    /// The value of a key.
    pub(crate) fn get<T: Stored>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        let bytes = self.tree.get(key).map_err(read_failed)?;
        bytes.map(|bytes| self.value(&bytes)).transpose()
    }

    /// A value out of its bytes, header included.
    pub(crate) fn value<T: Stored>(&self, bytes: &[u8]) -> Result<T, StoreError> {
        let address = match open::<T>(bytes)? {
            Content::Here(content) => return decode(content),
            Content::Elsewhere(address) => address,
        };
        let object = self.objects.get(&address)?;
        match open::<T>(&object)? {
            Content::Here(content) => decode(content),
            Content::Elsewhere(_) => Err(damaged(T::WHAT, "its object names another")),
        }
    }

    /// The plan at an address.
    pub(crate) fn plan(&self, address: &Digest) -> Result<Arc<Plan>, StoreError> {
        self.plans.get_or(address_of(address)?, |address| {
            let json = self.objects.get(address)?;
            let plan: Plan = serde_json::from_slice(&json)
                .map_err(|error| failed("a plan in the store cannot be read", error))?;
            if plan.format_version > PLAN_FORMAT_VERSION {
                let problem = format!(
                    "its format {} is newer than this ropewalk",
                    plan.format_version
                );
                return Err(damaged("a plan", &problem));
            }
            Ok(plan)
        })
    }

    /// The files of a key.
    pub(crate) fn key_files(
        &self,
        files: Option<KeyFilesAt>,
    ) -> Result<Option<Arc<FileSet>>, StoreError> {
        let address = match files {
            None => return Ok(None),
            Some(KeyFilesAt::Here(set)) => return Ok(Some(Arc::new(set.into()))),
            Some(KeyFilesAt::Object(address)) => address_of(&address)?,
        };
        let set = self.file_sets.get_or(address, |address| {
            let object = self.objects.get(address)?;
            Ok(self.value::<StoredFileSet>(&object)?.into())
        });
        set.map(Some)
    }
}

impl<T> Kept<T> {
    fn new(most: usize) -> Self {
        Self {
            most,
            values: Mutex::default(),
        }
    }

    fn get_or(
        &self,
        address: [u8; ADDRESS_BYTES],
        load: impl FnOnce(&[u8; ADDRESS_BYTES]) -> Result<T, StoreError>,
    ) -> Result<Arc<T>, StoreError> {
        // Nothing panics while it holds the lock.
        let lock = || self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = lock().get(&address) {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(load(&address)?);
        let mut values = lock();
        if values.len() >= self.most {
            values.clear();
        }
        values.insert(address, Arc::clone(&value));
        Ok(value)
    }
}

/// The address that a row names.
pub(crate) fn address_of(digest: &Digest) -> Result<[u8; ADDRESS_BYTES], StoreError> {
    let hash = blake3::Hash::from_hex(&digest.0)
        .map_err(|error| failed(format!("`{}` is no address of an object", digest.0), error))?;
    Ok(*hash.as_bytes())
}

/// The sentence for sled's refusal to read.
pub(crate) fn read_failed(error: sled::Error) -> StoreError {
    failed("reading the store failed", error)
}
