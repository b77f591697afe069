//! Outputs: where they are read from, and what is recorded of them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use component_api::files::{FileEntry, manifest_digest};
use serde_json::{Value, json};

use crate::support::{Step, World};

/// Lets the step know where its `ExecutorOutput` goes.
fn with_answer(mut step: Step) -> Step {
    let out = step.path(&step.layout().executor_output());
    step.key
        .env
        .insert("OUT".to_owned(), out.display().to_string());
    step
}

#[test]
fn values_come_from_three_places() {
    let mut world = World::new();
    let text = r#"
        echo '{"parameterValues": {"a": 3.0, "b": [1]}}' > "$OUT"
        printf 'a=9\nc=x=y <<z\nd<<END\nline 1\nline 2\nEND\ne=0.25\n' > "$ROPEWALK_OUTPUT"
        echo 9 > "$OUTPUT_A"; echo true > "$OUTPUT_F"; echo text > "$OUTPUT_G""#;
    let step = with_answer(world.shell(text))
        .output("a", "integer")
        .output("b", "list")
        .output("c", "string")
        .output("d", "string")
        .output("e", "number")
        .output("f", "boolean")
        .output("g", "string")
        .output("h", "map")
        .optional("h");
    let outputs = world.outputs(&step);
    let values: Value = outputs.parameters.clone().into_iter().collect();
    let expected = json!({
        "a": 3, "b": [1], "c": "x=y <<z", "d": "line 1\nline 2", "e": 0.25, "f": true, "g": "text",
    });
    assert_eq!(values, expected);
}

#[test]
fn a_folder_is_digested_by_the_paths_sizes_and_contents_of_its_files() {
    let mut world = World::new();
    let text = "mkdir -p \"$OUTPUT_DATA/b/empty\"; cd \"$OUTPUT_DATA\"; \
                printf 1 > b/2; printf 2 > a; printf 3 > b-3";
    let step = world.shell(text).output("data", "Artifact");
    let data = world.outputs(&step).artifacts["data"].clone();
    let entries = [("a", "2"), ("b-3", "3"), ("b/2", "1")].map(|(path, content)| FileEntry {
        path: path.to_owned(),
        size_bytes: 1,
        digest: blake3::hash(content.as_bytes()).to_hex().to_string(),
    });
    assert_eq!(data.digest, manifest_digest(&entries));
    let paths: Vec<&str> = data.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a", "b-3", "b/2"]);
    assert_eq!(data.size_bytes, 3);
}

#[test]
fn a_single_file_is_an_artifact_too() {
    let mut world = World::new();
    let text = "printf hello > \"$OUTPUT_NOTE\"";
    let step = world.shell(text).output("note", "Artifact");
    let note = world.outputs(&step).artifacts["note"].clone();
    assert_eq!(note.files[0].path, ".");
    assert_eq!(
        note.files[0].digest,
        blake3::hash(b"hello").to_hex().to_string()
    );
}

#[test]
fn recorded_outputs_are_read_only_and_in_the_recorded_state() {
    let mut world = World::new();
    let text = "mkdir \"$OUTPUT_DATA\"; cd \"$OUTPUT_DATA\"; echo > file; \
                echo > program; chmod 777 program; echo > secret; chmod 200 secret";
    let step = world.shell(text).output("data", "Artifact");
    let data = world.outputs(&step).artifacts["data"].clone();
    let folder = step.path(&data.path);
    for (file, mode) in data.files.iter().zip([0o444, 0o555, 0o400]) {
        let found = fs::metadata(folder.join(&file.path)).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, mode, "{}", file.path);
        assert_eq!(found.ino(), file.state.inode);
        assert_eq!(
            found.ctime() * 1_000_000_000 + found.ctime_nsec(),
            file.state.ctime_ns
        );
    }
}

