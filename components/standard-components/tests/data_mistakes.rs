//! What a person is told whose data, schema or parameters are wrong: a sentence with its place.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod attempt;
#[path = "data_mistakes/world.rs"]
mod world;

use std::fs;
use std::path::Path;

use attempt::{Ended, json};
use component_api::contract::EXIT_REFUSED;
use serde_json::{Map, Value, json};
use world::{ROWS, SCHEMA, World, fails};

#[test]
fn ingest_names_file_line_and_column() {
    let world = World::new();
    fails(
        &world,
        &world.ingest("a,b\n1,2\n3\n"),
        "data.csv, line 3, column 1 (a): the row has 1 cells, the header 2",
    );
    fails(
        &world,
        &world.ingest("a,b\n"),
        "there is no row in data.csv: only the columns' names",
    );
    fails(&world, &world.ingest(""), "data.csv: the file is empty");
    let missing = world.path("absent.csv");
    let ended = world.attempt("ingest").input("source", &missing).run();
    fails(&world, &ended, "cannot open absent.csv: No such file");
    let parquet = world.write("data.parquet", "PAR1");
    let ended = world.attempt("ingest").input("source", &parquet).run();
    fails(
        &world,
        &ended,
        "data.parquet: not a readable Parquet file or not writable",
    );
    let ended = world.attempt("ingest").run();
    fails(&world, &ended, "the input `source` was not given");
    let rows = world.path("rows.csv");
    let attempt = world.attempt("ingest").input("source", &rows);
    let ended = attempt.param("split_key", "idd").run();
    fails(
        &world,
        &ended,
        "split_key: there is no column `idd`; the columns are id, x, word",
    );
    let schema = world.write(
        "bad.yaml",
        "feature:\n- name: word\n  type: INT\n- name: x\n  type: FLOAT\n",
    );
    let attempt = world.attempt("ingest").input("source", &rows);
    let ended = attempt.input("schema", &schema).run();
    fails(
        &world,
        &ended,
        "rows.csv, line 2, column 3 (word): \"a\" is not an integer of 64 bits",
    );
}

#[test]
fn malformed_rows_that_may_be_skipped_are_counted() {
    let world = World::new();
    let file = world.write("data.csv", "a,b\n1,2\n3\n4,5\n6,7\n");
    let ingest = |skip: Value| {
        let attempt = world.attempt("ingest").input("source", &file);
        attempt.param("on_bad_rows", json!({ "skip": skip })).run()
    };
    for skip in [json!(1), json!(0.25)] {
        let ended = ingest(skip).succeeded();
        assert_eq!(ended.property("examples", "bad_rows"), 1);
        assert_eq!(ended.property("examples", "rows"), 3);
    }
    fails(
        &world,
        &ingest(json!(0)),
        "this is malformed row 1, and on_bad_rows allows 0",
    );
    fails(
        &world,
        &ingest(json!(0.2)),
        "this is the first of 1 malformed rows among 4, and on_bad_rows allows a fraction of 0.2",
    );
}

