//! `files:` inputs: external files, found and fingerprinted.

use std::path::Path;

use component_api::files::{ExternalFile, FilesManifest};
use run_engine::artifact::FileState;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;

use super::globs::{GlobError, Place};
use super::spans;
use crate::failures;
use crate::limits::INPUT_FILES_MAX;
use crate::memo::DigestMemo;

/// The files of one input port, sorted by name, with the state in which each was digested. Where a
/// span stands in the patterns, those of `span`, or of the newest one.
pub(super) fn look(
    project_dir: &Path,
    port: &str,
    patterns: &[String],
    span: Option<i64>,
    memo: &DigestMemo,
) -> Result<(FilesManifest, Vec<FileState>), Failure> {
    let place = Place {
        project_dir,
        state_dir: memo.state_dir(),
        files_max: INPUT_FILES_MAX,
    };
    let found = match spans::find(patterns, span, &place) {
        Ok(found) => found,
        Err(GlobError::Failed(failure)) => return Err(about(port, failure)),
        Err(GlobError::TooMany) => {
            let message = format!("more than {INPUT_FILES_MAX} files match");
            let failure = Failure::new(FailureCode::TooManyFiles, message)
                .hint("put them into fewer, larger files, or name fewer of them");
            return Err(about(port, failure));
        }
    };
    let mut files = Vec::with_capacity(found.files.len());
    let mut states = Vec::with_capacity(found.files.len());
    for (name, path) in found.files {
        let digested = memo.digest(&path).map_err(|error| {
            about(
                port,
                failures::digest(FailureCode::FileNotFound, &path, &error),
            )
        })?;
        files.push(ExternalFile {
            // The names are UTF-8, and so is the project's folder, or the name is the path itself.
            path: path.to_string_lossy().into_owned(),
            name,
            size_bytes: digested.state.size_bytes,
            digest: digested.digest,
        });
        states.push(digested.state);
    }
    let manifest = FilesManifest {
        format_version: 1,
        span: found.span,
        version: found.version,
        files,
    };
    Ok((manifest, states))
}

fn about(port: &str, failure: Failure) -> Failure {
    let message = format!("input `{port}`: {}", failure.message);
    Failure { message, ..failure }
}
