//! The blessing that a person's approval gives: written like an output of an attempt.
//!
//! Who approved it, when and why is recorded with the run: what lies in the artifact follows from the
//! question alone, so that the same answer gives the same bytes. It does not know who may approve.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use component_api::artifact;
use run_engine::artifact::Artifact;
use run_engine::event::{ApprovalRequest, RunCreated};
use run_engine::failure_code::FailureCode;
use run_engine::reason::Failure;
use serde_json::json;

use super::artifact::digest;
use super::tree;
use crate::failures;
use crate::layout::AttemptLayout;
use crate::memo::DigestMemo;

/// The input that an approval is about, and the output that it gives.
const MODEL: &str = "model";
const BLESSING: &str = "blessing";
const FILE: &str = "blessing.json";

/// Writes the blessing of the model that the step, or the item of it, asked about; none if it was no model. Doing it again,
/// or twice at once, gives the same.
pub fn bless(
    created: &RunCreated,
    (step, item_index): (&str, Option<u32>),
    request: &ApprovalRequest,
    memo: &DigestMemo,
) -> Result<Option<Artifact>, Failure> {
    let intent = &request.intent;
    let Some(model) = intent.inputs.get(MODEL).and_then(|given| given.first()) else {
        return Ok(None);
    };
    let properties = [
        ("kind", json!("approval")),
        ("model_digest", json!(model.digest)),
        ("pass", json!(true)),
        ("reason", json!(format!("approved: {}", request.message))),
    ];
    let mut document = json!({
        "format_version": 1,
        "model": model.properties.get("name"),
        "checks": [],
    });
    for (name, value) in &properties {
        document[*name] = value.clone();
    }
    let name = match item_index {
        Some(index) => format!("{step}[{index}]"),
        None => step.to_owned(),
    };
    let layout = AttemptLayout::new(created.run, &name, intent.attempt);
    let (path, state_dir) = (layout.output(BLESSING), memo.state_dir());
    let root = state_dir.join(&path);
    write(&root, document.to_string().as_bytes())
        .map_err(|error| failures::io(FailureCode::OutputInvalid, "writing", &root, &error))?;
    let tree = tree::seal(&root, memo)?.unwrap_or_default();
    tree::sync_ancestors(&layout, state_dir)?;
    Ok(Some(Artifact {
        id: intent.execution.artifact(1),
        type_name: "Blessing".to_owned(),
        type_version: artifact::find("Blessing").map_or(1, |found| found.version),
        step: step.to_owned(),
        item_index,
        port: BLESSING.to_owned(),
        run: created.run,
        path,
        digest: digest(&tree),
        size_bytes: tree.files.iter().map(|file| file.state.size_bytes).sum(),
        files: tree.files,
        properties: properties
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        created_at: intent.at,
    }))
}

/// Puts the file in its place as a whole. One that is there is the same.
fn write(root: &Path, content: &[u8]) -> io::Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    let place = root.join(FILE);
    if place.exists() {
        return Ok(());
    }
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let aside = root.with_file_name(format!(".{BLESSING}-{number}"));
    fs::write(&aside, content)?;
    fs::rename(&aside, &place)
}
