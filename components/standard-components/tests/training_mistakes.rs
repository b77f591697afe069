//! What people get wrong about training and evaluating, and what they are told.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use attempt::{Attempt, Ended};
use serde_json::{Map, Value, json};

/// The problems of a component's check, as `path: message`.
fn check(component: &str, params: &Value) -> Vec<String> {
    let catalog = standard_components::catalog();
    let component = catalog.get(component).unwrap();
    let params: Map<String, Value> = params.as_object().unwrap().clone();
    let problems = (component.check)(&params);
    problems
        .into_iter()
        .map(|problem| format!("{}: {}", problem.path, problem.message))
        .collect()
}

#[test]
fn parameters_are_judged_before_a_run() {
    let table = [
        (
            "train",
            json!({ "model": "a/b", "task": "binary", "algorithm": "linear" }),
            vec![
                "/model: `a/b` cannot name a model",
                "/algorithm: a linear regression predicts numbers, not classes",
            ],
        ),
        (
            "train",
            json!({ "model": "m", "task": "regression", "class_weight": "balanced" }),
            vec!["/class_weight: a regression has no classes to weigh"],
        ),
        (
            "train",
            json!({ "model": "m", "task": "binary", "class_weight": { "yes": -1, "no/never": "x" } }),
            vec![
                "/class_weight/no~1never: \"x\" is no factor for the class `no/never`",
                "/class_weight/yes: -1 is no factor for the class `yes`",
            ],
        ),
        (
            "evaluate",
            json!({ "slices": [[], 3], "thresholds": [
                { "metric": "acuracy", "min": 0.9 },
                { "metric": "auc" },
                { "metric": "auc", "min": "high" },
                { "metric": "auc", "min": 0.9, "max": 0.1 },
                { "metric": "auc", "change": { "absolut": 1 } },
                { "metric": "auc", "min": 0, "slice": "sex" },
                { "min": 0, "when": 1 },
                7,
            ] }),
            vec![
                "/slices/0: [] names no columns",
                "/slices/1: 3 names no columns",
                "/thresholds/0/metric: there is no metric `acuracy`",
                "/thresholds/1: it bounds nothing",
                "/thresholds/2/min: expected a number, got \"high\"",
                "/thresholds/3/min: nothing is at least 0.9 and at most 0.1",
                "/thresholds/4/change/absolut: there is no `absolut` here",
                "/thresholds/4/change: it bounds nothing",
                "/thresholds/5/slice: \"sex\" is no slice",
                "/thresholds/6/when: there is no `when` here",
                "/thresholds/6: it names no `metric`",
                "/thresholds/7: 7 is no threshold",
            ],
        ),
        (
            "push",
            json!({ "destination": "", "version": 3 }),
            vec![
                "/destination: an empty text names no folder",
                "/version: the engine gives every push its version",
            ],
        ),
    ];
    for (component, params, expected) in table {
        assert_eq!(check(component, &params), expected);
    }
}

#[test]
fn expressions_are_judged_when_they_have_a_value() {
    let table = [
        (
            "train",
            json!({ "model": "${{ params.name }}", "task": "${{ params.task }}", "algorithm": "linear",
                    "class_weight": { "yes": "${{ params.weight }}" } }),
        ),
        (
            "evaluate",
            json!({ "slices": "${{ params.slices }}", "thresholds": [
                { "metric": "${{ params.metric }}", "min": "${{ params.min }}" },
                { "metric": "auc", "change": { "absolute": "${{ params.change }}" } },
                "${{ params.threshold }}",
            ] }),
        ),
        (
            "push",
            json!({ "destination": "${{ params.destination }}" }),
        ),
    ];
    for (component, params) in table {
        assert_eq!(
            check(component, &params),
            Vec::<String>::new(),
            "{component}"
        );
    }
}

