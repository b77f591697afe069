//! Slices and thresholds: what is measured of which rows, and what is good enough.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use model_scoring::evaluation::{
    Bound, Check, Evaluator, Measurement, Slice, SliceMetrics, Threshold, Verdict, check,
    number_text,
};
use model_scoring::graph::{Builder, Graph, Output, Role};
use model_scoring::metrics::Metric;
use model_scoring::model::Model;
use model_scoring::predictor::{Linear, Link, Predictor};
use model_scoring::signature::{Class, ColumnType, Feature, Label, RawInput, Signature, Task};
use serde_json::{Value, json};

fn slice(values: Value) -> Slice {
    match values {
        Value::Object(map) => Slice::of(map),
        _ => Slice::overall(),
    }
}

fn measured(slice: Slice, metrics: &[(Metric, f64, Option<f64>)]) -> SliceMetrics {
    SliceMetrics {
        slice,
        rows: 10,
        metrics: metrics
            .iter()
            .map(|(metric, value, baseline)| Measurement {
                metric: *metric,
                value: *value,
                interval: None,
                baseline: *baseline,
            })
            .collect(),
    }
}

/// One threshold against one measurement over all rows.
fn verdict(metric: Metric, value: f64, baseline: Option<f64>, bound: Bound) -> Check {
    let threshold = Threshold {
        metric,
        slice: Slice::overall(),
        bound,
    };
    let slices = [measured(Slice::overall(), &[(metric, value, baseline)])];
    check(&[threshold], &slices, baseline.is_some()).remove(0)
}

fn value(min: Option<f64>, max: Option<f64>) -> Bound {
    Bound::Value { min, max }
}

fn change(absolute: Option<f64>, relative: Option<f64>) -> Bound {
    Bound::Change { absolute, relative }
}

#[test]
fn bounds_on_a_value_are_inclusive_and_nan_meets_none() {
    use Verdict::{Failed, Passed};
    let table = [
        (0.8, value(Some(0.8), None), Passed),
        (0.799_999_9, value(Some(0.8), None), Failed),
        (0.8, value(None, Some(0.8)), Passed),
        (0.81, value(None, Some(0.8)), Failed),
        (0.5, value(Some(0.4), Some(0.6)), Passed),
        (0.7, value(Some(0.4), Some(0.6)), Failed),
        (f64::NAN, value(Some(0.0), None), Failed),
        (f64::NAN, value(None, Some(1.0)), Failed),
    ];
    for (found, bound, expected) in table {
        let check = verdict(Metric::Auc, found, None, bound);
        assert_eq!(check.verdict, expected, "{found} {bound:?}");
    }
}

#[test]
fn changes_are_judged_by_the_direction_in_which_the_metric_is_better() {
    use Verdict::{Failed, Passed};
    let (auc, loss) = (Metric::Auc, Metric::LogLoss);
    let table = [
        // Higher is better: at least the bound, both of them.
        (auc, 0.75, 0.875, change(Some(-0.125), None), Passed),
        (auc, 0.7, 0.875, change(Some(-0.125), None), Failed),
        (auc, 0.8, 0.8, change(Some(0.0), None), Passed),
        (auc, 0.8, 0.8, change(Some(0.01), None), Failed),
        (auc, 0.75, 0.8, change(None, Some(-0.1)), Passed),
        (auc, 0.75, 0.8, change(None, Some(-0.05)), Failed),
        (auc, 0.75, 0.8, change(Some(-0.1), Some(-0.05)), Failed),
        (auc, 0.75, 0.8, change(Some(-0.01), Some(-0.5)), Failed),
        // Lower is better: at most.
        (loss, 0.5, 0.25, change(Some(0.25), None), Passed),
        (loss, 0.5, 0.25, change(Some(0.2), None), Failed),
        (loss, 0.25, 0.5, change(Some(0.0), None), Passed),
        (loss, 0.5, 0.25, change(None, Some(1.0)), Passed),
        (loss, 0.5, 0.25, change(None, Some(0.9)), Failed),
        // A baseline of 0 has no ratio, and what is no number fails, whatever is asked.
        (auc, 0.9, 0.0, change(Some(-1.0), None), Failed),
        (loss, 0.0, 0.0, change(Some(1.0), None), Failed),
        (auc, f64::NAN, 0.8, change(Some(-1.0), None), Failed),
        (auc, 0.9, f64::NAN, change(Some(-1.0), None), Failed),
    ];
    for (metric, found, baseline, bound, expected) in table {
        let check = verdict(metric, found, Some(baseline), bound);
        let name = metric.name();
        assert_eq!(
            check.verdict, expected,
            "{name} {found} against {baseline}, {bound:?}: {}",
            check.reason
        );
    }
}

