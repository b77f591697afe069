//! Components of Kubeflow Pipelines, as its SDK compiled them, run as they are.
//!
//! `kubeflow/count.json` is compiled from `kubeflow/components.py`. With the feature `servers` both of
//! its components are compiled anew and run, the one that is a Python function too.

use std::fs;
#[cfg(feature = "servers")]
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::language::spans::property;
use crate::support::{Project, step};

const COUNT: &str = include_str!("kubeflow/count.json");

/// The words of a compiled component's only container.
fn words(compiled: &str) -> Vec<Value> {
    let compiled: Value = serde_json::from_str(compiled).expect("a compiled component is JSON");
    let executors = compiled["deploymentSpec"]["executors"].as_object();
    let executor = executors.and_then(|all| all.values().next());
    let container = &executor.expect("it has a container")["container"];
    let words = |key: &str| container[key].as_array().cloned().unwrap_or_default();
    [words("command"), words("args")].concat()
}

fn counting(words: &[Value]) -> Project {
    let run = Value::from(words.to_vec());
    let pipeline = format!(
        r#"name: counting
steps:
  count:
    run: {run}
    with: {{ least: 2.5, note: 'it''s "so": $(id)' }}
    inputs: {{ rows: {{ import: rows.txt, type: Artifact }} }}
    outputs: {{ kept: Artifact, count: integer }}
  tell: {{ run: [echo, "${{{{ steps.count.outputs.count }}}} ${{{{ steps.count.outputs.kept.note }}}}"] }}
"#
    );
    let project = Project::of("counting", &pipeline);
    project.write("rows.txt", "1\n2\n3\n4\n");
    project
}

fn check_count(words: &[Value]) {
    let project = counting(words);
    let status = project.run_to_end();
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let outputs = &step(&status, "count")["outputs"];
    assert_eq!(outputs["count"], 2, "{status:#}");
    assert_eq!(
        property(&project, "count", "kept", "note"),
        "it's \"so\": $(id)"
    );
    assert_eq!(property(&project, "count", "kept", "read"), 4);
    let kept = outputs["kept"]["path"].as_str().expect("it has a path");
    assert_eq!(fs::read_to_string(kept).expect("it was written"), "3\n4");
    let status = project.run_to_end();
    assert_eq!(step(&status, "count")["state"], "reused", "{status:#}");
}

#[test]
fn a_compiled_container_component_runs_unchanged() {
    check_count(&words(COUNT));
}

/// Compiles `components.py` and gives the folder of what came out, and of the programs.
#[cfg(feature = "servers")]
fn compiled(project: &Project) -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bin = root.join("examples/sklearn/.venv/bin");
    let folder = project.folder().join("../compiled");
    fs::create_dir(&folder).expect("scratch can be written");
    let output = std::process::Command::new(bin.join("python"))
        .arg(root.join("integration-tests/kubeflow/components.py"))
        .arg(&folder)
        .output();
    let output = output.expect("Python can be started");
    assert!(
        output.status.success(),
        "{}",
        crate::support::transcript(&output)
    );
    let bin = bin.canonicalize().expect("the environment is there");
    (folder, bin)
}

#[cfg(feature = "servers")]
#[test]
fn components_that_kfp_compiles_run_unchanged() {
    let project = Project::new("kfp");
    let (folder, bin) = compiled(&project);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it was compiled");
    assert_eq!(
        words(&read("count.json")),
        words(COUNT),
        "count.json is compiled from it"
    );
    check_count(&words(&read("count.json")));

    let run = Value::from(words(&read("train.json")));
    let pipeline = format!(
        r#"name: kfp
steps:
  train:
    run: {run}
    with: {{ rate: 0.5, note: "a note" }}
    inputs: {{ rows: {{ import: rows.txt, type: Artifact }} }}
    outputs: {{ model: Artifact, metrics: Metrics, rows_read: integer, told: string }}
"#
    );
    project.write("pipeline.yaml", &pipeline);
    project.write("rows.txt", "1\n2\n3\n");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let output = project
        .ropewalk(&["run", "pipeline.yaml"])
        .env("PATH", path)
        .output()
        .expect("the binary can be started");
    assert!(
        output.status.success(),
        "{}",
        crate::support::transcript(&output)
    );
    let status = project.json(&["status"]);
    let train = step(&status, "train");
    assert_eq!(train["outputs"]["rows_read"], 3, "{train:#}");
    assert_eq!(train["outputs"]["told"], "a note");
    assert_eq!(train["metrics"]["mean"], 2.0, "{train:#}");
    assert_eq!(property(&project, "train", "model", "framework"), "none");
    assert_eq!(property(&project, "train", "model", "rows"), 3);
    let model = train["outputs"]["model"]["path"]
        .as_str()
        .expect("it has a path");
    assert_eq!(fs::read_to_string(model).expect("it was written"), "3.0");
}
