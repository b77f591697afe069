//! The state of the git checkout that holds a pipeline, recorded with its runs.
//!
//! Asked of git itself, so that its rules are git's. No git, no checkout and no answer in time are
//! all the same: the state is not known, and the run goes on.

use std::path::Path;

use attempt_keeper::{Output, SpawnError, output_of};
use run_engine::event::GitState;

use crate::limits::{GIT_BYTES_MAX, GIT_WAIT};

/// Asking changes nothing, not even git's own index, and waits for no lock.
const ENVIRONMENT: [(&str, &str); 1] = [("GIT_OPTIONAL_LOCKS", "0")];

/// The state of the checkout that a folder lies in.
pub(crate) fn git_state(folder: &Path) -> Option<GitState> {
    let head = ask(folder, &["git", "rev-parse", "--verify", "HEAD"]).ok()?;
    let commit = String::from_utf8(head.stdout).ok()?;
    let commit = commit.trim();
    if head.code != Some(0) || commit.is_empty() {
        return None;
    }
    let dirty = match ask(folder, &["git", "status", "--porcelain"]) {
        Ok(status) if status.code == Some(0) => !status.stdout.is_empty(),
        Err(SpawnError::TooMuchOutput { .. }) => true,
        Ok(_) | Err(_) => return None,
    };
    Some(GitState {
        commit: commit.to_owned(),
        dirty,
    })
}

fn ask(folder: &Path, argv: &[&str]) -> Result<Output, SpawnError> {
    output_of(argv, folder, &ENVIRONMENT, GIT_WAIT, GIT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let mut argv = vec!["git", "-c", "user.name=x", "-c", "user.email=x@example.org"];
        argv.extend(arguments);
        let output = ask(folder, &argv).unwrap();
        assert_eq!(output.code, Some(0), "{output:?}");
    }

    #[test]
    fn a_checkout_is_clean_or_dirty_and_elsewhere_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(git_state(folder), None);
        git(folder, &["init", "-q"]);
        // There is no commit yet.
        assert_eq!(git_state(folder), None);
        fs::write(folder.join("a"), "1").unwrap();
        git(folder, &["add", "a"]);
        git(folder, &["commit", "-q", "-m", "x"]);
        let clean = git_state(folder).unwrap();
        assert_eq!((clean.commit.len(), clean.dirty), (40, false));
        fs::write(folder.join("a"), "2").unwrap();
        let dirty = git_state(folder).unwrap();
        assert_eq!((dirty.commit, dirty.dirty), (clean.commit, true));
    }
}
