//! What operations and expressions give for three rows, and what they do not take.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod raw_rows;

use model_scoring::ScoringError;
use model_scoring::expression::Expression;
use model_scoring::graph::{
    Column, DatePart, DateUnit, Graph, Literal, Operation, Strategy, Vocabulary,
};
use raw_rows::{Rows, builder};

fn three_rows() -> Rows {
    Rows {
        fare: vec![Some(10.0), None, Some(f64::NAN)],
        hour: vec![Some(-3), Some(7), None],
        company: vec![Some("Blue".into()), Some("Unseen".into()), None],
        shared: vec![Some(true), None, Some(false)],
        started: vec![Some(1_400_268_300_000_000), None, Some(-1)],
    }
}

/// The values of an operation over columns, as texts; missing is `-`.
fn values(operation: &Operation, columns: &[&str]) -> Vec<String> {
    let mut builder = builder();
    let inputs = columns
        .iter()
        .map(|column| builder.column(column).unwrap())
        .collect();
    let node = builder.push(operation.clone(), inputs).unwrap();
    shown(builder.graph(), node)
}

fn shown(graph: &Graph, node: usize) -> Vec<String> {
    let batch = three_rows().batch();
    let column = graph
        .evaluate(&batch, &[node])
        .unwrap()
        .remove(&node)
        .unwrap();
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    match column {
        Column::Integer(x) | Column::Timestamp(x) | Column::OneHot { index: x, .. } => {
            x.iter().map(|x| text(x.map(|x| x.to_string()))).collect()
        }
        Column::Number(x) => x.iter().map(|x| text(x.map(|x| x.to_string()))).collect(),
        Column::Text(x) => x.iter().map(|x| text(x.map(str::to_owned))).collect(),
        Column::Boolean(x) => x.iter().map(|x| text(x.map(|x| x.to_string()))).collect(),
    }
}

