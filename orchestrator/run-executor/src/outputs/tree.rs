//! The files of an output: walked, made read-only, digested, synced.
//!
//! Only regular files and folders: a link could lead out of the artifact, a device or fifo has no
//! content. Folders stay writable, so that the state folder can be removed with `rm -r`.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use run_engine::artifact::ArtifactFile;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;

use crate::failures;
use crate::layout::AttemptLayout;
use crate::limits::OUTPUT_FILES_MAX;
use crate::memo::{DigestError, DigestMemo};

/// What lies at an output's path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Sorted by path.
    pub(crate) files: Vec<ArtifactFile>,
    /// Below the output, with `/`; empty for the output itself. None if it is one file.
    pub(super) folders: Vec<String>,
}

impl Tree {
    /// Whether it is one file.
    pub(super) fn is_file(&self) -> bool {
        self.folders.is_empty()
    }

    /// The names of its splits, the folders `Split-NAME` at its top.
    pub(crate) fn splits(&self) -> impl Iterator<Item = &str> {
        let folders = self.folders.iter().filter(|folder| !folder.contains('/'));
        folders.filter_map(|folder| folder.strip_prefix("Split-"))
    }

    /// Whether it holds this file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files
            .binary_search_by(|file| file.path.as_bytes().cmp(path.as_bytes()))
            .is_ok()
    }
}

/// Looks at an output and makes all of it durable, but for its own entry in the folder above.
/// `None` if there is nothing.
pub(super) fn seal(root: &Path, memo: &DigestMemo) -> Result<Option<Tree>, Failure> {
    walk(
        root,
        &|path, name, found| seal_file(path, name, found, memo),
        &sync_folder,
    )
}

/// Looks at what lies elsewhere and changes nothing. `None` if there is nothing.
pub(crate) fn look(root: &Path, memo: &DigestMemo) -> Result<Option<Tree>, Failure> {
    let look_at = |path: &Path, name: String, found: &Metadata| {
        refuse_special(FailureCode::InputInvalid, path, found)?;
        let digested = memo.digest(path);
        let digested =
            digested.map_err(|error| failures::digest(FailureCode::InputInvalid, path, &error))?;
        Ok(ArtifactFile {
            path: name,
            digest: digested.digest,
            state: digested.state,
        })
    };
    walk(root, &look_at, &|_| Ok(()))
}

/// Looks at everything below a path, or at the file that it is.
fn walk(
    root: &Path,
    file: &dyn Fn(&Path, String, &Metadata) -> Result<ArtifactFile, Failure>,
    folder_done: &dyn Fn(&Path) -> Result<(), Failure>,
) -> Result<Option<Tree>, Failure> {
    let found = match fs::symlink_metadata(root) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(root, &error)),
    };
    let mut tree = Tree::default();
    if !found.is_dir() {
        tree.files.push(file(root, ".".to_owned(), &found)?);
        return Ok(Some(tree));
    }
    // Counted before any file is digested and synced, which takes long.
    let mut files: Vec<(String, Metadata)> = Vec::new();
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        let path = below(root, &folder);
        for entry in fs::read_dir(&path).map_err(|error| unreadable(&path, &error))? {
            let entry = entry.map_err(|error| unreadable(&path, &error))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                let message = format!("the name of {} is no UTF-8", entry.path().display());
                return Err(Failure::new(FailureCode::OutputInvalid, message).hint("rename it"));
            };
            let name = match folder.as_str() {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
            let found = entry
                .metadata()
                .map_err(|error| unreadable(&entry.path(), &error))?;
            if found.is_dir() {
                open.push(name);
                continue;
            }
            if files.len() == OUTPUT_FILES_MAX {
                return Err(too_many(root));
            }
            files.push((name, found));
        }
        tree.folders.push(folder);
    }
    for (name, found) in files {
        let path = below(root, &name);
        tree.files.push(file(&path, name, &found)?);
    }
    for folder in &tree.folders {
        folder_done(&below(root, folder))?;
    }
    tree.files
        .sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    tree.folders.sort();
    Ok(Some(tree))
}

fn too_many(root: &Path) -> Failure {
    let message = format!(
        "{} holds more than {OUTPUT_FILES_MAX} files",
        root.display()
    );
    Failure::new(FailureCode::TooManyFiles, message).hint("pack them, for example with `tar`")
}

fn below(root: &Path, folder: &str) -> PathBuf {
    match folder {
        "" => root.to_path_buf(),
        folder => root.join(folder),
    }
}

fn seal_file(
    path: &Path,
    name: String,
    found: &Metadata,
    memo: &DigestMemo,
) -> Result<ArtifactFile, Failure> {
    refuse_special(FailureCode::OutputInvalid, path, found)?;
    let unwritable =
        |error: &io::Error| failures::io(FailureCode::OutputInvalid, "sealing", path, error);
    if found.nlink() > 1 {
        unlink_from_others(path).map_err(|error| unwritable(&error))?;
    }
    let file = open_sealed(path, found).map_err(|error| unwritable(&error))?;
    file.sync_all().map_err(|error| unwritable(&error))?;
    match memo.digest_open(&file) {
        Ok(digested) => Ok(ArtifactFile {
            path: name,
            digest: digested.digest,
            state: digested.state,
        }),
        Err(DigestError::Io(error)) => Err(unreadable(path, &error)),
        Err(error) => {
            let message = format!("reading {}: {error}", path.display());
            let hint = "let the step end only when nothing writes there any more";
            Err(Failure::new(FailureCode::OutputInvalid, message).hint(hint))
        }
    }
}

fn refuse_special(code: FailureCode, path: &Path, found: &Metadata) -> Result<(), Failure> {
    if found.is_file() {
        return Ok(());
    }
    let kind = if found.is_symlink() {
        "a symbolic link"
    } else {
        "a device, pipe or socket"
    };
    let message = format!(
        "{} is {kind}; an artifact holds files and folders only",
        path.display()
    );
    Err(Failure::new(code, message).hint("copy what it stands for"))
}

/// Opens a file that is made read-only, whatever its mode was.
fn open_sealed(path: &Path, found: &Metadata) -> io::Result<File> {
    let mode = found.permissions().mode();
    let sealed = (mode & 0o555) | 0o400;
    if mode & 0o7777 != sealed {
        fs::set_permissions(path, Permissions::from_mode(sealed))?;
    }
    File::open(path)
}

/// Makes a file that has another name elsewhere one of its own: what is written there later must
/// not change the artifact, and the other name's file must stay writable.
fn unlink_from_others(path: &Path) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".ropewalk-copy");
    fs::copy(path, &aside)?;
    fs::rename(&aside, path)
}

/// The folders above an attempt's outputs, each of which may be new, up to the state folder's own.
pub(super) fn sync_ancestors(layout: &AttemptLayout, state_dir: &Path) -> Result<(), Failure> {
    let outputs = layout.outputs();
    let folders = Path::new(&outputs).ancestors();
    for folder in folders.filter(|folder| !folder.as_os_str().is_empty()) {
        sync_folder(&state_dir.join(folder))?;
    }
    Ok(())
}

fn sync_folder(path: &Path) -> Result<(), Failure> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failures::io(FailureCode::OutputInvalid, "syncing", path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    failures::io(FailureCode::OutputInvalid, "reading", path, error)
}