#[test]
fn without_a_baseline_changes_are_waived_and_values_are_not() {
    let check = verdict(Metric::Auc, 0.1, None, change(Some(0.0), None));
    assert_eq!(check.verdict, Verdict::Waived);
    assert_eq!(check.reason, "there is no baseline to compare with");
    let check = verdict(Metric::Auc, 0.1, None, value(Some(0.2), None));
    assert_eq!(check.verdict, Verdict::Failed);
}

#[test]
fn a_missing_metric_slice_or_size_fails() {
    let slices = [
        measured(Slice::overall(), &[(Metric::Auc, 0.9, None)]),
        measured(slice(json!({ "hour": 7 })), &[(Metric::Auc, 0.9, None)]),
        SliceMetrics {
            slice: slice(json!({ "hour": 8 })),
            rows: 3,
            metrics: Vec::new(),
        },
    ];
    let table = [
        (Metric::Auc, json!({ "hour": 7 }), Verdict::Passed, "met"),
        // As people write numbers, 7.0 is 7.
        (Metric::Auc, json!({ "hour": 7.0 }), Verdict::Passed, "met"),
        (
            Metric::Auc,
            json!({ "hour": "7" }),
            Verdict::Failed,
            "there is no row with hour=7",
        ),
        (
            Metric::Auc,
            json!({ "hour": 8 }),
            Verdict::Failed,
            "the slice has 3 rows, fewer than `min_slice_size`",
        ),
        (
            Metric::Rmse,
            Value::Null,
            Verdict::Failed,
            "a model of this task has only auc",
        ),
    ];
    for (metric, values, expected, reason) in table {
        let threshold = Threshold {
            metric,
            slice: slice(values),
            bound: value(Some(0.0), None),
        };
        let found = check(&[threshold], &slices, false).remove(0);
        assert_eq!((found.verdict, found.reason.as_str()), (expected, reason));
    }
}

#[test]
fn a_check_says_what_was_asked_and_what_came() {
    let check = verdict(Metric::Auc, 0.7123, None, value(Some(0.75), None));
    assert_eq!(check.name(), "auc");
    assert_eq!(check.bound(), ">= 0.75");
    assert_eq!(check.reason, "0.7123 is below 0.75");
    let bound = change(Some(0.01), Some(0.1));
    let check = verdict(Metric::LogLoss, 0.5, Some(0.25), bound);
    assert_eq!(check.name(), "change of log_loss");
    assert_eq!(check.bound(), "difference <= 0.01 and ratio <= 0.1");
    assert_eq!(check.measured(), Some(0.25));
    assert_eq!(
        check.reason,
        "0.5 against the baseline's 0.25: the difference 0.25 is above 0.01"
    );
}

#[test]
fn numbers_for_people_have_six_digits() {
    let table = [
        (0.0, "0"),
        (1.0, "1"),
        (0.75, "0.75"),
        (0.123_456_789, "0.123457"),
        (-0.005, "-0.005"),
        (12_345.678_9, "12345.7"),
        (1_234_567.0, "1234567"),
        (0.000_012_345_67, "0.0000123457"),
        (1e-9, "1e-9"),
        (f64::NAN, "NaN"),
    ];
    for (number, expected) in table {
        assert_eq!(number_text(number), expected);
    }
}

/// Predicts `yes` where x is above 0; knows x, and a text label by its graph.
fn model(classes: &[&str]) -> Model {
    let raw = |name: &str, column_type| RawInput {
        name: name.to_owned(),
        column_type,
        nullable: true,
    };
    let x = raw("x", ColumnType::Float64);
    let mut builder = Builder::new(vec![x.clone(), raw("answer", ColumnType::String)]);
    let (feature, label) = (
        builder.column("x").unwrap(),
        builder.column("answer").unwrap(),
    );
    let classes: Vec<Class> = classes.iter().map(|c| Class::Text((*c).into())).collect();
    let output = |name: &str, node, role, classes| Output {
        name: name.to_owned(),
        node,
        role,
        width: 1,
        classes,
    };
    builder.output(output("x", feature, Role::Feature, None));
    builder.output(output("label", label, Role::Label, Some(classes.clone())));
    let graph: Graph = builder.finish(None).unwrap();
    let signature = Signature {
        format_version: 1,
        name: "m".to_owned(),
        task: Task::Binary,
        flavour: "onnx".to_owned(),
        raw_inputs: vec![x],
        features: vec![Feature {
            name: "x".to_owned(),
            width: 1,
        }],
        label: Label {
            output: "label".to_owned(),
            column_type: ColumnType::String,
            classes,
        },
        outputs: Vec::new(),
        transform_digest: Some(String::new()),
    };
    let predictor = Predictor::Linear(Linear {
        features: 1,
        outputs: 1,
        coefficients: vec![1.0],
        intercepts: vec![0.0],
        link: Link::Logistic,
    });
    Model::new(signature, Some(graph), predictor).unwrap()
}