#[test]
fn a_file_with_another_name_elsewhere_becomes_one_of_its_own() {
    let mut world = World::new();
    let mine = world.write("mine.csv", "1\n");
    let step = world
        .shell("ln mine.csv \"$OUTPUT_DATA\"")
        .output("data", "Artifact");
    let data = world.outputs(&step).artifacts["data"].clone();
    assert_eq!(
        fs::metadata(&mine).unwrap().permissions().mode() & 0o222,
        0o200
    );
    fs::write(&mine, "2\n").unwrap();
    assert_eq!(fs::read_to_string(step.path(&data.path)).unwrap(), "1\n");
}

#[test]
fn properties_are_what_the_component_says() {
    let mut world = World::new();
    let text = r#"mkdir "$OUTPUT_MODEL"; echo '{"name": "x"}' > "$OUTPUT_MODEL/signature.json"
        echo '{"artifacts": {"model": {"artifacts": [{"metadata":
            {"task": "binary", "layers": [1, 2], "uri": "/elsewhere", "digest": "d"}}]}}}' > "$OUT""#;
    let step = with_answer(world.shell(text)).output("model", "Model");
    let model = world.outputs(&step).artifacts["model"].clone();
    let properties: Value = model.properties.clone().into_iter().collect();
    let expected = json!({"name": "x", "task": "binary", "layers": [1, 2]});
    assert_eq!(properties, expected, "a model is named by its signature");
}

#[test]
fn properties_come_from_metrics_and_blessings_otherwise() {
    let mut world = World::new();
    let text = r#"echo '{"auc": 0.75, "name": "n", "best": true, "curve": [1], "by": {}}' > "$OUTPUT_METRICS"
        mkdir "$OUTPUT_BLESSING"
        echo '{"pass": true, "kind": "evaluation", "checks": []}' > "$OUTPUT_BLESSING/blessing.json""#;
    let step = world.shell(text);
    let step = step
        .output("metrics", "Metrics")
        .output("blessing", "Blessing");
    let outputs = world.outputs(&step);
    let properties = |port: &str| -> Value {
        outputs.artifacts[port]
            .properties
            .clone()
            .into_iter()
            .collect()
    };
    assert_eq!(properties("metrics"), json!({"auc": 0.75, "best": true}));
    assert_eq!(
        properties("blessing"),
        json!({"pass": true, "kind": "evaluation"})
    );
    // Numbered in the order of the ports.
    let ids = ["blessing", "metrics"].map(|port| outputs.artifacts[port].id);
    assert_eq!(ids, [1, 2].map(|number| step.execution().artifact(number)));
}

#[test]
fn there_are_at_most_64_properties() {
    let mut world = World::new();
    let entries: Vec<String> = (0..100).map(|n| format!("\"m{n:02}\": {n}")).collect();
    let text = format!("echo '{{{}}}' > \"$OUTPUT_METRICS\"", entries.join(", "));
    let step = world.shell(&text).output("metrics", "Metrics");
    let metrics = world.outputs(&step).artifacts["metrics"].clone();
    assert_eq!(metrics.properties.len(), 64);
    assert_eq!(metrics.properties["m63"], 63);
}

#[test]
fn an_optional_output_may_be_absent() {
    let mut world = World::new();
    let step = world
        .shell("true")
        .output("report", "Artifact")
        .optional("report");
    let outputs = world.outputs(&step);
    assert!(outputs.artifacts.is_empty() && outputs.parameters.is_empty());
}

#[test]
fn a_model_of_any_program_is_named_by_its_signature() {
    let mut world = World::new();
    let text = r#"mkdir "$OUTPUT_MODEL"
        echo '{"name": "x", "task": "binary", "format_version": 1}' > "$OUTPUT_MODEL/signature.json""#;
    let step = world.shell(text).output("model", "Model");
    let model = world.outputs(&step).artifacts["model"].clone();
    let properties: Value = model.properties.clone().into_iter().collect();
    assert_eq!(properties, json!({"name": "x", "task": "binary"}));
}