/// The paths and messages of what the compiler's look at parameters finds.
fn check(component: &str, params: Value) -> Vec<(String, String)> {
    let catalog = standard_components::catalog();
    let component = catalog.get(component).unwrap();
    let params: Map<String, Value> = serde_json::from_value(params).unwrap();
    let problems = (component.check)(&params).into_iter();
    problems.map(|p| (p.path, p.message)).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes")]
fn parameters_are_checked_before_anything_runs() {
    let cases = [
        (
            "ingest",
            json!({ "splits": { "train": "two" } }),
            "/splits/train",
            "is a whole number, not \"two\"",
        ),
        (
            "ingest",
            json!({ "splits": { "train": 0 } }),
            "/splits",
            "weight 0",
        ),
        (
            "ingest",
            json!({ "splits": { "a/b": 1 } }),
            "/splits",
            "cannot name a split",
        ),
        (
            "ingest",
            json!({ "splits": [{ "a": 1 }, "b"] }),
            "/splits/1",
            "a map of one split",
        ),
        (
            "ingest",
            json!({ "splits": { "train": { "files": 3 } } }),
            "/splits/train",
            "`{ files: PATTERN }`, or a list of patterns",
        ),
        (
            "ingest",
            json!({ "splits": { "train": { "files": "a*" }, "eval": 1 } }),
            "/splits/eval",
            "by files like the others",
        ),
        (
            "ingest",
            json!({ "splits": { "train": { "files": "[" } } }),
            "/splits",
            "`[` is no pattern",
        ),
        (
            "ingest",
            json!({ "splits": { "by": "at", "train": { "before": "yesterday" } } }),
            "/splits/train/before",
            "\"yesterday\" is no time",
        ),
        (
            "ingest",
            json!({ "splits": { "by": "at", "train": { "until": 3 } } }),
            "/splits/train/until",
            "`from` and `before` and no `until`",
        ),
        (
            "ingest",
            json!({ "splits": { "by": "at", "train": { "from": 1 }, "eval": { "from": 2 } } }),
            "/splits",
            "`train` and `eval` overlap from 2 on",
        ),
        (
            "ingest",
            json!({ "splits": { "by": "at", "train": { "from": 1 } }, "split_key": "id" }),
            "/split_key",
            "belongs to splits by weights",
        ),
        (
            "ingest",
            json!({ "splits": 3 }),
            "/splits",
            "a map of names to weights",
        ),
        (
            "ingest",
            json!({ "null_values": ["NA", -999] }),
            "/null_values/1",
            "-999 is none",
        ),
        (
            "ingest",
            json!({ "on_bad_rows": { "drop": 1 } }),
            "/on_bad_rows/drop",
            "no `drop`",
        ),
        (
            "ingest",
            json!({ "on_bad_rows": { "skip": 1.5 } }),
            "/on_bad_rows/skip",
            "a fraction from 0 to 1",
        ),
        (
            "validate",
            json!({ "severities": { "NEW_COLUMN": "error" } }),
            "/severities/NEW_COLUMN",
            "no kind of anomaly",
        ),
        (
            "validate",
            json!({ "severities": { "SCHEMA_NEW_COLUMN": "fatal" } }),
            "/severities/SCHEMA_NEW_COLUMN",
            "error or warning",
        ),
        (
            "transform",
            json!({ "features": [] }),
            "/features",
            "at least one feature",
        ),
        (
            "transform",
            json!({ "features": [{ "columns": ["a"], "ops": ["zscore"] }] }),
            "/features/0/ops/0",
            "there is no operation `zscore`",
        ),
        (
            "transform",
            json!({ "label": { "expr": "a >" }, "features": [{ "columns": ["a"] }] }),
            "/label",
            "at character 4",
        ),
    ];
    for (component, params, path, message) in cases {
        let found = check(component, params);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, path);
        assert!(found[0].1.contains(message), "{:?} / {message}", found[0]);
    }
}

#[test]
fn what_an_expression_will_be_is_checked_when_the_step_starts() {
    let unknown = json!({
        "splits": { "train": "${{ params.weight }}" },
        "null_values": ["${{ params.null }}"],
    });
    assert_eq!(check("ingest", unknown), []);
    let world = World::new();
    let rows = world.path("rows.csv");
    let attempt = world.attempt("ingest").input("source", &rows);
    let ended = attempt.param("splits", json!({ "train": -1 })).run();
    fails(&world, &ended, "`with`.splits.train: the weight");
}

#[test]
fn a_schema_is_one_file_that_is_a_schema() {
    let world = World::new();
    let statistics = world.statistics(ROWS);
    let ended = world.attempt("schema").run();
    fails(&world, &ended, "neither a curated schema nor statistics");
    let curated = world.path("schema.yaml");
    let attempt = world.attempt("schema").input("curated", &curated);
    let ended = attempt.input("statistics", &statistics).run();
    fails(&world, &ended, "both a curated schema and statistics");
    let attempt = world.attempt("schema").input("curated", &curated);
    let ended = attempt.input("curated", &world.path("rows.csv")).run();
    fails(
        &world,
        &ended,
        "a curated schema is one file, and 2 were given",
    );
    let bad = world.write("bad.yaml", "feature:\n- name: x\n  type: NUMBER\n");
    let ended = world.attempt("schema").input("curated", &bad).run();
    fails(&world, &ended, "bad.yaml: not a schema: ");
    assert!(ended.output.reason.contains("line 3"));
}

