//! `import:`: something that was made elsewhere, looked at where it lies.
//!
//! It is digested and held against its type as an output would be, but neither copied nor changed.

use std::path::{Path, PathBuf};

use component_api::artifact::{self, Layout};
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use run_engine::seams::{Import, Imported};
use serde_json::Value;

use super::globs::clean;
use crate::memo::DigestMemo;
use crate::outputs::{digest, layout_check, properties, tree};

pub(super) fn look(
    project_dir: &Path,
    port: &str,
    import: &Import,
    memo: &DigestMemo,
) -> Result<Imported, Failure> {
    let about = |failure: Failure| {
        let message = format!("input `{port}`: {}", failure.message);
        Failure { message, ..failure }
    };
    find(project_dir, import, memo).map_err(about)
}

fn find(project_dir: &Path, import: &Import, memo: &DigestMemo) -> Result<Imported, Failure> {
    let path = place(project_dir, &import.uri)?;
    let Some(text) = path.to_str() else {
        let message = format!("the path {} is no UTF-8", path.display());
        return Err(Failure::new(FailureCode::FileNotFound, message).hint("rename the folder"));
    };
    let Some(tree) = tree::look(&path, memo)? else {
        let message = format!("there is nothing at {}", path.display());
        let hint = "relative paths start at the pipeline file's folder";
        return Err(Failure::new(FailureCode::FileNotFound, message).hint(hint));
    };
    let type_name = &import.type_name;
    let (layout, type_version) = artifact::find(type_name)
        .map_or((Layout::Anything, 1), |found| (found.layout, found.version));
    layout_check::check(layout, &tree, &path).map_err(|wrong| {
        let message = format!("{} is no {type_name}: {wrong}", path.display());
        Failure::new(FailureCode::InputInvalid, message)
            .hint("name the folder that holds what the type promises")
    })?;
    let mut properties = properties::read(type_name, layout, &tree, &path, None, None);
    if matches!(layout, Layout::Splits(_)) {
        let splits: Vec<&str> = tree.splits().collect();
        properties.insert("split_names".to_owned(), Value::from(splits));
    }
    Ok(Imported {
        type_name: type_name.clone(),
        type_version,
        path: text.to_owned(),
        digest: digest(&tree),
        files: tree.files,
        properties,
    })
}

/// Where an import lies; a link at its path is followed.
fn place(project_dir: &Path, uri: &str) -> Result<PathBuf, Failure> {
    let path = match uri.strip_prefix("file://") {
        Some(path) => project_dir.join(decoded(path).ok_or_else(|| {
            let message = format!("`{uri}` is no address: `%` is followed by two hex digits");
            Failure::new(FailureCode::FileNotFound, message)
        })?),
        None => project_dir.join(uri),
    };
    let path = clean(&path);
    Ok(path.canonicalize().unwrap_or(path))
}

/// A text without `%20` and the like (RFC 3986, 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(match byte {
            b'%' => (digit()? * 16 + digit()?) as u8,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
