//! One output artifact: from what lies at its path to its record.

use std::path::Path;

use chrono::{DateTime, Utc};
use component_api::artifact::{self, Layout};
use component_api::contract::RuntimeArtifact;
use component_api::files::{FileEntry, manifest_digest};
use run_engine::artifact::Artifact;
use run_engine::failure_code::FailureCode;
use run_engine::plan::OutputPlan;
use run_engine::reason::Failure;

use super::tree::{self, Tree};
use super::{layout_check, properties};
use crate::failures;
use crate::launch::Attempt;
use crate::memo::DigestMemo;

/// An output port that is to hold an artifact.
pub(super) struct Port<'a> {
    pub(super) name: &'a String,
    pub(super) plan: &'a OutputPlan,
    /// The artifact's number among the execution's.
    pub(super) number: u16,
    /// What the component says of it.
    pub(super) metadata: Option<&'a RuntimeArtifact>,
}

/// The record of what lies at the port's path. `None` if nothing does and nothing must.
pub(super) fn record(
    attempt: &Attempt<'_>,
    port: &Port<'_>,
    created_at: DateTime<Utc>,
    memo: &DigestMemo,
) -> Result<Option<Artifact>, Failure> {
    let path = attempt.layout.output(port.name);
    let root = attempt.path(&path);
    write_told(port, &root)?;
    let Some(tree) = tree::seal(&root, memo)? else {
        return if port.plan.optional {
            Ok(None)
        } else {
            Err(missing(port.name, &root.display().to_string()))
        };
    };
    let type_name = &port.plan.type_name;
    let (layout, type_version) = artifact::find(type_name)
        .map_or((Layout::Anything, 1), |found| (found.layout, found.version));
    let own = attempt.task.created.plan.types.get(type_name);
    let checked = layout_check::check(layout, &tree, &root)
        .and_then(|()| own.map_or(Ok(()), |own| layout_check::holds(&own.files, &tree)));
    checked.map_err(|wrong| {
        let message = format!(
            "the output `{}` ({}) is no {type_name}: {wrong}",
            port.name,
            root.display()
        );
        Failure::new(FailureCode::OutputInvalid, message)
            .hint("write what the type promises, or declare the output as `Artifact`, which may be anything")
    })?;
    let started = &attempt.task.started;
    let span = started
        .inputs
        .values()
        .flatten()
        .filter_map(|a| a.span())
        .max();
    Ok(Some(Artifact {
        id: started.execution.artifact(port.number),
        type_name: type_name.clone(),
        type_version,
        step: attempt.node.id.clone(),
        item_index: attempt.task.item.as_ref().map(|of| of.item.index),
        port: port.name.clone(),
        run: attempt.task.created.run,
        path,
        digest: digest(&tree),
        size_bytes: tree.files.iter().map(|file| file.state.size_bytes).sum(),
        properties: properties::read(type_name, layout, &tree, &root, port.metadata, span),
        files: tree.files,
        created_at,
    }))
}

/// A component of Kubeflow's may tell of metrics, or of an artifact without content, in its
/// `ExecutorOutput` alone: what it told is then the content.
fn write_told(port: &Port<'_>, root: &Path) -> Result<(), Failure> {
    let layout = artifact::find(&port.plan.type_name).map_or(Layout::Anything, |t| t.layout);
    let told = port.metadata.map(|artifact| &artifact.metadata);
    let Some(told) = told.filter(|told| !told.is_empty()) else {
        return Ok(());
    };
    if !matches!(layout, Layout::Anything | Layout::Json) || root.symlink_metadata().is_ok() {
        return Ok(());
    }
    let json = serde_json::to_vec(told).map_err(std::io::Error::from);
    let written = json.and_then(|json| std::fs::write(root, json));
    written.map_err(|error| failures::io(FailureCode::OutputInvalid, "writing", root, &error))
}

fn missing(port: &str, path: &str) -> Failure {
    let message =
        format!("it ended well, but made nothing for its output `{port}`: there is no {path}");
    let variable = component_api::contract::variable_name("OUTPUT", port);
    Failure::new(FailureCode::OutputMissing, message).hint(format!(
        "make a file or folder at the path in ${variable}, or declare the output as optional"
    ))
}

/// The digest over the files of an artifact.
pub(crate) fn digest(tree: &Tree) -> String {
    let entries: Vec<FileEntry> = tree
        .files
        .iter()
        .map(|file| FileEntry {
            path: file.path.clone(),
            size_bytes: file.state.size_bytes,
            digest: file.digest.clone(),
        })
        .collect();
    manifest_digest(&entries)
}
