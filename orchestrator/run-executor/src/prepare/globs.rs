//! From globs to files: what `files:` names, relative to the pipeline file's folder.
//!
//! A pattern is `globset`'s: `*` and `?` stay within a folder, `**` crosses folders, `{a,b}` and `[ab]`
//! choose. As in a shell, hidden files are matched only by a pattern that begins a name with a dot.
//! A name that exists as it is written is that file, whatever characters it holds.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;

use crate::failures;

/// Files by name: relative to the project, or absolute where they lie elsewhere.
pub(super) type Files = BTreeMap<String, PathBuf>;

/// Where globs start and what they never see.
pub(super) struct Place<'a> {
    pub(super) project_dir: &'a Path,
    pub(super) state_dir: &'a Path,
    /// Most files.
    pub(super) files_max: usize,
}

/// Why no files come of the globs.
pub(super) enum GlobError {
    /// Something is wrong.
    Failed(Failure),
    /// There are more than the most.
    TooMany,
}

impl From<Failure> for GlobError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The files that the patterns name, each once. A pattern without a file is a failure.
pub(super) fn expand(patterns: &[String], place: &Place<'_>) -> Result<Files, GlobError> {
    let mut files = Files::new();
    for pattern in patterns {
        let before = files.len();
        let matched = expand_one(pattern, place, &mut files)?;
        if !matched && files.len() == before {
            return Err(no_match(pattern, place.project_dir).into());
        }
    }
    Ok(files)
}

/// Adds a pattern's files, and says whether there was any.
pub(super) fn expand_one(
    pattern: &str,
    place: &Place<'_>,
    files: &mut Files,
) -> Result<bool, GlobError> {
    let whole = clean(&place.project_dir.join(pattern));
    if whole.is_file() {
        add(files, whole, place)?;
        return Ok(true);
    }
    if whole.is_dir() {
        let message = format!("`{pattern}` is a folder, {}", whole.display());
        let hint = format!(
            "name its files: `{0}/*`, or `{0}/**` with those of its subfolders",
            pattern.trim_end_matches('/')
        );
        return Err(Failure::new(FailureCode::NoMatch, message)
            .hint(hint)
            .into());
    }
    let Some(search) = Search::new(pattern, &whole, place)? else {
        let message = format!("there is no file {}", whole.display());
        let hint = "relative paths start at the pipeline file's folder";
        return Err(Failure::new(FailureCode::FileNotFound, message)
            .hint(hint)
            .into());
    };
    let mut matched = false;
    search.run(place, &mut |path| {
        matched = true;
        add(files, path, place)
    })?;
    Ok(matched)
}

pub(super) fn no_match(pattern: &str, folder: &Path) -> Failure {
    let message = format!("no file matches `{pattern}` in {}", folder.display());
    Failure::new(FailureCode::NoMatch, message).hint(
        "relative paths start at the pipeline file's folder; `**` crosses folders, `*` does not",
    )
}

/// A walk below the part of a pattern that has no special characters.
pub(super) struct Search {
    pub(super) base: PathBuf,
    /// What follows `base` in the pattern.
    pub(super) special: String,
    /// For paths relative to `base`.
    matcher: GlobMatcher,
    depth_max: Option<usize>,
    wants_hidden: bool,
}

impl Search {
    /// `None` if the pattern is a plain path.
    pub(super) fn new(
        pattern: &str,
        whole: &Path,
        place: &Place<'_>,
    ) -> Result<Option<Self>, Failure> {
        // The project's own folder may hold special characters, which mean nothing there.
        let (start, rest) = match whole.strip_prefix(place.project_dir) {
            Ok(rest) if Path::new(pattern).is_relative() => (place.project_dir, rest),
            _ => (Path::new("/"), whole.strip_prefix("/").unwrap_or(whole)),
        };
        let parts: Vec<&str> = rest
            .components()
            .filter_map(|part| part.as_os_str().to_str())
            .collect();
        let Some(first) = parts.iter().position(|part| is_special(part)) else {
            return Ok(None);
        };
        let (plain, special) = parts.split_at(first);
        let special = special.join("/");
        let glob = GlobBuilder::new(&special).literal_separator(true).build();
        let glob = glob.map_err(|error| {
            let message = format!("`{pattern}` is no pattern: {}", error.kind());
            Failure::new(FailureCode::NoMatch, message)
        })?;
        let crosses = special.contains("**") || special.contains('{');
        Ok(Some(Self {
            base: start.join(plain.iter().collect::<PathBuf>()),
            matcher: glob.compile_matcher(),
            depth_max: (!crosses).then(|| special.split('/').count()),
            wants_hidden: special.starts_with('.') || special.contains("/."),
            special,
        }))
    }

    /// Hands over every file that matches.
    pub(super) fn run(
        &self,
        place: &Place<'_>,
        found: &mut dyn FnMut(PathBuf) -> Result<(), GlobError>,
    ) -> Result<(), GlobError> {
        if !self.base.is_dir() {
            return Ok(());
        }
        let state_dir = place.state_dir.to_path_buf();
        let walk = WalkBuilder::new(&self.base)
            .standard_filters(false)
            .hidden(!self.wants_hidden)
            .follow_links(true)
            .max_depth(self.depth_max)
            .filter_entry(move |entry| entry.path() != state_dir)
            .build();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if is_passed_over(&error) => continue,
                Err(error) => return Err(unreadable(&self.base, &error).into()),
            };
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let relative = entry.path().strip_prefix(&self.base);
            if is_file && relative.is_ok_and(|path| self.matcher.is_match(path)) {
                found(entry.into_path())?;
            }
        }
        Ok(())
    }
}

fn is_special(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

/// A link to nowhere, a link in a circle, a file that went meanwhile: no file.
fn is_passed_over(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::Loop { .. } => true,
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithPath { err, .. } => {
            is_passed_over(err)
        }
        ignore::Error::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// The failure of a walk below `base`.
pub(super) fn unreadable(base: &Path, error: &ignore::Error) -> Failure {
    match error.io_error() {
        Some(error) => failures::io(
            FailureCode::FileNotFound,
            "looking for files in",
            base,
            error,
        ),
        None => Failure::new(
            FailureCode::FileNotFound,
            format!("looking for files in {}: {error}", base.display()),
        ),
    }
}

/// Adds a file by its name.
pub(super) fn add(files: &mut Files, path: PathBuf, place: &Place<'_>) -> Result<(), GlobError> {
    let name = path.strip_prefix(place.project_dir).unwrap_or(&path);
    let Some(name) = name.to_str().map(str::to_owned) else {
        let message = format!("the name of {} is no UTF-8", path.display());
        return Err(Failure::new(FailureCode::FileNotFound, message)
            .hint("rename it")
            .into());
    };
    files.insert(name, path);
    if files.len() > place.files_max {
        return Err(GlobError::TooMany);
    }
    Ok(())
}

/// The path without `.` and `..`. Links are not looked at: `a/../b` is `b`.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    cleaned
}
