//! Whether a model can be served: tried in a process of its own, which is this very program.
//!
//! No harness: the component starts the running program again with `component ...`, as the binary has
//! it, and a harness would take that for the name of a test.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![expect(
    clippy::print_stdout,
    reason = "a test without a harness says itself what it did"
)]

mod attempt;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use attempt::{Attempt, Ended, digest, json};
use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, rest @ ..] = arguments.as_slice()
        && first == "component"
    {
        std::process::exit(standard_components::run(rest));
    }
    let world = World::new();
    for (name, test) in [
        ("a good model is blessed", blessed as fn(&World)),
        ("bounds are kept", bounds),
        ("a model that was changed is not blessed", changed),
        ("a model that cannot be loaded is not blessed", broken),
        ("rows without a column that is needed", rows_that_do_not_fit),
        ("a process that hangs is killed", hanging),
        ("a push reads every verdict", pushed),
    ] {
        println!("infra_validate: {name}");
        test(&world);
    }
}

/// A model of penguins, and its rows.
struct World {
    root: tempfile::TempDir,
    examples: PathBuf,
    model: PathBuf,
    attempts: std::cell::Cell<u32>,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let examples = Attempt::new("ingest", &root.path().join("ingest"))
            .input(
                "source",
                &manifest.join("../../examples/penguins/penguins.csv"),
            )
            .param("null_values", json!(["", "NA"]))
            .run()
            .succeeded()
            .path("examples");
        let model = Attempt::new("train", &root.path().join("train"))
            .input("examples", &examples)
            .param("model", "penguins")
            .param("task", "multiclass")
            .param("label", "species")
            .param("features", json!(["bill_*", "flipper_length_mm"]))
            .param("rounds", 5)
            .run()
            .succeeded()
            .path("model");
        Self {
            root,
            examples,
            model,
            attempts: std::cell::Cell::new(0),
        }
    }

    fn folder(&self) -> PathBuf {
        self.attempts.set(self.attempts.get() + 1);
        let folder = self.root.path().join(format!("{}", self.attempts.get()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The model with a change.
    fn copy(&self, change: impl Fn(&Path)) -> PathBuf {
        let copy = self.folder().join("model");
        fs::create_dir_all(&copy).unwrap();
        for entry in fs::read_dir(&self.model).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
            }
        }
        change(&copy);
        copy
    }

    fn attempt(&self, model: &Path) -> Attempt {
        Attempt::new("infra-validate", &self.folder())
            .input("model", model)
            .input("examples", &self.examples)
            .param("retries", 0)
    }
}

fn blessing(ended: &Ended) -> Value {
    let blessing = json(&ended.path("blessing").join("blessing.json"));
    for property in ["kind", "model_digest", "pass", "reason"] {
        assert_eq!(ended.property("blessing", property), blessing[property]);
    }
    blessing
}

fn check<'a>(blessing: &'a Value, name: &str) -> &'a Value {
    let checks = blessing["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap()
}

/// What is not blessed is recorded, and the reason begins so.
fn refused(ended: &Ended, reason: &str) -> Value {
    assert_eq!(ended.status, 0, "{}", ended.output.reason);
    let blessing = blessing(ended);
    assert_eq!(blessing["pass"], false);
    let found = blessing["reason"].as_str().unwrap();
    assert!(found.starts_with(reason), "{found}");
    blessing
}

fn blessed(world: &World) {
    let ended = world
        .attempt(&world.model)
        .param("rows", 50)
        .run()
        .succeeded();
    let blessing = blessing(&ended);
    assert_eq!(blessing["pass"], true, "{blessing}");
    assert_eq!(blessing["kind"], "infra");
    assert_eq!(blessing["model_digest"], digest(&world.model));
    // Our own model: the same bits in another process.
    assert_eq!(check(&blessing, "sample")["value"], 0.0);
    assert_eq!(check(&blessing, "sample")["bound"], "<= 0");
    assert_eq!(check(&blessing, "rows")["value"], 50.0);
}

