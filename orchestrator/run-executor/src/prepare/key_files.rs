//! The files that a command depends on: what its reuse key holds beside its inputs.
//!
//! Too many is better than too few: a stale model is worse than a needless run. So it is everything
//! beside and below the pipeline file that git would not ignore, but for what cannot matter.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use component_api::files::FileEntry;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::{DirEntry, WalkBuilder};
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use run_engine::reuse::FileSet;
use run_engine::seams::{KeyFiles, PrepareTask};

use super::globs::{self, Files, GlobError, Place};
use crate::failures;
use crate::limits::{KEY_BYTES_MAX, KEY_FILES_MAX, PIPELINE_BYTES_MAX};
use crate::memo::{DigestError, DigestMemo};
use crate::secrets::DOTENV;

/// What was found.
pub(super) enum Found {
    /// The step depends on no files.
    Nothing,
    /// These.
    Files(Arc<FileSet>),
    /// More than may be part of a key; the sentence says what to do.
    TooMany(String),
}

pub(super) fn look(task: &PrepareTask, memo: &DigestMemo) -> Result<Found, Failure> {
    let files = match &task.key_files {
        KeyFiles::None => return Ok(Found::Nothing),
        KeyFiles::Project => project(task, memo),
        KeyFiles::Globs(patterns) => {
            let place = Place {
                project_dir: &task.project_dir,
                state_dir: memo.state_dir(),
                files_max: KEY_FILES_MAX,
            };
            globs::expand(patterns, &place)
        }
    };
    let files = match files {
        Ok(files) => files,
        Err(GlobError::Failed(failure)) => return Err(failure),
        Err(GlobError::TooMany) => {
            let what = format!("more than {KEY_FILES_MAX} files");
            return Ok(Found::TooMany(too_many(&what, &task.project_dir)));
        }
    };
    digest_all(&files, &task.project_dir, memo)
}

fn too_many(what: &str, folder: &Path) -> String {
    format!(
        "{what} beside and below {}; name those it depends on with `files:`",
        folder.display()
    )
}

fn digest_all(files: &Files, folder: &Path, memo: &DigestMemo) -> Result<Found, Failure> {
    // Before anything is read; a file that went meanwhile is seen below.
    let sizes = files
        .values()
        .map(|path| std::fs::metadata(path).map_or(0, |data| data.len()));
    if sizes.sum::<u64>() > KEY_BYTES_MAX {
        let what = format!("more than {} MiB of files", KEY_BYTES_MAX >> 20);
        return Ok(Found::TooMany(too_many(&what, folder)));
    }
    let mut entries = Vec::with_capacity(files.len());
    for (name, path) in files {
        match digest_one(path, memo) {
            Ok(Some((size_bytes, digest))) => entries.push(FileEntry {
                path: name.clone(),
                size_bytes,
                digest,
            }),
            Ok(None) => {}
            Err(error) => return Err(failures::digest(FailureCode::FileNotFound, path, &error)),
        }
    }
    Ok(Found::Files(Arc::new(FileSet::new(entries))))
}

