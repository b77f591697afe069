//! The JSON Schema against a real validator: it accepts what runs and rejects what is misspelled.
//!
//! Behind the feature `servers`: the validator is a Python package.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::Project;

/// What a schema can see: the form of the file, not what names stand for.
const STRUCTURAL: [&str; 15] = [
    "empty-pipeline",
    "invalid-duration",
    "invalid-input",
    "invalid-name",
    "invalid-size",
    "misplaced-key",
    "missing-input",
    "missing-parameter",
    "step-kind",
    "unknown-component",
    "unknown-input",
    "unknown-key",
    "unknown-parameter",
    "unknown-type",
    "wrong-type",
];

/// Files that have such a mistake where no schema sees it, each with the reason.
const UNSEEN: &[&str] = &[];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it is there").path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    paths
}

/// The files that the validator rejects, those among them that it cannot read.
fn rejected(project: &Project, files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let schema = project.command(&["schema"]);
    project.write("schema.json", &String::from_utf8_lossy(&schema.stdout));
    let output = Command::new(root().join("examples/sklearn/.venv/bin/check-jsonschema"))
        .args([
            "--output-format",
            "json",
            "--default-filetype",
            "yaml",
            "--schemafile",
        ])
        .arg(project.folder().join("schema.json"))
        .args(files)
        .output()
        .expect("`.ci/run` installs check-jsonschema");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let lists = ["errors", "parse_errors"].map(|list| document[list].as_array().cloned());
    let entries = lists.into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry["filename"].as_str().map(PathBuf::from))
        .collect()
}

#[test]
fn what_runs_is_accepted() {
    let project = Project::new("schema");
    let mut files = Vec::new();
    for folder in ["examples", "pipelines/templates"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
            files.push(entry.expect("it is there").path().join("pipeline.yaml"));
        }
    }
    let rejected = rejected(&project, &files);
    assert!(rejected.is_empty(), "{rejected:#?}");
}

#[test]
fn structural_errors_are_rejected() {
    let project = Project::new("schema");
    let is_structural = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("it is there");
        let told = text.lines().map_while(|line| line.strip_prefix("#! "));
        let mut codes = told.filter_map(|line| line.split(' ').nth(1));
        codes.any(|code| STRUCTURAL.contains(&code))
    };
    let mut files = yaml_files(&root().join("pipelines/pipeline-plan/tests/broken"));
    // Of the others some would keep the validator busy for ever: it knows no bound on aliases.
    files.retain(is_structural);
    let rejected = rejected(&project, &files);
    let name = |path: &PathBuf| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let accepted: Vec<String> = files
        .iter()
        .filter(|path| !rejected.contains(*path))
        .filter_map(name)
        .filter(|name| !UNSEEN.contains(&name.as_str()))
        .collect();
    assert!(accepted.is_empty(), "the schema accepts {accepted:?}");
}