/// Validation of rows against the schema of this test, with these parameters.
fn validate(world: &World, text: &str, params: &Value) -> Ended {
    let statistics = world.statistics(text);
    let mut attempt = world
        .attempt("validate")
        .input("statistics", &statistics)
        .input("schema", &world.path("schema.yaml"));
    for (name, value) in params.as_object().unwrap() {
        attempt = attempt.param(name, value.clone());
    }
    attempt.run()
}

#[test]
fn the_gate_refuses_and_keeps_what_it_found() {
    let world = World::new();
    let bad = ROWS.replace("6.5", "65");
    let ended = validate(&world, &bad, &json!({}));
    assert_eq!(ended.status, EXIT_REFUSED);
    let reason = &ended.output.reason;
    assert!(
        reason.starts_with("the data has 1 anomaly of severity error: split ")
            && reason.ends_with(": x: FLOAT_TYPE_BIG_FLOAT (The greatest value is 65, above 10)"),
        "{reason}"
    );
    assert_eq!(ended.property("anomalies", "pass"), false);
    assert_eq!(ended.property("anomalies", "count"), 1);
    let verdict = ended.property("anomalies", "verdict");
    let splits = verdict.as_object().unwrap();
    let failed: Vec<&String> = splits
        .iter()
        .filter(|(_, v)| *v == "fail")
        .map(|(s, _)| s)
        .collect();
    assert_eq!(failed.len(), 1, "{verdict}");
    let file = format!("Split-{}/anomalies.json", failed[0]);
    let found = json(&ended.path("anomalies").join(file));
    assert_eq!(
        found["anomaly_info"]["x"]["reason"][0]["type"],
        "FLOAT_TYPE_BIG_FLOAT"
    );
    let recorded_only = validate(&world, &bad, &json!({ "fail_on": "never" })).succeeded();
    assert_eq!(recorded_only.property("anomalies", "pass"), true);
    assert_eq!(recorded_only.property("anomalies", "count"), 1);
    let severities = json!({ "FLOAT_TYPE_BIG_FLOAT": "warning" });
    let params = json!({ "severities": severities });
    validate(&world, &bad, &params).succeeded();
    let params = json!({ "severities": severities, "fail_on": "warning" });
    let ended = validate(&world, &bad, &params);
    assert_eq!(ended.status, EXIT_REFUSED);
    assert!(ended.output.reason.contains("of severity warning or error"));
}

#[test]
fn an_unknown_environment_is_no_empty_check() {
    let world = World::new();
    let ended = validate(&world, ROWS, &json!({ "environment": "TRAINIGN" }));
    fails(
        &world,
        &ended,
        "environment `TRAINIGN`: the schema mentions only SERVING, TRAINING",
    );
    validate(&world, ROWS, &json!({ "environment": "SERVING" })).succeeded();
}

#[test]
fn a_column_or_a_split_that_is_missing_is_refused() {
    let world = World::new();
    let schema = format!("{SCHEMA}- name: fare\n  type: FLOAT\n  presence: {{ min_count: 1 }}\n");
    world.write("schema.yaml", &schema);
    let ended = validate(&world, ROWS, &json!({}));
    assert_eq!(ended.status, EXIT_REFUSED);
    assert!(ended.output.reason.contains("fare: SCHEMA_MISSING_COLUMN"));
    world.write("schema.yaml", SCHEMA);
    // One row falls into one split; the other is empty.
    let ended = validate(&world, "id,x,word\n1,1.5,a\n", &json!({}));
    assert_eq!(ended.status, EXIT_REFUSED);
    assert!(
        ended.output.reason.contains("it has no rows"),
        "{}",
        ended.output.reason
    );
}

