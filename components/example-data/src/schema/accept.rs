//! Writing reviewed changes into a schema's file.

use std::fs;
use std::path::Path;

use serde_yaml::Value;

use super::change::{Change, Edit, Step, changes};
use super::edit::apply;
use super::model::Schema;
use super::store::{SCHEMA_FILE, parse, read};
use crate::DataError;

/// Writes the changes that lead to another schema into the file: what does not change, comments
/// included, stays as it is. Gives the changes that were written.
///
/// With `only`, the features and domains of these names alone, new ones included.
pub fn accept(path: &Path, new: &Schema, only: &[String]) -> Result<Vec<Change>, DataError> {
    let file = if path.is_dir() {
        path.join(SCHEMA_FILE)
    } else {
        path.to_path_buf()
    };
    let old = read(&file)?;
    let found = chosen(changes(&old, new)?, only);
    if found.is_empty() {
        return Ok(found);
    }
    let text = fs::read_to_string(&file).map_err(|error| DataError::io("read", &file, error))?;
    let problem = |why: &str| {
        DataError::schema(
            &file,
            format!(
                "the changes cannot be written into it without touching the rest ({why}); make them by hand, \
                 `ropewalk component schema diff` lists them"
            ),
        )
    };
    let edited = apply(&text, &found).map_err(|why| problem(&why))?;
    let read_back = parse(&edited).map_err(|why| problem(&why))?;
    // The text must now say exactly what was accepted: no more, no less.
    let left = chosen(changes(&read_back, new)?, only);
    let unasked = changes(&old, &read_back)?;
    if !left.is_empty() || !unasked.iter().all(|change| found.contains(change)) {
        return Err(problem(
            "it is written in a way that this does not understand",
        ));
    }
    let aside = file.with_extension("yaml.new");
    fs::write(&aside, edited).map_err(|error| DataError::io("write", &aside, error))?;
    fs::rename(&aside, &file).map_err(|error| DataError::io("replace", &file, error))?;
    Ok(found)
}

/// The changes about these features and domains; all of them where none is named.
fn chosen(all: Vec<Change>, only: &[String]) -> Vec<Change> {
    if only.is_empty() {
        return all;
    }
    let wanted = |name: &str| only.iter().any(|wanted| wanted == name);
    let some = all.into_iter().filter_map(|mut change| {
        if change.subject().is_some() {
            return change.subject().is_some_and(wanted).then_some(change);
        }
        let (Edit::Append(entries) | Edit::Add(Value::Sequence(entries))) = &mut change.edit else {
            return None;
        };
        entries.retain(|entry| {
            entry
                .get("name")
                .and_then(|name| name.as_str())
                .is_some_and(wanted)
        });
        let is_list = matches!(change.place.as_slice(), [Step::Field(_)]);
        (is_list && !entries.is_empty()).then_some(change)
    });
    some.collect()
}
