//! A model's files into a version's folder, complete before it is visible.
//!
//! A version is written beside the others under a hidden name, synced and renamed. One push at a time
//! works on a model's folder: under its lock, what a killed push left behind is known to be garbage.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Source, gate};
use crate::folder_digest::folder_digest;
use crate::invocation::Failure;

/// The lock's file in a model's folder. Servers look at folders whose name is a number.
const LOCK_FILE: &str = ".ropewalk-push.lock";
/// What the hidden name of a version begins with while it is written.
const STAGING_PREFIX: &str = ".ropewalk-push-";

/// What a push came to.
pub(super) struct Published {
    /// The version that holds the model.
    pub(super) version: u64,
    /// Whether this push made it.
    pub(super) is_new: bool,
}

/// Publishes a model below `destination`, unless the newest version is the same already.
pub(super) fn publish(
    model: &Source,
    destination: &Path,
    version: u64,
    note: impl Fn(&str),
) -> Result<Published, Failure> {
    let folder = destination.join(&model.name);
    create_synced(&folder)?;
    let _lock = lock(&folder, note)?;
    remove_leftovers(&folder)?;
    let target = folder.join(version.to_string());
    if is_same(&target, model) {
        return Ok(Published {
            version,
            is_new: false,
        });
    }
    match newest(&folder)? {
        Some((newest, path)) if is_same(&path, model) => Ok(Published {
            version: newest,
            is_new: false,
        }),
        Some((newest, _)) if newest > version => Err(Failure::new(format!(
            "{} holds version {newest} already: version {version} would never be served",
            folder.display()
        ))
        .hint("the newest version was not pushed by this pipeline; remove it, or push elsewhere")),
        _ if fs::symlink_metadata(&target).is_ok() => Err(Failure::new(format!(
            "{} exists and is not this model ({})",
            target.display(),
            gate::start(&model.digest)
        ))
        .hint("a version is never overwritten; remove it, or push elsewhere")),
        _ => {
            write(model, &folder, version, &target)?;
            Ok(Published {
                version,
                is_new: true,
            })
        }
    }
}

/// Whether a version's folder holds exactly this model's files.
fn is_same(version: &Path, model: &Source) -> bool {
    // What is no folder of plain files is no version that a push wrote, so it is not the same.
    fs::symlink_metadata(version).is_ok_and(|found| found.is_dir())
        && folder_digest(version).is_ok_and(|digest| digest == model.digest)
}

/// The entry of the model's folder whose name is the highest number.
fn newest(folder: &Path) -> Result<Option<(u64, PathBuf)>, Failure> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(folder).map_err(|e| cannot("list", folder, &e))? {
        let entry = entry.map_err(|e| cannot("list", folder, &e))?;
        let name = entry.file_name();
        let Some(version) = name.to_str().and_then(|name| name.parse::<u64>().ok()) else {
            continue;
        };
        if newest.as_ref().is_none_or(|(other, _)| version > *other) {
            newest = Some((version, entry.path()));
        }
    }
    Ok(newest)
}

fn write(model: &Source, folder: &Path, version: u64, target: &Path) -> Result<(), Failure> {
    let staging = folder.join(format!("{STAGING_PREFIX}{version}"));
    let written = fill(model, &staging).and_then(|()| {
        // A rename that is not synced may be undone by a power failure after it was recorded.
        fs::rename(&staging, target).map_err(|e| cannot("rename", &staging, &e))?;
        sync(folder)
    });
    if written.is_err() {
        // The error is what matters; the next push removes what this one cannot.
        let _ = fs::remove_dir_all(&staging);
    }
    written
}

/// Writes all files and syncs them and their folders.
fn fill(model: &Source, staging: &Path) -> Result<(), Failure> {
    fs::create_dir(staging).map_err(|e| cannot("make", staging, &e))?;
    let mut folders = vec![staging.to_owned()];
    for file in &model.files {
        let target = staging.join(&file.path);
        for parent in target.ancestors().skip(1) {
            if parent.starts_with(staging) && !folders.iter().any(|known| known == parent) {
                fs::create_dir_all(parent).map_err(|e| cannot("make", parent, &e))?;
                folders.push(parent.to_owned());
            }
        }
        let source = model.folder.join(&file.path);
        let mut from = File::open(&source).map_err(|e| cannot("read", &source, &e))?;
        let mut to = File::create_new(&target).map_err(|e| cannot("write", &target, &e))?;
        io::copy(&mut from, &mut to).map_err(|e| cannot("write", &target, &e))?;
        to.sync_all().map_err(|e| cannot("sync", &target, &e))?;
    }
    for folder in &folders {
        sync(folder)?;
    }
    if folder_digest(staging)? == model.digest {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "{} changed while it was copied",
            model.folder.display()
        )))
    }
}

/// Makes a folder and the missing ones above it, each synced into the one that holds it.
fn create_synced(folder: &Path) -> Result<(), Failure> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .filter(|path| !path.as_os_str().is_empty())
        .take_while(|path| !path.exists())
        .collect();
    fs::create_dir_all(folder).map_err(|e| cannot("make", folder, &e))?;
    for path in missing {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync(parent)?,
            _ => sync(Path::new("."))?,
        }
    }
    Ok(())
}

fn sync(folder: &Path) -> Result<(), Failure> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| cannot("sync", folder, &e))
}

/// Waits until no other push works on the model's folder. The lock goes with the file.
fn lock(folder: &Path, note: impl Fn(&str)) -> Result<File, Failure> {
    let path = folder.join(LOCK_FILE);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| cannot("open", &path, &e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            note(&format!(
                "waiting: another push works on {}",
                folder.display()
            ));
            file.lock().map_err(|e| cannot("lock", &path, &e))?;
        }
        Err(TryLockError::Error(e)) => return Err(cannot("lock", &path, &e)),
    }
    Ok(file)
}

/// Removes what pushes that were killed had written.
fn remove_leftovers(folder: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|e| cannot("list", folder, &e))? {
        let entry = entry.map_err(|e| cannot("list", folder, &e))?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| {
            let version = name.strip_prefix(STAGING_PREFIX);
            version.is_some_and(|version| version.parse::<u64>().is_ok())
        });
        if is_ours {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(|e| cannot("remove", &path, &e))?;
        }
    }
    Ok(())
}

fn cannot(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot {action} {}: {error}", path.display()))
}
