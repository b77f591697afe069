//! Content-addressed files: what is too large for a row.
//!
//! A file is written aside, synced, renamed to the BLAKE3 of its content; before the rows that name
//! it are committed, the folder is synced. It does not know what the files hold.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use run_engine::seams::StoreError;

use crate::error::failed;
use crate::stored::codec::ADDRESS_BYTES;

/// Beginning of the names of files that are being written. None outlives its writer usefully.
const ASIDE: &str = ".new-";

/// Addresses that are remembered as durable; forgetting one costs a sync of the folder.
const KNOWN_MAX: usize = 4096;

/// The content-addressed files of a state folder.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    folder: Arc<PathBuf>,
    names: Arc<Mutex<Names>>,
    next_aside: Arc<AtomicU64>,
}

/// What is known of the folder's entries.
#[derive(Debug, Default)]
struct Names {
    /// Durable with their names.
    known: BTreeSet<[u8; ADDRESS_BYTES]>,
    /// There, but not durable before the folder is synced.
    unsynced: BTreeSet<[u8; ADDRESS_BYTES]>,
}

/// An object that is being written.
#[derive(Debug)]
pub(crate) struct Aside {
    objects: Objects,
    path: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Objects {
    /// The objects in this folder, which exists.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder: Arc::new(folder),
            names: Arc::default(),
            next_aside: Arc::default(),
        }
    }

    /// Removes what an earlier process was writing when it ended. Only who holds the store may.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.folder.as_path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Makes an object of this content. It is durable after the next [`Self::sync`].
    pub(crate) fn put(&self, content: &[u8]) -> Result<[u8; ADDRESS_BYTES], StoreError> {
        let address = *blake3::hash(content).as_bytes();
        if self.has(&address, content) {
            return Ok(address);
        }
        let mut aside = self.aside()?;
        aside.write(content)?;
        aside.finish()
    }

    /// Begins an object whose content comes piece by piece.
    pub(crate) fn aside(&self) -> Result<Aside, StoreError> {
        let number = self.next_aside.fetch_add(1, Ordering::Relaxed);
        let name = format!("{ASIDE}{}-{number}", std::process::id());
        let path = self.folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        Ok(Aside {
            objects: self.clone(),
            file: BufWriter::new(file.map_err(|error| io_failed("creating", &path, error))?),
            path,
            hasher: blake3::Hasher::new(),
        })
    }

    /// Makes all objects durable that were put so far.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let mut names = self.names();
        if names.unsynced.is_empty() {
            return Ok(());
        }
        sync_folder(&self.folder).map_err(|error| io_failed("syncing", &self.folder, error))?;
        if names.known.len() > KNOWN_MAX {
            names.known.clear();
        }
        let synced = std::mem::take(&mut names.unsynced);
        names.known.extend(synced);
        Ok(())
    }

    /// The content of an object, compared with its address.
    pub(crate) fn get(&self, address: &[u8; ADDRESS_BYTES]) -> Result<Vec<u8>, StoreError> {
        let path = self.path(address);
        let mut content = Vec::new();
        File::open(&path)
            .and_then(|mut file| file.read_to_end(&mut content))
            .map_err(|error| io_failed("reading", &path, error))?;
        if blake3::hash(&content).as_bytes() != address {
            return Err(StoreError {
                message: format!(
                    "{} is damaged: its content is not the one that it is named after; what needs it cannot be read \
                     until a good copy is put there (the plan of a pipeline is written anew by its next run)",
                    path.display()
                ),
                source: None,
            });
        }
        Ok(content)
    }

    /// Whether an object is there. One that this process did not make may lack a durable name, or be
    /// damaged: then it is made again.
    fn has(&self, address: &[u8; ADDRESS_BYTES], content: &[u8]) -> bool {
        let mut names = self.names();
        if names.known.contains(address) || names.unsynced.contains(address) {
            return true;
        }
        let is_whole = fs::read(self.path(address)).is_ok_and(|found| found == content);
        if is_whole {
            names.unsynced.insert(*address);
        }
        is_whole
    }

    fn path(&self, address: &[u8; ADDRESS_BYTES]) -> PathBuf {
        let hex = blake3::Hash::from_bytes(*address).to_hex();
        self.folder.join(hex.as_str())
    }

    fn names(&self) -> std::sync::MutexGuard<'_, Names> {
        // Nothing panics while it holds the lock; each change leaves the sets in order.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Aside {
    /// Adds to the content.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.file
            .write_all(bytes)
            .map_err(|error| io_failed("writing", &self.path, error))
    }

    /// Names the object by its content. It is durable after the next [`Objects::sync`].
    pub(crate) fn finish(mut self) -> Result<[u8; ADDRESS_BYTES], StoreError> {
        let address = *self.hasher.finalize().as_bytes();
        let file = &mut self.file;
        file.flush()
            .and_then(|()| file.get_ref().sync_all())
            .map_err(|error| io_failed("writing", &self.path, error))?;
        let path = self.objects.path(&address);
        fs::rename(&self.path, &path).map_err(|error| io_failed("naming", &path, error))?;
        self.objects.names().unsynced.insert(address);
        Ok(address)
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn io_failed(action: &str, path: &Path, error: io::Error) -> StoreError {
    failed(format!("{action} {} failed", path.display()), error)
}
