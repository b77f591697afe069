//! The pipeline language, executed: what a file says is what happens.

mod approvals;
mod attempts;
mod components;
mod flow;
mod foreach;
mod hostile;
mod keys;
mod peers;
mod ports;
mod resolvers;
mod scale;
mod selection;
mod sharing;
mod shell;
pub(crate) mod spans;

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Project, transcript};

/// The reference, whose examples are whole files where they begin with a name.
const REFERENCE: &str = include_str!("../docs/pipeline-language.md");

/// Examples of the reference that need nothing but programs and data: those of [`files`] will do.
const RUNNABLE: [&str; 7] = [
    "penguins",
    "clean-trips",
    "train-in-spans",
    "kubeflow",
    "nightly",
    "long",
    "shared",
];

/// A program for every example: it gives whatever it is asked for, each as its type promises.
const PROGRAM: &str = r#"#!/usr/bin/env python3
import json, os, pathlib
given = json.load(open(os.environ["ROPEWALK_EXECUTOR_INPUT"]))
for port, list in given["outputs"]["artifacts"].items():
    path = pathlib.Path(list["artifacts"][0]["uri"])
    holds = {
        "Examples": ["Split-train/a.parquet", "Split-eval/a.parquet"],
        "Model": ["signature.json"],
        "Metrics": ["metrics.json"],
    }
    for name in holds.get(list["artifacts"][0]["type"]["schemaTitle"], ["anything"]):
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
for port in given["outputs"]["parameters"].values():
    pathlib.Path(port["outputFile"]).write_text("7")
"#;

/// The examples of the reference that are whole files, by the names of their pipelines.
fn examples() -> Vec<(String, &'static str)> {
    let blocks = REFERENCE.split("```yaml\n").skip(1);
    let examples = blocks.filter_map(|block| block.split("```").next());
    let named = examples.filter_map(|text| {
        let name = text.strip_prefix("name: ")?.lines().next()?;
        Some((name.to_owned(), text))
    });
    named.collect()
}

#[test]
fn the_examples_of_the_reference_are_valid() {
    let project = Project::new("reference");
    let examples = examples();
    assert!(examples.len() > 1, "the reference has examples");
    for (name, text) in examples {
        let file = format!("{name}.yaml");
        project.write(&file, text);
        let output = project.command(&["validate", &file]);
        assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    }
}

/// What the runnable examples take.
fn files(project: &Project) {
    let programs = [
        "count.py",
        "clean.py",
        "train.py",
        "tidy.py",
        "notify.sh",
        "extract.py",
        "code/fetch.py",
        "code/train.py",
    ];
    for program in programs {
        project.write(program, PROGRAM);
        let path = project.folder().join(program);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).expect("it is ours");
    }
    let rows: Vec<String> = (0..30).map(|n| format!("{n},{}", n % 2)).collect();
    let rows = format!("a,b\n{}\n", rows.join("\n"));
    for data in [
        "data/a.csv",
        "rows.txt",
        "trips/2026-03-01/v1/a.csv",
        "trips/2026-03-02/v2/a.csv",
        "trips/span-1/a.csv",
        "../holidays/a.txt",
    ] {
        project.write(data, &rows);
    }
    let feature = |name: &str| format!("- name: {name}\n  type: INT\n");
    let schema = format!("feature:\n{}{}", feature("a"), feature("b"));
    project.write("schema.yaml", &schema);
}

#[test]
fn the_examples_of_the_reference_run() {
    let examples = examples();
    for wanted in RUNNABLE {
        let example = examples.iter().find(|(name, _)| name == wanted);
        let (_, text) = example.unwrap_or_else(|| panic!("the reference has no example {wanted}"));
        let project = Project::of("runnable", text);
        files(&project);
        let status = project.run_to_end();
        assert_eq!(status["state"], "succeeded", "{wanted}: {status:#}");
    }
}
