//! Models of other trainers: an ONNX file becomes a model folder that the other components take.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use attempt::{Attempt, Ended, digest, json};
use model_scoring::model::Model;
use model_scoring::rows;
use serde_json::{Value, json};

/// A model that scikit-learn fitted to irises: four numbers, three species.
fn onnx(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../model-scoring/tests/fixtures")
        .join(format!("{name}.onnx"))
}

/// Flowers whose label is as `label` says of the row's number, ingested and transformed.
struct Flowers {
    examples: PathBuf,
    graph: PathBuf,
}

fn flowers(root: &Path, features: &Value, label: impl Fn(usize) -> String) -> Flowers {
    let mut text = "a,b,c,d,kind\n".to_owned();
    for row in 0..240 {
        let x = |place: usize| 1.0 + (row * (place + 3) % 50) as f64 / 10.0;
        let (a, b, c, d) = (x(0), x(1), x(2), x(3));
        writeln!(text, "{a:.1},{b:.1},{c:.1},{d:.1},{}", label(row)).unwrap();
    }
    let csv = root.join("flowers.csv");
    fs::write(&csv, text).unwrap();
    let ingest = Attempt::new("ingest", &root.join("ingest"))
        .input("source", &csv)
        .run()
        .succeeded();
    let examples = ingest.path("examples");
    let statistics = Attempt::new("statistics", &root.join("statistics"))
        .input("examples", &examples)
        .run()
        .succeeded();
    let schema = Attempt::new("schema", &root.join("schema"))
        .input("statistics", &statistics.path("statistics"))
        .run()
        .succeeded();
    let transform = Attempt::new("transform", &root.join("transform"))
        .input("examples", &examples)
        .input("schema", &schema.path("schema"))
        .param("label", "kind")
        .param("features", features.clone())
        .run()
        .succeeded();
    Flowers {
        examples,
        graph: transform.path("graph"),
    }
}

fn four_numbers() -> Value {
    json!([{ "columns": ["a", "b", "c", "d"], "ops": [] }])
}

fn species(row: usize) -> String {
    ["setosa", "versicolor", "virginica"][row % 3].to_owned()
}

fn package(flowers: &Flowers, root: &Path, model: &Path) -> Ended {
    Attempt::new("package-model", root)
        .input("model", model)
        .input("graph", &flowers.graph)
        .param("name", "irises")
        .run()
}

#[test]
fn a_model_of_scikit_learn_goes_the_way_of_every_model() {
    let root = tempfile::tempdir().unwrap();
    let flowers = flowers(root.path(), &four_numbers(), species);
    for name in ["logistic_softmax", "forest", "boosting_softmax"] {
        let folder = root.path().join(name);
        let packaged = package(&flowers, &folder.join("package"), &onnx(name)).succeeded();
        let model = packaged.path("model");
        assert_eq!(packaged.property("model", "name"), "irises");
        assert_eq!(packaged.property("model", "task"), "multiclass");
        assert_eq!(packaged.property("model", "framework"), "skl2onnx");
        // The file itself is served, not a copy of what was understood of it.
        assert_eq!(
            fs::read(model.join("model.onnx")).unwrap(),
            fs::read(onnx(name)).unwrap()
        );
        let signature = json(&model.join("signature.json"));
        assert_eq!(
            signature["label"]["classes"],
            json!(["setosa", "versicolor", "virginica"])
        );
        let sample = rows::read_jsonl(&model.join("sample.jsonl")).unwrap();
        let probabilities = |row: &rows::Row| row["prediction.probability"].as_array().cloned();
        assert!(
            sample
                .iter()
                .all(|row| probabilities(row).unwrap().len() == 3)
        );
        let judged = Attempt::new("evaluate", &folder.join("evaluate"))
            .input("model", &model)
            .input("examples", &flowers.examples)
            .param("thresholds", json!([{ "metric": "log_loss", "max": 100 }]))
            .run()
            .succeeded();
        assert_eq!(judged.property("blessing", "model_digest"), digest(&model));
        assert_eq!(judged.property("blessing", "pass"), true);
    }
}

