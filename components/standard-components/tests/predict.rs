//! Batch scoring: every row with what the model says of it, as the model's own function says it.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use attempt::{Attempt, Ended, digest};
use example_data::examples::Examples;
use model_scoring::model::{Model, Predictions, score};
use serde_json::{Value, json};

/// Penguins, ingested; as many times over as asked for.
fn penguins(root: &Path, times: usize) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let csv = manifest.join("../../examples/penguins/penguins.csv");
    let text = std::fs::read_to_string(csv).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let many = root.join("penguins.csv");
    std::fs::write(&many, format!("{header}\n{}", rows.repeat(times))).unwrap();
    Attempt::new("ingest", &root.join("ingest"))
        .input("source", &many)
        .param("null_values", json!(["", "NA"]))
        .run()
        .succeeded()
        .path("examples")
}

fn model(root: &Path, examples: &Path, task: &str, label: &str) -> PathBuf {
    Attempt::new("train", &root.join(label))
        .input("examples", examples)
        .param("model", label)
        .param("task", task)
        .param("label", label)
        .param("features", json!(["bill_*", "flipper_length_mm"]))
        .param("rounds", 5)
        .run()
        .succeeded()
        .path("model")
}

fn predict(root: &Path, model: &Path, examples: &Path, splits: Value) -> Ended {
    Attempt::new("predict", root)
        .input("model", model)
        .input("examples", examples)
        .param("splits", splits)
        .run()
}

/// The numbers that a split's rows hold as predictions.
fn predicted(folder: &Path, split: &str, field: &str) -> Vec<f64> {
    let batch = Examples::open(folder).unwrap().read_all(split).unwrap();
    let column = batch.column_by_name(field).unwrap();
    let values = match column.as_list_opt::<i32>() {
        Some(lists) => lists.values().clone(),
        None => column.clone(),
    };
    values.as_primitive::<Float64Type>().values().to_vec()
}

fn numbers(predictions: &Predictions) -> Vec<f64> {
    predictions.values.iter().copied().map(f64::from).collect()
}

#[test]
fn every_row_keeps_its_columns_and_has_what_the_model_says() {
    let root = tempfile::tempdir().unwrap();
    // More rows than a batch holds, so that their order is put to the test.
    let examples = penguins(root.path(), 100);
    for (task, label, field) in [
        ("regression", "body_mass_g", "prediction.value"),
        ("multiclass", "species", "prediction.probability"),
    ] {
        let folder = model(root.path(), &examples, task, label);
        let ended = predict(
            &root.path().join(format!("predict-{label}")),
            &folder,
            &examples,
            json!([]),
        )
        .succeeded();
        let model = Model::load(&folder).unwrap();
        let raw = Examples::open(&examples).unwrap();
        for split in ["eval", "train"] {
            let rows = raw.read_all(split).unwrap();
            let found = predicted(&ended.path("predictions"), split, field);
            assert_eq!(found, numbers(&score(&model, &rows).unwrap()));
            let with = Examples::open(&ended.path("predictions")).unwrap();
            let with = with.read_all(split).unwrap();
            for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
                assert_eq!(with.column_by_name(field.name()), Some(column));
            }
            let names = with.column_by_name("prediction.model_digest").unwrap();
            let mut names = names.as_string::<i32>().iter();
            assert!(names.all(|name| name == Some(digest(&folder).as_str())));
        }
        assert_eq!(
            ended.property("predictions", "model_digest"),
            digest(&folder)
        );
    }
}

#[test]
fn rows_that_were_scored_are_rows() {
    let root = tempfile::tempdir().unwrap();
    let examples = penguins(root.path(), 1);
    let mass = model(root.path(), &examples, "regression", "body_mass_g");
    let species = model(root.path(), &examples, "multiclass", "species");
    let first = predict(&root.path().join("1"), &mass, &examples, json!(["eval"])).succeeded();
    let first = first.path("predictions");
    assert_eq!(Examples::open(&first).unwrap().splits(), ["eval"]);
    // Scored again, they hold what the second model says and nothing of the first.
    let second = predict(&root.path().join("2"), &species, &first, json!([])).succeeded();
    let second = second.path("predictions");
    let schema = Examples::open(&second).unwrap().schema();
    assert!(schema.column_with_name("prediction.value").is_none());
    assert!(schema.column_with_name("prediction.probability").is_some());
    Attempt::new("evaluate", &root.path().join("evaluate"))
        .input("model", &species)
        .input("examples", &second)
        .run()
        .succeeded();
}

#[test]
fn a_split_that_is_not_there_is_told_by_those_that_are() {
    let root = tempfile::tempdir().unwrap();
    let examples = penguins(root.path(), 1);
    let mass = model(root.path(), &examples, "regression", "body_mass_g");
    let ended = predict(&root.path().join("1"), &mass, &examples, json!(["test"]));
    assert_eq!(ended.status, 1);
    assert!(
        ended
            .output
            .reason
            .contains("no split `test`; its splits are eval, train")
    );
    assert!(!ended.path("predictions").exists());
}