#[test]
fn drift_and_skew_are_measured_against_other_statistics() {
    let world = World::new();
    let comparator = "{ infinity_norm: { threshold: 0.3 } }";
    let schema =
        format!("{SCHEMA}  drift_comparator: {comparator}\n  skew_comparator: {comparator}\n");
    let schema = world.write("schema.yaml", &schema);
    let statistics = world.statistics(ROWS);
    let other = world.statistics(&ROWS.replace(",b", ",a"));
    // What was served is not split.
    let served = world.ingest(&ROWS.replace(",a", ",c")).succeeded();
    let all = served.path("examples").join("Split-all");
    fs::rename(served.path("examples").join("Split-train"), all).unwrap();
    fs::remove_dir_all(served.path("examples").join("Split-eval")).unwrap();
    let attempt = world.attempt("statistics");
    let attempt = attempt.input("examples", &served.path("examples"));
    let serving = attempt.run().succeeded().path("statistics");
    let compare = |port: &str, control: &Path| {
        let attempt = world.attempt("validate").input("statistics", &statistics);
        let ended = attempt.input("schema", &schema).input(port, control).run();
        (ended.status, ended.output.reason)
    };
    let (status, reason) = compare("previous", &other);
    assert_eq!(status, EXIT_REFUSED);
    assert!(reason.contains("word: COMPARATOR_L_INFTY_HIGH"), "{reason}");
    assert!(
        reason.contains("between current and previous data"),
        "{reason}"
    );
    let (status, reason) = compare("serving", &serving);
    assert_eq!(status, EXIT_REFUSED);
    assert!(
        reason.contains("between training and serving data"),
        "{reason}"
    );
    assert_eq!(compare("previous", &statistics).0, 0);
}

#[test]
fn transform_names_the_place_in_its_parameters() {
    let world = World::new();
    let ended = world.transform(json!("word"), json!([{ "columns": ["fare"] }]));
    fails(
        &world,
        &ended,
        "features[0].columns: no column matches `fare`; there are id, x, word",
    );
    let ended = world.transform(json!("tip"), json!([{ "columns": ["x"] }]));
    fails(&world, &ended, "label: there is no column `tip`");
    let ended = world.transform(json!("x"), json!([{ "columns": ["word"] }]));
    fails(&world, &ended, "add `vocabulary` or `hash` to its `ops`");
    let examples = world.ingest(ROWS).succeeded().path("examples");
    let ended = world
        .attempt("transform")
        .input("examples", &examples)
        .input("schema", &world.path("schema.yaml"))
        .param("features", json!([{ "columns": ["x"] }]))
        .param("split", "training")
        .run();
    fails(
        &world,
        &ended,
        "has no split `training`; its splits are eval, train",
    );
    // A label that is null in every row.
    let text = "x,y\n1,\n2,\n3,\n4,\n5,\n6,\n";
    let examples = world.ingest(text).succeeded().path("examples");
    let label = |label: Value| {
        world
            .attempt("transform")
            .input("examples", &examples)
            .input("schema", &world.path("schema.yaml"))
            .param("label", label)
            .param("features", json!([{ "columns": ["x"] }]))
            .run()
    };
    fails(
        &world,
        &label(json!("y")),
        "label: it is missing in every row of the training split",
    );
    fails(
        &world,
        &label(json!({ "expr": "y + 0.5" })),
        "no row of the split train has a label and a weight",
    );
}

#[test]
fn by_hand_a_mistake_is_usage() {
    let world = World::new();
    let run = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        standard_components::run(&arguments)
    };
    assert_eq!(run(&[]), 2);
    assert_eq!(run(&["ingets"]), 2);
    assert_eq!(run(&["ingest", "--help"]), 0);
    assert_eq!(run(&["ingest", "--input", "sorce=x"]), 2);
    assert_eq!(run(&["ingest", "--param", "split_key=3"]), 2);
    assert_eq!(run(&["transform", "--input", "examples=x"]), 2);
    let source = format!("source={}", world.path("rows.csv").display());
    let output = format!("examples={}", world.path("by-hand").display());
    let arguments = [
        "ingest",
        "--input",
        &source,
        "--output",
        &output,
        "--param",
        "split_key=id",
    ];
    assert_eq!(run(&arguments), 0);
    // What is there already is not mixed with what comes.
    assert_eq!(run(&arguments), 1);
    let input = format!("examples={}", world.path("by-hand").display());
    let output = format!("statistics={}", world.path("numbers").display());
    assert_eq!(
        run(&["statistics", "--input", &input, "--output", &output]),
        0
    );
    let input = format!("statistics={}", world.path("numbers").display());
    let output = format!("schema={}", world.path("inferred.yaml").display());
    assert_eq!(run(&["schema", "--input", &input, "--output", &output]), 0);
    let text = fs::read_to_string(world.path("inferred.yaml")).unwrap();
    assert!(text.starts_with("feature:\n- name: id\n"), "{text}");
}