#[test]
fn numbers_and_two_classes_are_told_by_the_operator() {
    let root = tempfile::tempdir().unwrap();
    let number = |row: usize| format!("{}.25", row % 97);
    let weights = flowers(&root.path().join_made("weights"), &four_numbers(), number);
    let truths = |row: usize| row.is_multiple_of(2).to_string();
    let truths = flowers(&root.path().join_made("truths"), &four_numbers(), truths);
    for (flowers, name, task, classes) in [
        (&weights, "linear", "regression", json!([])),
        (&weights, "forest_regressor", "regression", json!([])),
        (&truths, "logistic_binary", "binary", json!([false, true])),
        (&truths, "boosting_binary", "binary", json!([false, true])),
    ] {
        let packaged = package(flowers, &root.path().join(name), &onnx(name)).succeeded();
        assert_eq!(packaged.property("model", "task"), task, "{name}");
        let signature = json(&packaged.path("model").join("signature.json"));
        assert_eq!(signature["label"]["classes"], classes, "{name}");
    }
}

#[test]
fn by_hand_as_a_script_calls_it() {
    let root = tempfile::tempdir().unwrap();
    let flowers = flowers(root.path(), &four_numbers(), species);
    let output = root.path().join("packaged");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let arguments = [
        "package-model".to_owned(),
        "--model".to_owned(),
        text(&onnx("forest")),
        "--graph".to_owned(),
        text(&flowers.graph),
        "--output".to_owned(),
        text(&output),
        "--name".to_owned(),
        "by-hand".to_owned(),
    ];
    assert_eq!(standard_components::run(&arguments), 0);
    assert_eq!(Model::load(&output).unwrap().signature().name, "by-hand");
    // What no port or parameter is called is no word of this command line.
    let mut wrong = arguments.to_vec();
    wrong[1] = "--modell".to_owned();
    assert_eq!(standard_components::run(&wrong), 2);
}

#[test]
fn what_does_not_fit_the_graph_is_refused_with_the_reason() {
    let root = tempfile::tempdir().unwrap();
    let three = flowers(&root.path().join_made("three"), &four_numbers(), species);
    let narrow = json!([{ "columns": ["a", "b"], "ops": [] }]);
    let narrow = flowers(&root.path().join_made("narrow"), &narrow, species);
    let number = |row: usize| format!("{}.25", row % 97);
    let number = flowers(&root.path().join_made("number"), &four_numbers(), number);
    let garbage = root.path().join("garbage.onnx");
    fs::write(&garbage, "no model").unwrap();
    let missing = root.path().join("missing.onnx");
    let table = [
        (
            &three,
            onnx("logistic_binary"),
            "the model tells apart 0, 1, but the label's classes are setosa, versicolor, virginica",
        ),
        (
            &three,
            onnx("linear"),
            "the task is a regression, but the label is a text",
        ),
        (
            &number,
            onnx("forest"),
            "the task is to tell classes apart, but the label is a number",
        ),
        (
            &narrow,
            onnx("forest"),
            "the signature names 2 feature values, the graph gives 2, the model takes 4",
        ),
        (&three, garbage, "the file is damaged or no ONNX"),
        (&three, missing, "cannot read "),
    ];
    for (at, (flowers, model, part)) in table.into_iter().enumerate() {
        let ended = package(flowers, &root.path().join(format!("wrong-{at}")), &model);
        assert_eq!(ended.status, 1);
        let reason = &ended.output.reason;
        assert!(reason.contains(part), "{reason}");
    }
}

trait JoinMade {
    /// A folder below, made.
    fn join_made(&self, name: &str) -> PathBuf;
}

impl JoinMade for Path {
    fn join_made(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }
}
