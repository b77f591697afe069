//! Which build this is: clients replace a daemon of another build, and what a component of another
//! build gave is not reused.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::CliError;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Hex digits of the executable's digest that are kept: 64 bits, against accidents.
const DIGITS: usize = 16;

/// The version; in builds that are not released its code may have changed all the same, so the
/// digest of the executable stands behind it.
pub(crate) fn build() -> Result<String, CliError> {
    if !cfg!(debug_assertions) && !VERSION.starts_with("0.0.") {
        return Ok(VERSION.to_owned());
    }
    // The file that this process runs, also when another build lies at its path by now.
    let digest = digest(Path::new("/proc/self/exe"))
        .map_err(|e| CliError::unusable("the executable cannot be read").because(e))?;
    Ok(format!("{VERSION}+{digest}"))
}

fn digest(file: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_mmap_rayon(file)?;
    Ok(hasher.finalize().to_hex()[..DIGITS].to_owned())
}

/// The path of the executable, from which the daemon, the keeper and components are started.
pub(crate) fn executable() -> Result<PathBuf, CliError> {
    let path = env::current_exe()
        .map_err(|e| CliError::unusable("the executable cannot be found").because(e))?;
    // So Linux names a file that was replaced while it runs, as by `cargo build`.
    let name = path.to_string_lossy();
    Ok(match name.strip_suffix(" (deleted)") {
        Some(name) => PathBuf::from(name),
        None => path,
    })
}
