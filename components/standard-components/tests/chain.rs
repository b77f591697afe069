//! From CSV to a published model, a component after the other, on the examples' data.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use attempt::{Attempt, Ended, digest, json};
use model_scoring::model::{Model, score};
use model_scoring::rows;
use serde_json::{Value, json};

fn example(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../examples")
        .join(path)
        .canonicalize()
        .unwrap()
}

/// A Files artifact of one file.
fn source(folder: &Path, file: &Path) -> PathBuf {
    let content = fs::read(file).unwrap();
    let manifest = json!({
        "format_version": 1, "span": null, "version": null,
        "files": [{
            "path": file,
            "name": file.file_name().unwrap().to_string_lossy(),
            "size_bytes": content.len(),
            "digest": blake3::hash(&content).to_hex().to_string(),
        }],
    });
    let path = folder.join("source");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("files.json"), manifest.to_string()).unwrap();
    path
}

/// What the steps before training give.
struct Prepared {
    ingest: Ended,
    transform: Ended,
}

fn prepare(
    folder: &Path,
    example_name: &str,
    csv: &str,
    ingest: Value,
    transform: Value,
) -> Prepared {
    let source = source(folder, &example(&format!("{example_name}/{csv}")));
    let schema = example(example_name);
    let with = |mut attempt: Attempt, params: Value| {
        for (name, value) in params.as_object().unwrap() {
            attempt = attempt.param(name, value.clone());
        }
        attempt.run().succeeded()
    };
    let attempt = Attempt::new("ingest", &folder.join("ingest"))
        .input("source", &source)
        .input("schema", &schema);
    let ingest = with(attempt, ingest);
    let attempt = Attempt::new("transform", &folder.join("transform"))
        .input("examples", &ingest.path("examples"))
        .input("schema", &schema);
    let transform = with(attempt, transform);
    Prepared { ingest, transform }
}

fn penguins(folder: &Path) -> Prepared {
    prepare(
        folder,
        "penguins",
        "penguins.csv",
        json!({ "null_values": ["", "NA"] }),
        json!({
            "label": "species",
            "features": [
                { "columns": ["bill_*", "flipper_length_mm", "body_mass_g"], "ops": [{ "impute": "median" }, "z_score"] },
                { "columns": ["sex"], "ops": [{ "impute": "unknown" }, { "vocabulary": { "oov_buckets": 1 } }, "one_hot"] },
            ],
        }),
    )
}

/// A training on transformed rows that is not started yet.
fn training(prepared: &Prepared, folder: &Path, algorithm: &str) -> Attempt {
    Attempt::new("train", folder)
        .input("examples", &prepared.transform.path("examples"))
        .input("graph", &prepared.transform.path("graph"))
        .param("model", "penguins")
        .param("task", "multiclass")
        .param("algorithm", algorithm)
}

fn train(prepared: &Prepared, folder: &Path, algorithm: &str) -> Ended {
    training(prepared, folder, algorithm).run().succeeded()
}

fn evaluate(prepared: &Prepared, model: &Path, folder: &Path, params: &Value) -> Ended {
    let mut attempt = Attempt::new("evaluate", folder)
        .input("model", model)
        .input("examples", &prepared.ingest.path("examples"));
    for (name, value) in params.as_object().unwrap() {
        attempt = attempt.param(name, value.clone());
    }
    attempt.run()
}

/// The overall value of a metric in an evaluation.
fn metric(evaluation: &Value, name: &str) -> f64 {
    let metrics = evaluation["metrics"].as_array().unwrap();
    let found = metrics
        .iter()
        .find(|m| m["slice"].is_null() && m["metric"] == name);
    found.unwrap()["value"].as_f64().unwrap()
}

