//! Where a command's first word is found: the shell's rule.

use std::path::{Path, PathBuf};

use rustix::fs::Access;

/// The path of a program: with a slash, from the working folder; else the first executable file of
/// that name on the search path. `None` if there is none; launching it says why.
///
/// Symbolic links stay as they are: the `python` of a virtual environment is another program than
/// the one it points at.
pub(super) fn look_up(program: &str, folder: &Path, search_path: &str) -> Option<String> {
    let found = candidate(program, folder, search_path).filter(|path| is_executable(path))?;
    Some(found.to_str()?.to_owned())
}

/// The file that a command's first word names: the first that may be executed, else the first.
pub(crate) fn candidate(program: &str, folder: &Path, search_path: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(folder.join(program)).filter(|path| path.is_file());
    }
    let entries = search_path.split(':').filter(|_| !program.is_empty());
    let mut files = entries
        .map(|entry| folder.join(entry).join(program))
        .filter(|path| path.is_file())
        .peekable();
    let first = files.peek().cloned();
    files.find(|path| is_executable(path)).or(first)
}

/// Whether this process may execute a file.
pub(crate) fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, Access::EXEC_OK).is_ok()
}
