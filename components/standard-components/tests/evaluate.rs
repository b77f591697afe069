//! What an evaluation says beside metrics: the goal, importances, and the page for people.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use attempt::{Attempt, Ended, json};
use serde_json::{Value, json};

struct World {
    root: tempfile::TempDir,
    examples: PathBuf,
}

impl World {
    /// Rows whose label is told by `size` alone; `noise` says nothing, and one row in ten lies.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut text = "size,noise,name,big\n".to_owned();
        for row in 0_u32..900 {
            let (size, noise) = (row * 61 % 100, row * 37 % 89);
            let big = (size >= 50) != (row * 7 % 10 == 3);
            writeln!(text, "{size}.5,{noise}.5,<b>{}</b>,{big}", row % 2).unwrap();
        }
        let csv = root.path().join("rows.csv");
        fs::write(&csv, text).unwrap();
        let examples = Attempt::new("ingest", &root.path().join("ingest"))
            .input("source", &csv)
            .run()
            .succeeded()
            .path("examples");
        Self { root, examples }
    }

    fn train(&self, name: &str, label: &str, task: &str, algorithm: &str) -> PathBuf {
        let features = ["size", "noise"]
            .into_iter()
            .filter(|column| *column != label);
        let features: Vec<&str> = features.collect();
        Attempt::new("train", &self.root.path().join(name))
            .input("examples", &self.examples)
            .param("model", name)
            .param("task", task)
            .param("label", label)
            .param("algorithm", algorithm)
            .param("features", features)
            .param("rounds", 20)
            .run()
            .succeeded()
            .path("model")
    }

    fn evaluate(&self, name: &str, model: &Path, params: &Value) -> Ended {
        let mut attempt = Attempt::new("evaluate", &self.root.path().join(name))
            .input("model", model)
            .input("examples", &self.examples);
        for (name, value) in params.as_object().unwrap() {
            attempt = attempt.param(name, value.clone());
        }
        attempt.run()
    }
}

