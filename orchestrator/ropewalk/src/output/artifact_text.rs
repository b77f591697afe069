//! An artifact for people: what is recorded of it, and its content in short, by its type.
//!
//! What it does not know, or cannot read, it leaves out: the folder is the truth.

use orchestrator_api::Artifact;
use serde_json::Value;

use super::gates::{self, known, list};
use super::tables::{fields, table};
use super::text;
use crate::artifact_files::Content;
use crate::limits::SHOWN_LINES_MAX;

/// Everything about an artifact.
pub(crate) fn artifact(artifact: &Artifact, read: &Content) -> String {
    let content = content(artifact, read);
    let head = record(artifact);
    match content {
        Some(content) if !content.is_empty() => format!("{head}\n\n{content}"),
        _ => head,
    }
}

/// What is recorded.
fn record(artifact: &Artifact) -> String {
    let step = text::step_name(&artifact.step, artifact.item_index);
    let properties: Vec<String> = artifact
        .properties
        .iter()
        .map(|(name, value)| format!("{} = {}", text::printable(name), text::short_value(value)))
        .collect();
    fields(&[
        ("artifact", artifact.artifact_id.to_string()),
        ("type", artifact.artifact_type.clone()),
        ("port", format!("{step}.{}", artifact.name)),
        ("run", artifact.run_id.to_string()),
        ("state", artifact.state.to_string()),
        ("created", text::time(artifact.created_at)),
        ("size", text::size(artifact.size_bytes)),
        ("digest", artifact.digest.clone()),
        ("path", artifact.path.clone().unwrap_or_default()),
        ("properties", properties.join("\n")),
    ])
}

/// What is in it, as far as its type says.
fn content(artifact: &Artifact, read: &Content) -> Option<String> {
    match artifact.artifact_type.as_str() {
        "Files" => files(&read.json("files.json")?),
        "Examples" | "Predictions" => examples(read, artifact),
        "Statistics" => statistics(read),
        "Schema" => read.text("schema.yaml"),
        "Anomalies" => gates::anomalies(read),
        "TransformGraph" => graph(&read.json("transform.json")?),
        "Model" => model(&read.json("signature.json")?),
        "Evaluation" => evaluation(&read.json("evaluation.json")?),
        "Blessing" => gates::blessing(read),
        "PushedModel" => document(&read.json("pushed.json")?),
        "Metrics" | "HyperParameters" => document(&read.only_json()?),
        _ => folder(artifact, read),
    }
}

fn files(manifest: &Value) -> Option<String> {
    let row = |file: &Value| {
        let size = file["size_bytes"]
            .as_u64()
            .map_or_else(String::new, text::size);
        vec![known(&file["path"]), size]
    };
    rows(&["FILE", "SIZE"], list(&manifest["files"]).iter().map(row))
}

/// Splits with their rows, as the component recorded them, and the bytes of their files.
fn examples(read: &Content, artifact: &Artifact) -> Option<String> {
    let splits = read.splits();
    let row = |split: &String| {
        let (files, bytes) = read.size_of_split(split);
        vec![
            split.clone(),
            rows_of_split(artifact, split),
            files.to_string(),
            text::size(bytes),
        ]
    };
    rows(&["SPLIT", "ROWS", "FILES", "SIZE"], splits.iter().map(row))
}

/// Row counts are properties: an entry of `rows`, or one for each split.
fn rows_of_split(artifact: &Artifact, split: &str) -> String {
    let properties = &artifact.properties;
    let map = ["rows", "row_counts"]
        .iter()
        .find_map(|name| properties.get(*name)?.get(split));
    let own = [format!("rows_{split}"), format!("{split}_rows")];
    let own = own.iter().find_map(|name| properties.get(name));
    map.or(own).map_or_else(String::new, known)
}

