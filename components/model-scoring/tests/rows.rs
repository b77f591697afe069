//! Raw rows as JSON objects and back: nothing is lost, moments included.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod raw_rows;

use model_scoring::rows::{Row, from_json, read_jsonl, to_json, write_jsonl};
use model_scoring::signature::{ColumnType, RawInput};
use raw_rows::{Rows, builder};
use serde_json::json;

fn awkward_rows() -> Rows {
    Rows {
        fare: vec![Some(0.1), Some(f64::INFINITY), None],
        hour: vec![Some(i64::MIN), Some(7), None],
        company: vec![Some("line\nbreak \"q\"".into()), Some(String::new()), None],
        shared: vec![Some(true), Some(false), None],
        started: vec![Some(1_400_268_300_000_001), Some(-1), None],
    }
}

#[test]
fn rows_survive_the_way_through_a_file() {
    let batch = awkward_rows().batch();
    let rows = to_json(&batch).unwrap();
    let expected = [
        json!({
            "fare": 0.1, "hour": i64::MIN, "company": "line\nbreak \"q\"", "shared": true,
            "started": "2014-05-16T19:25:00.000001Z",
        }),
        json!({
            "fare": "Infinity", "hour": 7, "company": "", "shared": false,
            "started": "1969-12-31T23:59:59.999999Z",
        }),
        json!({}),
    ];
    let expected: Vec<Row> = expected
        .into_iter()
        .map(|row| row.as_object().unwrap().clone())
        .collect();
    assert_eq!(rows, expected);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.jsonl");
    write_jsonl(&path, &rows).unwrap();
    let read = from_json(&read_jsonl(&path).unwrap(), builder().available()).unwrap();
    assert_eq!(read, batch);
}

#[test]
fn a_value_of_another_type_is_named_with_its_column() {
    let cases = [
        (ColumnType::Int64, json!(1.5)),
        (ColumnType::Boolean, json!("true")),
        (ColumnType::String, json!(7)),
        (ColumnType::Float64, json!("7")),
        (ColumnType::Timestamp, json!("yesterday")),
    ];
    for (column_type, value) in cases {
        let column = RawInput {
            name: "x".to_owned(),
            column_type,
            nullable: true,
        };
        let row = json!({ "x": value }).as_object().unwrap().clone();
        let error = from_json(&[row], &[column]).unwrap_err().to_string();
        assert!(error.starts_with("column `x` is the value"), "{error}");
    }
}
