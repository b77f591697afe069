//! Where the state folder is: the rule that every command follows.
//!
//! It looks for folders and makes none.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// Names the state folder where `--state` does not.
const VARIABLE: &str = "ROPEWALK_STATE";

/// The state folder's name in a project.
const FOLDER: &str = ".ropewalk";

/// A file that marks the root of a project, and holds its configuration.
pub(crate) const ROOT_FILE: &str = "ropewalk.yaml";

/// The absolute path of the state folder: `given`, else `$ROPEWALK_STATE`, else `.ropewalk` in the
/// root of the project that holds the pipeline file or the current folder.
pub(crate) fn find(
    given: Option<&Path>,
    pipeline_file: Option<&Path>,
) -> Result<PathBuf, CliError> {
    let variable = env::var_os(VARIABLE).filter(|value| !value.is_empty());
    if let Some(path) = given.map(Path::to_path_buf).or(variable.map(PathBuf::from)) {
        return std::path::absolute(&path).map_err(|e| {
            CliError::usage(format!("`{}` is no path of a folder", path.display())).because(e)
        });
    }
    let start = match pipeline_file.and_then(Path::parent) {
        Some(folder) => folder.to_path_buf(),
        None => env::current_dir()
            .map_err(|e| CliError::unusable("the current folder cannot be found").because(e))?,
    };
    Ok(root(&start).join(FOLDER))
}

/// The nearest ancestor with a state folder or a root file, else the git root, else the folder.
fn root(start: &Path) -> PathBuf {
    let holds = |names: &'static [&str]| {
        move |folder: &&Path| {
            let mut names = names.iter();
            names.any(|name| fs::symlink_metadata(folder.join(name)).is_ok())
        }
    };
    let marked = start.ancestors().find(holds(&[FOLDER, ROOT_FILE]));
    let found = marked.or_else(|| start.ancestors().find(holds(&[".git"])));
    found.unwrap_or(start).to_path_buf()
}