/// Examples of three classes with numbers, a text and an empty eval split.
fn examples(folder: &Path) -> PathBuf {
    let csv = folder.join("rows.csv");
    let mut text = "x,empty,name,class,mass\n".to_owned();
    for at in 0..90 {
        let class = ["a", "b", "c"][at % 3];
        let empty = if at % 2 == 0 { "1" } else { "" };
        writeln!(text, "{at}.5,{empty},n{at},{class},{at}").unwrap();
    }
    fs::write(&csv, &text).unwrap();
    let manifest = json!({ "format_version": 1, "files": [{
        "path": csv, "name": "rows.csv", "size_bytes": text.len(),
        "digest": blake3::hash(text.as_bytes()).to_hex().to_string(),
    }] });
    fs::create_dir_all(folder.join("source")).unwrap();
    fs::write(folder.join("source/files.json"), manifest.to_string()).unwrap();
    Attempt::new("ingest", &folder.join("ingest"))
        .input("source", &folder.join("source"))
        .param("splits", json!({ "train": 1 }))
        .run()
        .succeeded()
        .path("examples")
}

fn train(root: &Path, examples: &Path, params: &Value) -> Ended {
    let count = fs::read_dir(root).unwrap().count();
    let mut attempt = Attempt::new("train", &root.join(format!("train.{count}")))
        .input("examples", examples)
        .param("model", "m")
        .param("label", "class")
        .param("features", json!(["x"]))
        .param("task", "multiclass");
    for (name, value) in params.as_object().unwrap() {
        attempt = attempt.param(name, value.clone());
    }
    attempt.run()
}

#[test]
fn a_training_that_cannot_be_says_why() {
    let root = tempfile::tempdir().unwrap();
    let examples = examples(root.path());
    // Without an eval split there is a model all the same.
    train(root.path(), &examples, &json!({})).succeeded();
    let table = [
        (
            json!({ "task": "binary" }),
            "the task is binary, but the label has 3 classes (a, b, c)",
        ),
        (
            json!({ "task": "regression" }),
            "the label is a text (a, b, c)",
        ),
        (
            json!({ "label": "x", "features": ["mass"] }),
            "the task is to tell classes apart, but the label is a number",
        ),
        (
            json!({ "class_weight": { "d": 2 } }),
            "`class_weight` names the class `d`, which the label does not have",
        ),
        (
            json!({ "features": ["x", "empty"], "algorithm": "logistic" }),
            "the feature `empty` has missing values, which logistic models cannot take",
        ),
        (json!({ "features": ["name"] }), "name"),
        (
            json!({ "features": ["nothing*"] }),
            "no column matches `nothing*`",
        ),
        (json!({ "label": "klass" }), "there is no column `klass`"),
        (json!({ "split": "training" }), "has no split `training`"),
        (
            json!({ "features": null }),
            "`label` or `features` is missing",
        ),
        (
            json!({ "task": "regression", "label": "mass", "algorithm": "logistic" }),
            "predicts classes, not numbers",
        ),
    ];
    for (params, part) in table {
        let ended = train(root.path(), &examples, &params);
        assert_eq!(ended.status, 1, "{params}");
        let reason = &ended.output.reason;
        assert!(reason.contains(part), "{params}: {reason}");
    }
}

#[test]
fn an_evaluation_that_cannot_be_says_why() {
    let root = tempfile::tempdir().unwrap();
    let examples = examples(root.path());
    let trained = train(root.path(), &examples, &json!({ "rounds": 2 })).succeeded();
    let evaluate = |name: &str, params: &Value| {
        let mut attempt = Attempt::new("evaluate", &root.path().join(name))
            .input("model", &trained.path("model"))
            .input("examples", &examples);
        for (name, value) in params.as_object().unwrap() {
            attempt = attempt.param(name, value.clone());
        }
        attempt.run()
    };
    let ended = evaluate("split", &json!({}));
    assert_eq!(ended.status, 1);
    assert!(ended.output.reason.contains("has no split `eval`"));
    let ended = evaluate("slice", &json!({ "split": "train", "slices": ["town"] }));
    assert_eq!(ended.status, 1);
    assert!(
        ended
            .output
            .reason
            .contains("there is no column `town` to slice by")
    );
    // A model whose graph was changed after training is not scored.
    let graph = trained.path("model").join("transform.json");
    let text = fs::read_to_string(&graph).unwrap();
    fs::write(&graph, text.replace("column", "column ")).unwrap();
    let ended = evaluate("changed", &json!({ "split": "train" }));
    assert_eq!(ended.status, 1);
    assert!(
        ended
            .output
            .reason
            .contains("was changed after it was written")
    );
}