#[test]
fn penguins_become_a_published_model() {
    let root = tempfile::tempdir().unwrap();
    let prepared = penguins(root.path());
    for algorithm in ["logistic", "boosted_trees"] {
        let folder = root.path().join(algorithm);
        let trained = train(&prepared, &folder.join("train"), algorithm);
        let model = trained.path("model");
        let metrics = json(&trained.path("metrics"));
        let accuracy = metrics["accuracy"].as_f64().unwrap();
        let baseline = metrics["baseline_accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.95 && baseline < 0.5, "{algorithm}: {metrics}");
        assert_eq!(trained.property("model", "name"), "penguins");
        assert_eq!(trained.property("metrics", "accuracy"), metrics["accuracy"]);
        let params = json!({
            "slices": [["island"], "sex"],
            "thresholds": [
                { "metric": "accuracy", "min": 0.9 },
                { "metric": "accuracy", "min": 0.9, "slice": { "sex": "male" } },
                { "metric": "log_loss", "change": { "absolute": 0.0 } },
            ],
        });
        let judged = evaluate(&prepared, &model, &folder.join("evaluate"), &params).succeeded();
        let evaluation = json(&judged.path("evaluation").join("evaluation.json"));
        // Raw rows through the folder, and transformed rows in training, give the same.
        assert!((metric(&evaluation, "accuracy") - accuracy).abs() < f64::EPSILON);
        let blessing = json(&judged.path("blessing").join("blessing.json"));
        assert_eq!(blessing["pass"], true, "{blessing}");
        assert_eq!(blessing["model_digest"], digest(&model));
        let verdicts: Vec<&Value> = blessing["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| &c["verdict"])
            .collect();
        assert_eq!(verdicts, ["passed", "passed", "waived"]);
        let destination = folder.join("serving");
        Attempt::new("push", &folder.join("push"))
            .input("model", &model)
            .input("blessings", &judged.path("blessing"))
            .param("destination", destination.to_string_lossy().into_owned())
            .param("version", 1)
            .run()
            .succeeded();
        assert_eq!(digest(&destination.join("penguins/1")), digest(&model));
    }
}

#[test]
fn taxi_trips_become_a_model_that_knows_who_tips() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(
        root.path(),
        "taxi",
        "data.csv",
        json!({}),
        json!({
            "label": { "expr": "tips > 0.2 * fare" },
            "features": [
                { "columns": ["trip_miles", "fare", "trip_seconds"], "ops": [{ "impute": 0 }, "z_score"] },
                { "columns": ["payment_type", "company"], "ops": [{ "impute": "" }, { "vocabulary": { "top_k": 1000, "oov_buckets": 10 } }] },
                { "columns": ["trip_start_hour", "trip_start_day", "trip_start_month"], "ops": [] },
            ],
        }),
    );
    let trained = training(&prepared, &root.path().join("train"), "boosted_trees")
        .param("model", "taxi-tips")
        .param("task", "binary")
        .run()
        .succeeded();
    let metrics = json(&trained.path("metrics"));
    let auc = metrics["auc"].as_f64().unwrap();
    assert!(auc > 0.85, "{metrics}");
    let params = json!({
        "slices": [["payment_type"]],
        "min_slice_size": 50,
        "thresholds": [{ "metric": "auc", "min": 0.85 }],
    });
    let folder = root.path().join("evaluate");
    let judged = evaluate(&prepared, &trained.path("model"), &folder, &params).succeeded();
    let evaluation = json(&judged.path("evaluation").join("evaluation.json"));
    assert!((metric(&evaluation, "auc") - auc).abs() < 1e-12);
    assert_eq!(judged.property("evaluation", "headline"), json!(["auc"]));
    let slices = evaluation["slices"].as_array().unwrap();
    let small = |slice: &&Value| slice["rows"].as_u64().unwrap() < 50;
    assert!(slices.iter().any(|slice| small(&slice)));
    for slice in slices {
        assert_eq!(slice["measured"], !small(&slice), "{slice}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_threads() {
    let root = tempfile::tempdir().unwrap();
    let prepared = penguins(root.path());
    for algorithm in ["logistic", "boosted_trees"] {
        let run = |threads: usize, seed: u64| {
            let folder = root.path().join(format!("{algorithm}-{threads}-{seed}"));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let attempt = training(&prepared, &folder, algorithm)
                .param("subsample", 0.7)
                .param("max_features", 0.5)
                .param("rounds", 20)
                .param("seed", seed);
            let ended = pool.unwrap().install(|| attempt.run()).succeeded();
            let metrics = fs::read(ended.path("metrics")).unwrap();
            (digest(&ended.path("model")), metrics)
        };
        let one = run(1, 7);
        assert_eq!(one, run(3, 7), "{algorithm}");
        // The seed decides what trees are grown from; a logistic regression samples nothing.
        assert_eq!(one == run(1, 8), algorithm == "logistic");
    }
}

#[test]
fn a_model_folder_holds_what_scoring_needs_and_a_sample_that_proves_it() {
    let root = tempfile::tempdir().unwrap();
    let prepared = penguins(root.path());
    let trained = train(&prepared, &root.path().join("train"), "boosted_trees");
    let folder = trained.path("model");
    for file in [
        "signature.json",
        "model.onnx",
        "transform.json",
        "schema.yaml",
        "statistics.json",
        "sample.jsonl",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    assert!(folder.join("vocabularies").is_dir());
    let signature = json(&folder.join("signature.json"));
    let inputs = signature["raw_inputs"].as_array().unwrap();
    let names: Vec<&str> = inputs.iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "bill_length_mm",
            "bill_depth_mm",
            "flipper_length_mm",
            "body_mass_g",
            "sex"
        ]
    );
    let model = Model::load(&folder).unwrap();
    let sample = rows::read_jsonl(&folder.join("sample.jsonl")).unwrap();
    assert_eq!(sample.len(), 16);
    let batch = rows::from_json(&sample, &model.signature().raw_inputs).unwrap();
    let predictions = score(&model, &batch).unwrap();
    for (at, row) in sample.iter().enumerate() {
        assert!(
            !row.contains_key("species"),
            "the label is no part of the sample"
        );
        let (field, value) = predictions.field(at);
        assert_eq!(row.get(field), Some(&value));
    }
}

#[test]
fn raw_rows_and_transformed_rows_teach_the_same() {
    let root = tempfile::tempdir().unwrap();
    let prepared = penguins(root.path());
    let transformed = train(&prepared, &root.path().join("transformed"), "boosted_trees");
    let raw = Attempt::new("train", &root.path().join("raw"))
        .input("examples", &prepared.ingest.path("examples"))
        .input("graph", &prepared.transform.path("graph"))
        .param("model", "penguins")
        .param("task", "multiclass")
        .run()
        .succeeded();
    assert_eq!(
        digest(&raw.path("model")),
        digest(&transformed.path("model"))
    );
}

#[test]
fn raw_rows_that_look_like_transformed_ones_are_known_by_their_digest() {
    // The columns of the raw rows are those of the transformed ones, in name, type and order.
    let root = tempfile::tempdir().unwrap();
    let csv = root.path().join("points.csv");
    let mut text = "x,label\n".to_owned();
    for at in 0..300 {
        writeln!(text, "{}.5,{}", at % 97, at % 97 / 49 + 3).unwrap();
    }
    fs::write(&csv, text).unwrap();
    let source = source(root.path(), &csv);
    let ingest = Attempt::new("ingest", &root.path().join("ingest"))
        .input("source", &source)
        .run()
        .succeeded();
    let statistics = Attempt::new("statistics", &root.path().join("statistics"))
        .input("examples", &ingest.path("examples"))
        .run()
        .succeeded();
    let schema = Attempt::new("schema", &root.path().join("schema"))
        .input("statistics", &statistics.path("statistics"))
        .run()
        .succeeded();
    let transform = Attempt::new("transform", &root.path().join("transform"))
        .input("examples", &ingest.path("examples"))
        .input("schema", &schema.path("schema"))
        .param("label", "label")
        .param(
            "features",
            json!([{ "columns": ["x"], "ops": ["z_score"] }]),
        )
        .run()
        .succeeded();
    let model = |name: &str, examples: &Path| {
        let ended = Attempt::new("train", &root.path().join(name))
            .input("examples", examples)
            .input("graph", &transform.path("graph"))
            .param("model", "points")
            .param("task", "binary")
            .param("algorithm", "logistic")
            .run()
            .succeeded();
        digest(&ended.path("model"))
    };
    assert_eq!(
        model("raw", &ingest.path("examples")),
        model("transformed", &transform.path("examples"))
    );
}

#[test]
fn without_a_graph_columns_are_taken_as_they_are() {
    let root = tempfile::tempdir().unwrap();
    let prepared = penguins(root.path());
    let examples = prepared.ingest.path("examples");
    let trained = Attempt::new("train", &root.path().join("train"))
        .input("examples", &examples)
        .param("model", "mass")
        .param("task", "regression")
        .param("label", "body_mass_g")
        .param("features", json!(["bill_*", "flipper_length_mm"]))
        .run()
        .succeeded();
    let metrics = json(&trained.path("metrics"));
    let (rmse, baseline) = (
        metrics["rmse"].as_f64().unwrap(),
        metrics["baseline_rmse"].as_f64().unwrap(),
    );
    assert!(rmse < baseline / 1.5, "{metrics}");
    let folder = trained.path("model");
    assert!(folder.join("sample.jsonl").is_file() && folder.join("schema.yaml").is_file());
    let params = json!({ "thresholds": [{ "metric": "rmse", "max": 1000 }] });
    let judged = evaluate(&prepared, &folder, &root.path().join("evaluate"), &params).succeeded();
    let evaluation = json(&judged.path("evaluation").join("evaluation.json"));
    assert!((metric(&evaluation, "rmse") - rmse).abs() < 1e-9);
    // Masses are integers of few values: those that training never saw are measured all the same.
    assert_eq!(evaluation["left_out"]["unknown_class"], 0);
    assert_eq!(evaluation["rows"], metrics["eval_rows"]);
}

#[test]
fn a_verdict_is_recorded_whatever_it_is() {
    let root = tempfile::tempdir().unwrap();
    let prepared = penguins(root.path());
    let good = train(&prepared, &root.path().join("good"), "logistic").path("model");
    let weak = training(&prepared, &root.path().join("weak"), "boosted_trees")
        .param("rounds", 1)
        .param("learning_rate", 0.01)
        .run()
        .succeeded()
        .path("model");
    let judge = |name: &str, model: &Path, baseline: Option<&Path>, params: Value| {
        let mut attempt = Attempt::new("evaluate", &root.path().join(name))
            .input("model", model)
            .input("examples", &prepared.ingest.path("examples"));
        if let Some(baseline) = baseline {
            attempt = attempt.input("baseline", baseline);
        }
        for (name, value) in params.as_object().unwrap() {
            attempt = attempt.param(name, value.clone());
        }
        let ended = attempt.run();
        let blessing = json(&ended.path("blessing").join("blessing.json"));
        assert_eq!(ended.property("blessing", "pass"), blessing["pass"]);
        assert_eq!(ended.property("blessing", "reason"), blessing["reason"]);
        (ended, blessing)
    };
    let (ended, blessing) = judge("none", &good, None, json!({}));
    assert_eq!((ended.status, &blessing["pass"]), (0, &json!(false)));
    let reason = blessing["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("not evaluated: no thresholds"),
        "{reason}"
    );

    let strict = json!({ "thresholds": [{ "metric": "log_loss", "max": 0.001 }] });
    let (ended, blessing) = judge("strict", &good, None, strict.clone());
    assert_eq!((ended.status, &blessing["pass"]), (0, &json!(false)));
    let mut refusing = strict;
    refusing["refuse"] = json!(true);
    let (ended, blessing) = judge("refusing", &good, None, refusing);
    assert_eq!((ended.status, &blessing["pass"]), (65, &json!(false)));
    assert_eq!(json!(ended.output.reason), blessing["reason"]);
    assert!(
        ended
            .output
            .reason
            .contains("log_loss must be <= 0.001: 0.0")
    );

    let change = json!({ "thresholds": [{ "metric": "log_loss", "change": { "absolute": 0 } }] });
    let (_, blessing) = judge("better", &good, Some(&weak), change.clone());
    assert_eq!(blessing["pass"], true, "{blessing}");
    let (_, blessing) = judge("worse", &weak, Some(&good), change);
    assert_eq!(blessing["pass"], false, "{blessing}");
    assert!(blessing["checks"][0]["baseline_value"].is_number());
}
