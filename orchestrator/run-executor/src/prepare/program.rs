//! Where a command's first word is found: the shell's rule.

use std::path::Path;

use rustix::fs::Access;

/// The path of a program: with a slash, from the working folder; else the first executable file of
/// that name on the search path. `None` if there is none; launching it says why.
///
/// Symbolic links stay as they are: the `python` of a virtual environment is another program than
/// the one it points at.
pub(super) fn look_up(program: &str, folder: &Path, search_path: &str) -> Option<String> {
    let is_executable =
        |path: &Path| path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok();
    let found = if program.contains('/') {
        Some(folder.join(program)).filter(|path| is_executable(path))
    } else {
        search_path
            .split(':')
            .filter(|_| !program.is_empty())
            .map(|entry| folder.join(entry).join(program))
            .find(|path| is_executable(path))
    };
    Some(found?.to_str()?.to_owned())
}
