//! Whether an output holds the files that its type promises.
//!
//! The content is its reader's affair; but a file that is to be JSON must be.

use std::path::Path;

use component_api::artifact::Layout;
use serde_json::Value;

use super::read_small;
use super::tree::Tree;

/// Says what is missing or wrong, as the end of "the output `x` is no Model: ...".
pub(crate) fn check(layout: Layout, tree: &Tree, root: &Path) -> Result<(), String> {
    match layout {
        Layout::Anything => Ok(()),
        Layout::Files(names) => holds(names, tree),
        Layout::Splits(ending) => {
            folder(tree)?;
            splits(tree, ending)
        }
        Layout::Json => json(tree, root).map(|_| ()),
    }
}

/// Whether a folder holds each of these files; anything does if there are none.
pub(super) fn holds<N: AsRef<str>>(names: &[N], tree: &Tree) -> Result<(), String> {
    if !names.is_empty() {
        folder(tree)?;
    }
    match names.iter().find(|name| !tree.has(name.as_ref())) {
        Some(name) => Err(format!("there is no `{}` in it", name.as_ref())),
        None => Ok(()),
    }
}

fn folder(tree: &Tree) -> Result<(), String> {
    if tree.is_file() {
        Err("it is a file and not a folder".to_owned())
    } else {
        Ok(())
    }
}

fn splits(tree: &Tree, ending: &str) -> Result<(), String> {
    let mut folders = tree
        .folders
        .iter()
        .filter(|folder| folder.starts_with("Split-") && !folder.contains('/'))
        .peekable();
    if folders.peek().is_none() {
        return Err("there is no folder `Split-NAME` in it".to_owned());
    }
    let has_file = |folder: &str| {
        tree.files.iter().any(|file| {
            let inner = file
                .path
                .strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'));
            inner.is_some_and(|inner| inner.ends_with(ending))
        })
    };
    match folders.find(|folder| !has_file(folder)) {
        Some(folder) => Err(format!(
            "there is no file `*{ending}` in its folder `{folder}`"
        )),
        None => Ok(()),
    }
}

/// The JSON of a file, or of the first such file of a folder.
pub(super) fn json(tree: &Tree, root: &Path) -> Result<Value, String> {
    let path = if tree.is_file() {
        root.to_path_buf()
    } else {
        let mut files = tree.files.iter();
        let first = files.find(|file| {
            Path::new(&file.path)
                .extension()
                .is_some_and(|e| e == "json")
        });
        root.join(&first.ok_or("there is no file `*.json` in it")?.path)
    };
    read_json(&path)
}

/// The JSON of one file.
pub(super) fn read_json(path: &Path) -> Result<Value, String> {
    let text = match read_small(path) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(format!("there is no {}", path.display())),
        Err(failure) => return Err(failure.message),
    };
    serde_json::from_str(&text).map_err(|error| format!("{} is no JSON: {error}", path.display()))
}