fn expression(text: &str) -> Vec<String> {
    let mut builder = builder();
    let node = Expression::parse(text)
        .unwrap()
        .add_to(&mut builder)
        .unwrap();
    shown(builder.graph(), node)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of all the operations")]
fn operations_give_what_is_written_of_them() {
    let vocabulary = |oov_buckets| Operation::Vocabulary {
        top_k: None,
        min_frequency: 0,
        oov_buckets,
        vocabulary: Vocabulary::new(vec!["Red".into(), "Blue".into()]),
    };
    let impute = |value| Operation::Impute {
        strategy: Strategy::Value,
        value,
    };
    let range = |minimum, maximum| Operation::MinMax {
        low: -1.0,
        high: 1.0,
        minimum,
        maximum,
    };
    let cases: Vec<(Operation, &[&str], [&str; 3])> = vec![
        (
            Operation::ZScore {
                mean: 4.0,
                variance: 9.0,
            },
            &["fare"],
            ["2", "-", "-"],
        ),
        // TFT: constant data gives x - mean.
        (
            Operation::ZScore {
                mean: 4.0,
                variance: 0.0,
            },
            &["fare"],
            ["6", "-", "-"],
        ),
        (range(Some(0.0), Some(20.0)), &["fare"], ["0", "-", "-"]),
        // TFT: constant or no data gives the logistic function, projected.
        (
            range(Some(10.0), Some(10.0)),
            &["shared"],
            ["0.4621171572600098", "-", "0"],
        ),
        (
            range(None, None),
            &["shared"],
            ["0.4621171572600098", "-", "0"],
        ),
        // A value equal to a boundary belongs to the bucket above it.
        (
            Operation::Bucketize {
                buckets: 4,
                boundaries: vec![-3.0, 2.0, 7.0],
            },
            &["hour"],
            ["1", "3", "-"],
        ),
        (vocabulary(0), &["company"], ["1", "-1", "-"]),
        (vocabulary(1), &["company"], ["1", "2", "-"]),
        (
            Operation::Hash { buckets: 1 },
            &["company"],
            ["0", "0", "-"],
        ),
        (
            Operation::Hash { buckets: 1000 },
            &["hour"],
            ["25", "866", "-"],
        ),
        (impute(Literal::Integer(0)), &["hour"], ["-3", "7", "0"]),
        (impute(Literal::Number(0.5)), &["hour"], ["-3", "7", "0.5"]),
        (
            impute(Literal::Text(String::new())),
            &["company"],
            ["Blue", "Unseen", ""],
        ),
        (
            impute(Literal::Boolean(true)),
            &["shared"],
            ["true", "true", "false"],
        ),
        (
            Operation::Clip {
                min: Some(0.0),
                max: Some(5.0),
            },
            &["hour"],
            ["0", "5", "-"],
        ),
        (
            Operation::Clip {
                min: None,
                max: Some(0.0),
            },
            &["hour"],
            ["-3", "0", "-"],
        ),
        (
            Operation::Log { add: 3.0 },
            &["hour"],
            ["-", "2.302585092994046", "-"],
        ),
        (
            Operation::Cross,
            &["company", "hour"],
            ["Blue_X_-3", "Unseen_X_7", "-"],
        ),
        (
            Operation::DatePart {
                part: DatePart::Hour,
                unit: None,
            },
            &["started"],
            ["19", "-", "23"],
        ),
        (
            Operation::DatePart {
                part: DatePart::Second,
                unit: Some(DateUnit::Seconds),
            },
            &["hour"],
            ["57", "7", "-"],
        ),
    ];
    for (operation, columns, expected) in cases {
        assert_eq!(
            values(&operation, columns),
            expected,
            "{operation:?} of {columns:?}"
        );
    }
}

#[test]
fn expressions_follow_precedence_and_missing_operands_give_missing_results() {
    let cases = [
        ("hour + 2 * 3", ["3", "13", "-"]),
        ("(hour + 2) * 3", ["-3", "27", "-"]),
        ("hour - 1 - 1", ["-5", "5", "-"]),
        ("-hour % 5", ["3", "3", "-"]),
        ("hour % -5", ["-3", "-3", "-"]),
        ("hour / 2", ["-1.5", "3.5", "-"]),
        ("1 / (hour - 7)", ["-0.1", "-", "-"]),
        ("hour % (hour - 7)", ["-3", "-", "-"]),
        (
            "9223372036854775807 + hour",
            ["9223372036854775804", "-", "-"],
        ),
        ("fare * 2", ["20", "-", "-"]),
        ("fare is null", ["false", "true", "true"]),
        ("fare is not null and hour < 0", ["true", "false", "-"]),
        ("not shared", ["false", "-", "true"]),
        ("shared or hour > 0", ["true", "-", "-"]),
        ("hour > 0 or hour < 0 and false", ["false", "true", "-"]),
        ("company == 'Blue'", ["true", "false", "-"]),
        ("company < \"C\"", ["true", "false", "-"]),
        ("`hour` >= 7.0", ["false", "true", "-"]),
        ("shared != true", ["false", "-", "true"]),
        ("started == started", ["true", "-", "true"]),
    ];
    for (text, expected) in cases {
        assert_eq!(expression(text), expected, "{text}");
    }
}

#[test]
fn types_that_do_not_fit_are_named_with_their_place() {
    let cases = [
        (
            "company > 3",
            9,
            "`>` cannot be used between a text and an integer",
        ),
        (
            "fare and shared",
            6,
            "`and` cannot be used between a float and a boolean",
        ),
        (
            "1 + tip",
            5,
            "there is no column `tip`; there are fare, hour, company, shared, started",
        ),
        (
            "not hour",
            1,
            "`not` needs a boolean, but this is an integer",
        ),
    ];
    for (text, expected_position, expected) in cases {
        match Expression::parse(text).unwrap().add_to(&mut builder()) {
            Err(ScoringError::Expression {
                position, message, ..
            }) => {
                assert_eq!(
                    (position, message.as_str()),
                    (expected_position, expected),
                    "{text}"
                );
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let mut builder = builder();
    let fare = builder.column("fare").unwrap();
    let error = builder
        .push(Operation::Hash { buckets: 3 }, vec![fare])
        .unwrap_err();
    assert!(error.contains("put `bucketize` before it"), "{error}");
    let error = builder.push(
        Operation::ZScore {
            mean: f64::NAN,
            variance: 1.0,
        },
        vec![fare],
    );
    assert!(error.unwrap_err().contains("NaN"));
}