/// A file's content; for a link to anything else, where it points. `None` if it is gone by now.
fn digest_one(path: &Path, memo: &DigestMemo) -> Result<Option<(u64, String)>, DigestError> {
    if path.is_file() {
        return match memo.digest(path) {
            Ok(digested) => Ok(Some((digested.state.size_bytes, digested.digest))),
            Err(DigestError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
    }
    let Ok(target) = std::fs::read_link(path) else {
        return Ok(None);
    };
    let target = target.as_os_str().as_encoded_bytes();
    let digest = blake3::hash(target).to_hex().to_string();
    Ok(Some((target.len() as u64, digest)))
}

/// All files beside and below the pipeline file that may matter.
fn project(task: &PrepareTask, memo: &DigestMemo) -> Result<Files, GlobError> {
    let folder = &task.project_dir;
    let filter = Filter {
        folder: folder.clone(),
        state_dir: memo.state_dir().to_path_buf(),
        excluded: excluded(&task.excluded)?,
    };
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .ignore(false)
        .require_git(false)
        .filter_entry(move |entry| filter.keeps(entry))
        .build();
    let mut files = Files::new();
    for entry in walk {
        let entry = entry.map_err(|error| globs::unreadable(folder, &error))?;
        let is_folder = entry.file_type().is_none_or(|kind| kind.is_dir());
        // A name that is no UTF-8 cannot be imported or named in a pipeline either.
        let name = entry
            .path()
            .strip_prefix(folder)
            .ok()
            .and_then(Path::to_str);
        if let (Some(name), false) = (name.map(str::to_owned), is_folder) {
            if files.len() == KEY_FILES_MAX {
                return Err(GlobError::TooMany);
            }
            files.insert(name, entry.into_path());
        }
    }
    Ok(files)
}

fn excluded(patterns: &[String]) -> Result<GlobSet, Failure> {
    let wrong = |pattern: &str, error: &globset::Error| {
        let message = format!("`{pattern}` is no pattern: {}", error.kind());
        Failure::new(FailureCode::NoMatch, message)
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let plain = pattern.strip_prefix("./").unwrap_or(pattern);
        let plain = plain.trim_end_matches('/');
        let glob = GlobBuilder::new(plain).literal_separator(true).build();
        set.add(glob.map_err(|error| wrong(pattern, &error))?);
    }
    set.build().map_err(|error| wrong("", &error))
}

/// Which files and folders of a project may matter.
struct Filter {
    folder: PathBuf,
    state_dir: PathBuf,
    excluded: GlobSet,
}

impl Filter {
    fn keeps(&self, entry: &DirEntry) -> bool {
        if entry.depth() == 0 {
            return true;
        }
        let path = entry.path();
        let relative = path.strip_prefix(&self.folder).unwrap_or(path);
        if path == self.state_dir
            || self.excluded.is_match(relative)
            || self.excluded.is_match(path)
        {
            return false;
        }
        let name = entry.file_name().to_string_lossy();
        match entry.file_type() {
            Some(kind) if kind.is_dir() => {
                !matches!(&*name, ".git" | "__pycache__") && !path.join("pyvenv.cfg").is_file()
            }
            // `.git` of a work tree or a submodule is a file.
            // Secrets leave no trace, and their digests would be one.
            _ => name != ".git" && name != DOTENV && !is_document(&name) && !is_pipeline(path),
        }
    }
}

fn is_document(name: &str) -> bool {
    let ending = Path::new(name).extension();
    ending.is_some_and(|ending| {
        ending.eq_ignore_ascii_case("md") || ending.eq_ignore_ascii_case("markdown")
    })
}

/// Whether a file is a pipeline: YAML with `steps:` at the top level, and below it what steps do.
///
/// A configuration that merely has a key of that name is none, for its change must be seen.
fn is_pipeline(path: &Path) -> bool {
    let ending = path.extension();
    if !ending.is_some_and(|ending| ending == "yaml" || ending == "yml") {
        return false;
    }
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(PIPELINE_BYTES_MAX).read_to_string(&mut text));
    if read.is_err() {
        return false;
    }
    let mut below = text.lines().skip_while(|line| !is_key(line, "steps"));
    below.next().is_some() && below.any(|line| says(line, "uses:") || says(line, "run:"))
}

/// Whether a line is a key alone, at its very beginning.
fn is_key(line: &str, key: &str) -> bool {
    let rest = line
        .strip_prefix(key)
        .and_then(|rest| rest.strip_prefix(':'));
    rest.is_some_and(|rest| rest.trim_start().is_empty() || rest.trim_start().starts_with('#'))
}

/// Whether an indented line has this key, also within `{ ... }`.
fn says(line: &str, key: &str) -> bool {
    line.starts_with(' ') && line.split([' ', '{']).any(|word| word == key)
}