fn bounds(world: &World) {
    let generous = world
        .attempt(&world.model)
        .param("max_latency_ms", 1e9)
        .param("max_memory_mb", 1e9)
        .run()
        .succeeded();
    let blessing = blessing(&generous);
    assert_eq!(blessing["pass"], true, "{blessing}");
    assert_eq!(check(&blessing, "latency")["verdict"], "passed");
    assert_eq!(check(&blessing, "memory")["verdict"], "passed");
    // Nothing takes no time, and no process so little memory.
    for (bound, reason) in [
        ("max_latency_ms", "latency: "),
        ("max_memory_mb", "memory: "),
    ] {
        let tight = |attempt: Attempt| attempt.param(bound, 1e-9).param("retries", 1).run();
        let ended = tight(world.attempt(&world.model));
        refused(&ended, reason);
        let ended = tight(world.attempt(&world.model).param("refuse", true));
        assert_eq!(ended.status, 65);
        assert!(ended.output.reason.starts_with(reason));
    }
}

fn changed(world: &World) {
    let changed = world.copy(|folder| {
        let path = folder.join("sample.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let mut rows: Vec<Value> = text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        rows[3]["prediction.probability"][1] = json!(0.123);
        let lines: Vec<String> = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(&path, lines.concat()).unwrap();
    });
    let reason = "sample: its predictions for the sample differ from the trainer's by ";
    refused(&world.attempt(&changed).run(), reason);
    let without = world.copy(|folder| fs::remove_file(folder.join("sample.jsonl")).unwrap());
    let reason = "sample: the model's folder holds no scored sample";
    refused(&world.attempt(&without).run(), reason);
}

fn broken(world: &World) {
    let broken = world.copy(|folder| fs::write(folder.join("model.onnx"), "no model").unwrap());
    let blessing = refused(
        &world.attempt(&broken).run(),
        "load: cannot run the ONNX model: the file is damaged",
    );
    assert_eq!(blessing["checks"].as_array().unwrap().len(), 1);
}

fn rows_that_do_not_fit(world: &World) {
    let csv = world.folder().join("rows.csv");
    fs::write(&csv, "flipper_length_mm\n1\n2\n3\n4\n5\n6\n7\n").unwrap();
    let examples = Attempt::new("ingest", &world.folder())
        .input("source", &csv)
        .run()
        .succeeded()
        .path("examples");
    let attempt = Attempt::new("infra-validate", &world.folder())
        .input("model", &world.model)
        .input("examples", &examples)
        .param("retries", 0);
    refused(&attempt.run(), "load: column `bill_length_mm` is missing");
}

fn hanging(world: &World) {
    // Nobody ever writes into this pipe, so whoever opens it to read waits.
    let split = world.folder().join("examples/Split-eval");
    fs::create_dir_all(&split).unwrap();
    let pipe = split.join("data-00000-of-00001.parquet");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let ended = Attempt::new("infra-validate", &world.folder())
        .input("model", &world.model)
        .input("examples", split.parent().unwrap())
        .param("retries", 0)
        .param("timeout_s", 0.05)
        .run();
    refused(
        &ended,
        "load: the process that loads and scores it was killed after 0.05 s",
    );
}

fn pushed(world: &World) {
    let infra = world
        .attempt(&world.model)
        .run()
        .succeeded()
        .path("blessing");
    let slow = world.attempt(&world.model).param("max_latency_ms", 0).run();
    let slow = slow.succeeded().path("blessing");
    let other = |kind: &str, pass: bool, reason: &str| {
        let folder = world.folder();
        let content = json!({
            "kind": kind, "model_digest": digest(&world.model), "pass": pass, "reason": reason,
        });
        fs::write(folder.join("blessing.json"), content.to_string()).unwrap();
        folder
    };
    let evaluation = other("evaluation", true, "accuracy is >= 0.9");
    let approved = other("approval", true, "approved by ada");
    let dissent = other("approval", false, "ada: too few chinstraps");
    let push = |blessings: &[&PathBuf]| {
        let folder = world.folder();
        let destination = folder.join("serving").to_string_lossy().into_owned();
        let attempt = Attempt::new("push", &folder)
            .input("model", &world.model)
            .param("destination", destination)
            .param("version", 1);
        blessings
            .iter()
            .fold(attempt, |attempt, path| attempt.input("blessings", path))
            .run()
    };
    assert_eq!(push(&[&evaluation, &infra, &approved]).status, 0);
    for (blessings, part) in [
        (
            [&evaluation, &slow, &approved],
            "its `infra` blessing is against it: latency: ",
        ),
        (
            [&evaluation, &infra, &dissent],
            "its `approval` blessing is against it: ada: too few chinstraps",
        ),
    ] {
        let ended = push(&blessings);
        assert_eq!(ended.status, 65);
        assert!(
            ended.output.reason.contains(part),
            "{}",
            ended.output.reason
        );
    }
}
