//! Our models in onnxruntime, scikit-learn's models here, and metrics as scikit-learn computes them.
//!
//! Behind the feature `servers`: it needs the virtual environment of examples/sklearn, which
//! `.ci/run` makes, with what `requirements.txt` beside this file adds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Project, transcript};

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .join("../..")
        .canonicalize()
        .expect("the workspace is there")
}

/// The folder of Python and its packages.
fn environment() -> PathBuf {
    let path = root().join("examples/sklearn/.venv");
    assert!(
        path.join("bin/python").exists(),
        "there is no {}: make it as examples/sklearn/README.md says",
        path.display()
    );
    path
}

/// A project that holds an example's files.
fn example(name: &str) -> Project {
    let project = Project::new(name);
    let folder = root().join("examples").join(name);
    for entry in fs::read_dir(folder).expect("the example is there") {
        let path = entry.expect("the example can be listed").path();
        let target = path.file_name().map(|name| project.folder().join(name));
        if let Some(target) = target.filter(|_| path.is_file()) {
            fs::copy(&path, target).expect("a scratch folder can be written");
        }
    }
    project
}

/// The newest artifact that a step gave at a port.
fn artifact(project: &Project, step: &str, port: &str) -> PathBuf {
    let list = project.json(&["artifacts"]);
    let artifacts = list["artifacts"].as_array().expect("a list of artifacts");
    let found = artifacts
        .iter()
        .find(|a| a["step"] == step && a["name"] == port);
    let found = found.unwrap_or_else(|| panic!("no {step}.{port} in {list:#}"));
    PathBuf::from(found["path"].as_str().expect("an artifact has a path"))
}

/// Scores the raw rows with the pushed folder, and asks Python whether onnxruntime and scikit-learn come
/// to the same.
fn compare(project: &Project) {
    let run = project.run_to_end();
    assert_eq!(run["state"], "succeeded", "{run:#}");
    let pushed = artifact(project, "push", "pushed").join("pushed.json");
    let pushed: Value = serde_json::from_slice(&fs::read(pushed).expect("it was recorded"))
        .expect("it is a document");
    let model = project
        .folder()
        .join(pushed["path"].as_str().expect("it was pushed"));
    let predictions = project.folder().join("predictions");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let examples = artifact(project, "ingest", "examples");
    let output = project.command(&[
        "component",
        "predict",
        "--model",
        &text(&model),
        "--examples",
        &text(&examples),
        "--output",
        &text(&predictions),
    ]);
    assert!(output.status.success(), "{}", transcript(&output));
    let output = Command::new(environment().join("bin/python"))
        .arg(root().join("integration-tests/other_frameworks.py"))
        .args([
            text(&model),
            text(&artifact(project, "transform", "examples")),
            text(&predictions),
            text(&artifact(project, "evaluate", "evaluation")),
        ])
        .output()
        .expect("Python can be started");
    assert!(output.status.success(), "{}", transcript(&output));
}

#[test]
fn logistic_regression_is_the_same_everywhere() {
    compare(&example("penguins"));
}

#[test]
fn boosted_trees_are_the_same_everywhere() {
    compare(&example("taxi"));
}

#[test]
fn a_forest_of_scikit_learn_goes_the_way_of_every_model() {
    let project = example("sklearn");
    let environment = environment()
        .canonicalize()
        .expect("the environment is there");
    symlink(environment, project.folder().join(".venv")).expect("a link can be made");
    compare(&project);
}
