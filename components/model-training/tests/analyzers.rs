//! Analyzers: what is fitted to a training split, and what a user is told who wrote it wrongly.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use example_data::examples::{Examples, SplitWriter};
use model_scoring::graph::{Graph, Literal, Operation};
use model_scoring::signature::Class;
use model_training::analyzers::{Spec, TrainingSplit, fit};
use serde_json::{Value, json};

fn trips(fares: &[Option<f64>]) -> RecordBatch {
    let rows = fares.len();
    let companies = ["Red", "Blue", "Blue", "Aqua", "Aqua"]
        .iter()
        .cycle()
        .take(rows);
    let hours = (0..rows).map(|row| (row % 7 != 3).then_some(row as i64 % 24));
    let columns: [(&str, ArrayRef); 5] = [
        ("fare", Arc::new(Float64Array::from(fares.to_vec()))),
        (
            "tips",
            Arc::new(
                fares
                    .iter()
                    .map(|x| x.map(|x| x * x / 50.0))
                    .collect::<Float64Array>(),
            ),
        ),
        (
            "company",
            Arc::new(companies.map(|c| Some(*c)).collect::<StringArray>()),
        ),
        ("hour", Arc::new(hours.collect::<Int64Array>())),
        (
            "started",
            Arc::new(
                (0..rows)
                    .map(|row| 1_400_268_300 + row as i64)
                    .collect::<Int64Array>(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

fn write(folder: &Path, batches: &[RecordBatch]) -> Examples {
    let mut writer = SplitWriter::create(folder, "train", batches[0].schema()).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    Examples::open(folder).unwrap()
}

fn spec(value: &Value) -> Spec {
    Spec::parse(value.as_object().unwrap()).unwrap()
}

fn fitted(value: &Value, examples: &[Examples]) -> Result<Graph, String> {
    fit(
        &spec(value),
        TrainingSplit {
            examples,
            split: "train",
            digest: "d",
        },
    )
    .map_err(|error| error.to_string())
}

/// The graph for these parameters over five rows with the fares 1, 2, 3, none, 6.
fn small(value: &Value) -> Result<Graph, String> {
    let folder = tempfile::tempdir().unwrap();
    let fares = [Some(1.0), Some(2.0), Some(3.0), None, Some(6.0)];
    fitted(value, &[write(folder.path(), &[trips(&fares)])])
}

fn operation(graph: &Graph, name: &str) -> Operation {
    graph
        .nodes
        .iter()
        .find(|node| node.operation.name() == name)
        .unwrap()
        .operation
        .clone()
}

#[test]
fn constants_are_those_of_the_training_split() {
    let one =
        |ops: Value| small(&json!({ "features": [{ "columns": ["fare"], "ops": ops }] })).unwrap();
    let graph = one(json!(["z_score"]));
    assert_eq!(
        operation(&graph, "z_score"),
        Operation::ZScore {
            mean: 3.0,
            variance: 3.5
        }
    );
    let graph = one(json!([{ "impute": "mean" }, "z_score"]));
    let Operation::Impute { value, .. } = operation(&graph, "impute") else {
        panic!()
    };
    assert_eq!(value, Literal::Number(3.0));
    // The second operation is fitted to what the first gives.
    assert_eq!(
        operation(&graph, "z_score"),
        Operation::ZScore {
            mean: 3.0,
            variance: 2.8
        }
    );
    let graph = one(json!([{ "impute": "median" }, { "min_max": { "min": -1 } }]));
    let Operation::Impute { value, .. } = operation(&graph, "impute") else {
        panic!()
    };
    assert_eq!(value, Literal::Number(2.5));
    let expected = Operation::MinMax {
        low: -1.0,
        high: 1.0,
        minimum: Some(1.0),
        maximum: Some(6.0),
    };
    assert_eq!(operation(&graph, "min_max"), expected);
    let graph = one(json!([{ "bucketize": 2 }, "one_hot"]));
    let expected = Operation::Bucketize {
        buckets: 2,
        boundaries: vec![2.0],
    };
    assert_eq!(operation(&graph, "bucketize"), expected);
    assert_eq!(graph.feature_columns(), ["fare.0", "fare.1"]);
}

#[test]
fn vocabularies_are_sorted_as_by_tft() {
    let terms = |arguments: Value| {
        let ops = json!([{ "vocabulary": arguments }]);
        let graph =
            small(&json!({ "features": [{ "columns": ["company"], "ops": ops }] })).unwrap();
        let Operation::Vocabulary { vocabulary, .. } = operation(&graph, "vocabulary") else {
            panic!()
        };
        vocabulary.terms().join(" ")
    };
    // Aqua and Blue occur twice: the later in the alphabet comes first.
    assert_eq!(terms(json!({})), "Blue Aqua Red");
    assert_eq!(terms(json!({ "top_k": 1 })), "Blue");
    assert_eq!(terms(json!({ "min_frequency": 2 })), "Blue Aqua");
}

#[test]
fn labels_have_classes_unless_they_are_numbers() {
    let classes = |label: Value| {
        let graph =
            small(&json!({ "label": label, "features": [{ "columns": ["fare"] }] })).unwrap();
        graph.label_output().unwrap().classes.clone()
    };
    let text = |t: &str| Class::Text(t.to_owned());
    assert_eq!(
        classes(json!("company")),
        Some(vec![text("Aqua"), text("Blue"), text("Red")])
    );
    let boolean = Some(vec![Class::Boolean(false), Class::Boolean(true)]);
    assert_eq!(classes(json!({ "expr": "tips > 0.2 * fare" })), boolean);
    assert_eq!(
        classes(json!("hour")),
        Some([0, 1, 2, 4].map(Class::Integer).to_vec())
    );
    assert_eq!(classes(json!({ "column": "tips" })), None);
}

#[test]
fn patterns_leave_out_what_would_give_the_label_away() {
    let names = |label: Value| {
        let features = json!([{ "columns": ["*"], "ops": [{ "impute": 0 }] }]);
        let features = if label.is_string() {
            features
        } else {
            json!([{ "columns": ["f*", "t*", "h*"], "ops": [] }, { "columns": ["fare"], "as": "again" }])
        };
        small(&json!({ "label": label, "key": "started", "features": features }))
            .map(|graph| graph.feature_columns())
    };
    assert_eq!(names(json!("company")).unwrap(), ["fare", "tips", "hour"]);
    let error = names(json!({ "expr": "tips > 0.2 * fare" })).unwrap_err();
    assert!(
        error.contains("no column matches `f*`; there are fare, tips, company"),
        "{error}"
    );
}

#[test]
fn every_kind_of_feature_can_be_written() {
    let graph = small(&json!({
        "weight": { "expr": "fare + 1" },
        "features": [
            { "ops": [{ "expr": "fare / hour" }, { "clip": [0, 10] }], "as": "per_hour" },
            { "columns": ["company", "hour"], "ops": [{ "cross": 20 }, "one_hot"], "as": "company_hour" },
            { "columns": ["started"], "ops": [{ "date_parts": { "parts": ["hour", "weekday"], "unit": "seconds" } }] },
            { "columns": ["tips", "fare"], "ops": ["log"] },
            { "columns": ["hour"], "ops": [{ "hash": 5 }] },
        ]
    }))
    .unwrap();
    let names: Vec<String> = graph
        .feature_outputs()
        .map(|f| format!("{}:{}", f.name, f.width))
        .collect();
    let expected =
        "per_hour:1 company_hour:20 started.hour:1 started.weekday:1 tips:1 fare:1 hour:1";
    assert_eq!(names.join(" "), expected);
    let nullable = |name: &str| {
        graph
            .inputs
            .iter()
            .find(|i| i.name == name)
            .unwrap()
            .nullable
    };
    assert!(nullable("fare") && nullable("hour") && !nullable("company"));
}

#[test]
fn a_graph_does_not_depend_on_row_groups_or_files_or_threads() {
    let fares: Vec<Option<f64>> = (0..5000)
        .map(|row| (row % 11 != 0).then(|| f64::from(row * 7919 % 1009) / 7.0))
        .collect();
    let spec = json!({
        "label": { "expr": "tips > 0.2 * fare" },
        "features": [
            { "columns": ["fare", "hour"], "ops": [{ "impute": "median" }, { "bucketize": 9 }] },
            { "columns": ["company"], "ops": ["vocabulary", "one_hot"] },
        ]
    });
    let folder = tempfile::tempdir().unwrap();
    let whole = write(&folder.path().join("whole"), &[trips(&fares)]);
    let parts: Vec<Examples> = [0..2000, 2000..2001, 2001..5000]
        .into_iter()
        .map(|range| {
            let rows = trips(&fares).slice(range.start, range.len());
            write(&folder.path().join(range.start.to_string()), &[rows])
        })
        .collect();
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let expected = one_thread.install(|| fitted(&spec, &[whole])).unwrap();
    assert_eq!(fitted(&spec, &parts).unwrap(), expected);
}

#[test]
fn what_does_not_fit_the_data_is_told_with_its_place() {
    let cases = [
        (
            json!([{ "columns": ["company"], "ops": ["z_score"] }]),
            "features[0].ops[0], `company`: `z_score` needs numbers, but this is a text",
        ),
        (
            json!([{ "columns": ["company"] }]),
            "features[0], `company`: a feature is a number, but this is a text: add `vocabulary` or `hash` to its `ops`",
        ),
        (
            json!([{ "columns": ["fare"], "ops": ["one_hot"] }]),
            "put `vocabulary`, `bucketize` or `hash` before it",
        ),
        (
            json!([{ "columns": ["fare"], "ops": [{ "impute": "none" }] }]),
            "`impute` cannot put a text where a float is missing",
        ),
        (
            json!([{ "columns": ["fares"] }]),
            "no column matches `fares`; there are fare, tips, company, hour, started",
        ),
        (
            json!([{ "columns": ["fare"] }, { "columns": ["f*"] }]),
            "two features are called `fare`: name one of them with `as`",
        ),
        (
            json!([{ "columns": ["fare"], "as": "label" }]),
            "`label` is the name of a column of the transformed examples",
        ),
        (
            json!([{ "ops": [{ "expr": "fare > company" }], "as": "x" }]),
            "at character 6: `>` cannot be used between a float and a text",
        ),
        (
            json!([{ "columns": ["started"], "ops": ["date_parts"] }]),
            "`date_parts: { unit: seconds }`",
        ),
    ];
    for (features, expected) in cases {
        let error = small(&json!({ "features": features })).unwrap_err();
        assert!(
            error.contains(expected),
            "{error}\ndoes not say\n{expected}"
        );
    }
    let error =
        small(&json!({ "label": "fare", "features": [{ "columns": ["fare"] }] })).unwrap_err();
    assert!(
        error.contains("`fare` is the label: no model may see it"),
        "{error}"
    );
}

#[test]
fn everything_wrong_in_the_parameters_is_found_at_once() {
    let params = json!({
        "label": { "expr": "tips >" },
        "key": 3,
        "features": [
            { "columns": ["a"], "ops": ["zscore", { "bucketize": 1 }, { "vocabulary": { "topk": 3 } }], "az": "x" },
            { "ops": [] },
            { "columns": ["a", "b"], "as": "x" },
            { "columns": ["a", "b"], "ops": ["cross"] },
            { "columns": ["a"], "ops": ["log", { "expr": "a" }] },
            { "columns": ["a"], "ops": [{ "clip": { "min": 2, "max": 1 } }, { "impute": null }] },
        ]
    });
    let problems = Spec::parse(params.as_object().unwrap()).unwrap_err();
    let places: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    let expected = [
        "/label",
        "/key",
        "/features/0/az",
        "/features/0/ops/0",
        "/features/0/ops/1",
        "/features/0/ops/2",
        "/features/1/columns",
        "/features/2/as",
        "/features/3",
        "/features/4/ops/1",
        "/features/5/ops/0",
        "/features/5/ops/1",
    ];
    assert_eq!(places, expected, "{problems:#?}");
}