fn statistics(read: &Content) -> Option<String> {
    let splits = read.splits();
    let row = |split: &String| {
        let found = read.json_of_split(split, "statistics.json");
        let found = found.unwrap_or_default();
        let features = list(&found["features"]).len();
        vec![
            split.clone(),
            known(&found["num_examples"]),
            features.to_string(),
        ]
    };
    rows(&["SPLIT", "ROWS", "FEATURES"], splits.iter().map(row))
}

fn graph(transform: &Value) -> Option<String> {
    let row = |output: &Value| {
        ["name", "role", "width", "node"]
            .map(|f| known(&output[f]))
            .to_vec()
    };
    let outputs = list(&transform["outputs"]).iter().map(row);
    rows(&["OUTPUT", "ROLE", "WIDTH", "NODE"], outputs)
}

fn model(signature: &Value) -> Option<String> {
    let label = &signature["label"];
    let classes: Vec<String> = list(&label["classes"]).iter().map(known).collect();
    let head = fields(&[
        ("model", known(&signature["name"])),
        ("task", known(&signature["task"])),
        ("flavour", known(&signature["flavour"])),
        ("label", known(&label["output"])),
        ("classes", classes.join(", ")),
        ("features", list(&signature["features"]).len().to_string()),
    ]);
    let row = |input: &Value| {
        ["name", "type", "nullable"]
            .map(|f| known(&input[f]))
            .to_vec()
    };
    let inputs = list(&signature["raw_inputs"]).iter().map(row);
    let inputs = rows(&["RAW INPUT", "TYPE", "NULLABLE"], inputs)?;
    Some(format!("{head}\n\n{inputs}"))
}

/// The table of checks, then the metrics of every slice.
fn evaluation(evaluation: &Value) -> Option<String> {
    let row = |metric: &Value| {
        let [name, value, low, high] =
            ["metric", "value", "low", "high"].map(|f| known(&metric[f]));
        vec![slice(&metric["slice"]), name, value, low, high]
    };
    let metrics = list(&evaluation["metrics"]).iter().map(row);
    let metrics = rows(&["SLICE", "METRIC", "VALUE", "LOW", "HIGH"], metrics)?;
    let checks = gates::checks(evaluation);
    Some(format!("{checks}\n\n{metrics}").trim_start().to_owned())
}

/// `sex=male, island=missing`; `all rows` where it has no columns.
fn slice(slice: &Value) -> String {
    let parts = slice
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = if value.is_null() {
                "missing".to_owned()
            } else {
                known(value)
            };
            format!("{}={value}", text::printable(name))
        });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        "all rows".to_owned()
    } else {
        parts.join(", ")
    }
}

/// A JSON document, as much of it as is shown.
fn document(document: &Value) -> Option<String> {
    let text = serde_json::to_string_pretty(document).ok()?;
    let mut lines: Vec<&str> = text.lines().take(SHOWN_LINES_MAX + 1).collect();
    if lines.len() > SHOWN_LINES_MAX {
        lines[SHOWN_LINES_MAX] = "...";
    }
    Some(text::printable(&lines.join("\n")))
}

/// The files of a folder; nothing of what is but one file.
fn folder(artifact: &Artifact, read: &Content) -> Option<String> {
    let (files, more) = read.listing();
    let path = artifact.path.as_deref().unwrap_or_default();
    if let [only] = files
        && path.rsplit('/').next() == Some(&*only.path)
    {
        return None;
    }
    let mut text = rows(
        &["FILE", "SIZE"],
        files
            .iter()
            .map(|file| vec![text::printable(&file.path), text::size(file.size_bytes)]),
    )?;
    if more {
        text += "\n...";
    }
    Some(text)
}

/// A table of as many rows as are shown; none where there is no row.
fn rows(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Option<String> {
    let mut rows: Vec<Vec<String>> = rows.take(SHOWN_LINES_MAX + 1).collect();
    if rows.is_empty() {
        return None;
    }
    let more = rows.len() > SHOWN_LINES_MAX;
    rows.truncate(SHOWN_LINES_MAX);
    let text = table(header, &rows);
    Some(if more { format!("{text}\n...") } else { text })
}