fn evaluation(ended: &Ended) -> Value {
    json(&ended.path("evaluation").join("evaluation.json"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn what_a_model_hangs_on_is_told() {
    let world = World::new();
    for algorithm in ["boosted_trees", "logistic"] {
        let model = world.train(algorithm, "big", "binary", algorithm);
        let ended = world
            .evaluate(&format!("of-{algorithm}"), &model, &json!({}))
            .succeeded();
        let importances = &evaluation(&ended)["importances"];
        let columns = importances["permutation"]["columns"].as_array().unwrap();
        assert_eq!(importances["permutation"]["metric"], "auc");
        assert_eq!(columns[0]["column"], "size");
        assert!(number(&columns[0]["mean"]) > 0.2, "{importances}");
        assert!(number(&columns[1]["mean"]).abs() < 0.1, "{importances}");
        if algorithm == "boosted_trees" {
            let shap = importances["shap"].as_array().unwrap();
            assert_eq!(shap[0]["feature"], "size");
            let (first, second) = (&shap[0]["mean_absolute"], &shap[1]["mean_absolute"]);
            assert!(number(first) > 3.0 * number(second), "{importances}");
        } else {
            assert!(importances["shap"].is_null());
        }
    }
    let model = world.train("quiet", "big", "binary", "logistic");
    let ended = world.evaluate("of-quiet", &model, &json!({ "importances": false }));
    assert!(evaluation(&ended.succeeded())["importances"].is_null());
}

#[test]
fn a_goal_tells_bias_from_variance_and_counts_in_money() {
    let world = World::new();
    let model = world.train("model", "big", "binary", "boosted_trees");
    let goal = json!({ "goal": {
        "metric": "accuracy", "human": 1.0, "target": 0.99, "by": "2027-01-31",
        "value": { "true": { "true": 5, "false": -5 }, "false": { "true": -1 } },
    }});
    let ended = world.evaluate("goal", &model, &goal).succeeded();
    let found = evaluation(&ended);
    let goal = &found["goal"];
    let accuracy = ended.property("evaluation", "accuracy");
    assert_eq!(goal["eval"], accuracy);
    let (train, eval) = (number(&goal["train"]), number(&accuracy));
    assert!((number(&goal["avoidable_bias"]) - (1.0 - train)).abs() < 1e-12);
    assert!((number(&goal["variance"]) - (train - eval)).abs() < 1e-12);
    assert!((number(&goal["gap"]) - (0.99 - eval)).abs() < 1e-12);
    assert!(goal["advice"].is_string());
    // Rows of the matrix are labels: false, true.
    let confusion = &found["plots"]["confusion"]["weights"];
    let matrix = &goal["money"]["matrix"];
    for (label, decision, worth) in [(0, 0, 0.0), (0, 1, -1.0), (1, 0, -5.0), (1, 1, 5.0)] {
        let wanted = worth * number(&confusion[label][decision]);
        assert!((number(&matrix[label][decision]) - wanted).abs() < 1e-9);
    }
    let total: f64 = (0..4).map(|at| number(&matrix[at / 2][at % 2])).sum();
    assert!((number(&goal["money"]["total"]) - total).abs() < 1e-9);
    let rows = number(&found["rows"]);
    assert!((number(&goal["money"]["per_row"]) - total / rows).abs() < 1e-9);
}

#[test]
fn where_less_is_better_a_goal_counts_the_other_way() {
    let world = World::new();
    let model = world.train("model", "size", "regression", "linear");
    let goal = json!({ "goal": { "metric": "rmse", "human": 0.0, "target": 1000 } });
    let ended = world.evaluate("goal", &model, &goal).succeeded();
    let goal = evaluation(&ended)["goal"].clone();
    assert_eq!(goal["avoidable_bias"], goal["train"]);
    assert!(number(&goal["gap"]) < 0.0);
    assert!(goal["money"].is_null() && goal["advice"].is_null());
}

#[test]
fn a_goal_that_makes_no_sense_is_told_before_or_at_the_start() {
    let catalog = standard_components::catalog();
    let check = |goal: Value| -> Vec<String> {
        let params = json!({ "goal": goal }).as_object().unwrap().clone();
        let problems = (catalog.get("evaluate").unwrap().check)(&params);
        let line = |p: component_api::catalog::Problem| format!("{}: {}", p.path, p.message);
        problems.into_iter().map(line).collect()
    };
    let wrong = check(json!({
        "metric": "acuracy", "humans": 1, "target": "high", "by": "soon", "value": { "true": 5 },
    }));
    assert_eq!(
        wrong,
        [
            "/goal/humans: there is no `humans` here",
            "/goal/metric: there is no metric `acuracy`",
            "/goal/target: expected a number, got \"high\"",
            "/goal/by: \"soon\" is no date",
            "/goal/value/true: 5 is no value",
        ]
    );
    assert_eq!(
        check(json!({ "human": 1 })),
        ["/goal: it names no `metric`"]
    );
    assert_eq!(
        check(json!({ "metric": "auc", "value": { "true": { "true": 1 } } })),
        Vec::<String>::new()
    );

    let world = World::new();
    let model = world.train("model", "big", "binary", "logistic");
    let told = |name: &str, goal: Value| {
        let ended = world.evaluate(name, &model, &json!({ "goal": goal }));
        assert_eq!(ended.status, 1);
        ended.output.reason
    };
    let reason = told("metric", json!({ "metric": "rmse" }));
    assert_eq!(
        reason,
        "`with`.goal.metric: a model of this task has no rmse"
    );
    let reason = told(
        "class",
        json!({ "metric": "auc", "value": { "yes": { "true": 1 } } }),
    );
    assert_eq!(
        reason,
        "`with`.goal.value names the class `yes`, which the label does not have"
    );
}

#[test]
fn the_page_shows_everything_and_needs_nothing_else() {
    let world = World::new();
    let model = world.train("model", "big", "binary", "boosted_trees");
    let params = json!({
        "slices": [["name"]],
        "thresholds": [{ "metric": "auc", "min": 0.5 }, { "metric": "log_loss", "max": 0.001 }],
        "goal": { "metric": "accuracy", "human": 1, "value": { "true": { "true": 1 } } },
    });
    let ended = world.evaluate("page", &model, &params).succeeded();
    let page = fs::read_to_string(ended.path("evaluation").join("report.html")).unwrap();
    for id in [
        "verdict",
        "checks",
        "metrics",
        "goal",
        "curves",
        "confusion",
        "importances",
        "shap",
        "slices",
    ] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(page.contains("<b>Not blessed</b>: log_loss must be &lt;= 0.001"));
    assert!(page.contains("ROC of true") && page.contains("Calibration of true"));
    assert_eq!(page.matches("<polyline").count(), 3);
    // What the data holds is text, whatever it looks like.
    assert!(page.contains("name=&lt;b&gt;1&lt;/b&gt;") && !page.contains("<b>1</b>"));
    // Nothing is loaded and nothing runs.
    for foreign in [
        "<script", "http:", "https:", "<link", "<img", "@import", "url(",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // Every element that is opened is closed again.
    for element in [
        "table", "tr", "td", "th", "svg", "figure", "text", "p", "h2", "b",
    ] {
        let opened = page.matches(&format!("<{element}>")).count()
            + page.matches(&format!("<{element} ")).count();
        assert_eq!(
            opened,
            page.matches(&format!("</{element}>")).count(),
            "{element}"
        );
    }
    let regression = world.train("size", "size", "regression", "linear");
    let ended = world.evaluate("plain", &regression, &json!({})).succeeded();
    let page = fs::read_to_string(ended.path("evaluation").join("report.html")).unwrap();
    assert!(page.contains("No thresholds were given") && !page.contains("id=\"curves\""));
}