fn batch() -> RecordBatch {
    let x = [2.0, -2.0, 3.0, -1.0, 1.0, 5.0, 4.0, -3.0];
    let answer = [
        Some("yes"),
        Some("no"),
        Some("no"),
        Some("yes"),
        Some("yes"),
        None,
        Some("maybe"),
        Some("no"),
    ];
    let city = [
        Some("Rome"),
        Some("Rome"),
        Some("Oslo"),
        Some("Oslo"),
        None,
        Some("Rome"),
        Some("Rome"),
        Some("Rome"),
    ];
    let hour = [10, 9, 10, 9, 10, 9, 10, 10];
    let columns: [(&str, ArrayRef); 4] = [
        ("x", Arc::new(Float64Array::from(x.to_vec()))),
        ("answer", Arc::new(StringArray::from(answer.to_vec()))),
        ("city", Arc::new(StringArray::from(city.to_vec()))),
        ("hour", Arc::new(Int64Array::from(hour.to_vec()))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

fn accuracy(slice: &SliceMetrics) -> Option<f64> {
    let metric = |m: &&Measurement| m.metric == Metric::Accuracy;
    slice.metrics.iter().find(metric).map(|m| m.value)
}

#[test]
fn rows_are_measured_by_the_values_of_crosses_of_columns() {
    let model = model(&["no", "yes"]);
    let crosses = vec![
        vec!["city".to_owned()],
        vec!["hour".to_owned(), "city".to_owned()],
        vec!["city".to_owned(), "hour".to_owned()],
    ];
    let mut evaluator = Evaluator::new(&model, None, crosses).unwrap();
    // In two batches: rows count on.
    evaluator.add(&batch().slice(0, 3)).unwrap();
    evaluator.add(&batch().slice(3, 5)).unwrap();
    let measured = evaluator.finish(2);
    assert_eq!(measured.left_out.without_label, 1);
    assert_eq!(measured.left_out.unknown_class, 1);
    let found: Vec<(String, usize, Option<f64>)> = measured
        .slices
        .iter()
        .map(|s| (s.slice.to_string(), s.rows, accuracy(s)))
        .collect();
    let row = |name: &str, rows, accuracy| (name.to_owned(), rows, accuracy);
    assert_eq!(
        found,
        [
            row("all rows", 6, Some(4.0 / 6.0)),
            row("city is missing", 1, None),
            row("city=Oslo", 2, Some(0.0)),
            row("city=Rome", 3, Some(1.0)),
            row("city is missing, hour=10", 1, None),
            row("city=Oslo, hour=9", 1, None),
            row("city=Oslo, hour=10", 1, None),
            row("city=Rome, hour=9", 1, None),
            row("city=Rome, hour=10", 2, Some(1.0)),
        ]
    );
    let overall = &measured.slices[0].metrics;
    assert!(
        overall
            .iter()
            .all(|m| m.interval.is_some_and(|i| i.low <= i.high))
    );
}

#[test]
fn a_baseline_is_measured_on_the_same_rows_by_the_names_of_its_classes() {
    let candidate = model(&["no", "yes"]);
    // Knows other classes: `no` is impossible to it, and its second class is `zz`.
    let baseline = model(&["yes", "zz"]);
    let mut evaluator = Evaluator::new(&candidate, Some(&baseline), Vec::new()).unwrap();
    evaluator.add(&batch()).unwrap();
    let measured = evaluator.finish(1);
    let metrics = &measured.slices[0].metrics;
    let found = metrics.iter().find(|m| m.metric == Metric::Accuracy);
    // It says `yes` with the probability that x is not positive, and never less than that of `no`.
    assert_eq!(found.unwrap().baseline, Some(0.5));
}

#[test]
fn a_column_that_is_not_there_cannot_be_sliced_by() {
    let model = model(&["no", "yes"]);
    let slices = vec![vec!["town".to_owned()]];
    let mut evaluator = Evaluator::new(&model, None, slices).unwrap();
    let message = evaluator.add(&batch()).unwrap_err().to_string();
    assert_eq!(
        message,
        "there is no column `town` to slice by, or it holds lists; there are x, answer, city, hour"
    );
}
