//! What users may rely on in the state folder, beside the runs: `.gitignore`, `latest`, `daemon.json`.
//!
//! The store's and the keeper's own files are theirs.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use orchestrator_api::DaemonInfo;
use run_executor::layout::run_folder;
use run_store::StoreReader;

use crate::error::DaemonError;
use crate::http::chain;

const GITIGNORE_NAME: &str = ".gitignore";
const LATEST_NAME: &str = "latest";
const DAEMON_JSON_NAME: &str = "daemon.json";

/// Makes the state folder if it is not there, and gives its absolute path.
pub(crate) fn make(state_dir: &Path) -> Result<PathBuf, DaemonError> {
    let failed = |error| DaemonError::io("making the state folder", state_dir)(error);
    let state_dir = std::path::absolute(state_dir).map_err(failed)?;
    if let Some(parent) = state_dir.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    // What a pipeline reads and gives is its owner's business.
    match DirBuilder::new().mode(0o700).create(&state_dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && state_dir.is_dir() => {}
        made => made.map_err(failed)?,
    }
    let gitignore = state_dir.join(GITIGNORE_NAME);
    if !gitignore.exists() {
        fs::write(&gitignore, "*\n").map_err(DaemonError::io("writing", &gitignore))?;
    }
    Ok(state_dir)
}

/// Points `latest` at the newest run. A convenience: if it fails, it is said and that is all.
pub(crate) fn point_latest(state_dir: &Path, reader: &StoreReader) {
    let newest = match reader.newest_run(None) {
        Ok(Some(run)) => run,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!("`latest` cannot be pointed anywhere: {}", chain(&error));
            return;
        }
    };
    // Two at once may point to either; each name aside is of its own run.
    let aside = state_dir.join(format!(".{LATEST_NAME}.{newest}"));
    let point = || {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        symlink(run_folder(newest), &aside)?;
        fs::rename(&aside, state_dir.join(LATEST_NAME))
    };
    if let Err(error) = point() {
        let _ = fs::remove_file(&aside);
        tracing::warn!("`latest` cannot be pointed at run {newest}: {error}");
    }
}

/// Writes `daemon.json`, which says who serves the folder and where: aside, then in place, so that a reader finds the old or the new one.
pub(crate) fn announce(state_dir: &Path, info: &DaemonInfo) -> Result<(), DaemonError> {
    let path = state_dir.join(DAEMON_JSON_NAME);
    let failed = |error: io::Error| DaemonError::io("writing", &path)(error);
    let mut text = serde_json::to_vec_pretty(info).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let aside = state_dir.join(format!(".{DAEMON_JSON_NAME}.{}", info.pid));
    fs::write(&aside, text).map_err(failed)?;
    fs::rename(&aside, &path).map_err(|error| DaemonError::io("writing", &path)(error))
}

/// Removes `daemon.json`, for nobody serves the folder any more.
pub(crate) fn withdraw(state_dir: &Path) {
    let _ = fs::remove_file(state_dir.join(DAEMON_JSON_NAME));
}
