//! Parameters as given on a command line.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "`json!` is shorter than `&json!`"
)]

mod support;

use std::collections::BTreeMap;

use pipeline_plan::{Plan, params::resolve};
use serde_json::{Value, json};

fn declared() -> Plan {
    support::plan(
        r#"
name: x
params:
  text: { type: string, required: true }
  rate: { type: number, default: 0.5, min: 0, max: 1 }
  epochs: 3
  quick: false
  columns: { type: list, default: [a, b] }
  weights: { type: map, default: { a: 1 } }
  mode: { default: fast, values: [fast, slow] }
  maybe: { type: string, required: false }
steps:
  s: { run: [x, "${{ params | tojson }}"] }
"#,
    )
}

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    pairs.collect()
}

#[track_caller]
fn gives(name: &str, text: &str, expected: Value) {
    let values = resolve(&declared(), &given(&[("text", "x"), (name, text)])).unwrap();
    assert_eq!(values[name], expected);
}

#[track_caller]
fn refuses(pairs: &[(&str, &str)], expected: &[&str]) {
    let errors = resolve(&declared(), &given(pairs)).unwrap_err();
    let errors: Vec<String> = errors.iter().map(|e| format!("{e} | {}", e.hint)).collect();
    assert_eq!(errors, expected);
}

#[test]
fn defaults_stand_where_nothing_is_given() {
    let values = resolve(&declared(), &given(&[("text", "x")])).unwrap();
    let expected = json!({
        "text": "x", "rate": 0.5, "epochs": 3, "quick": false, "columns": ["a", "b"],
        "weights": { "a": 1 }, "mode": "fast", "maybe": null,
    });
    assert_eq!(serde_json::to_value(values).unwrap(), expected);
}

#[test]
fn text_is_read_by_the_declared_type() {
    gives("text", "3", json!("3"));
    gives("text", "", json!(""));
    gives("text", "a=b, \"c\"\n", json!("a=b, \"c\"\n"));
    gives("rate", "1", json!(1));
    gives("rate", "1e-3", json!(0.001));
    gives("rate", " 0.25 ", json!(0.25));
    gives("epochs", "-9223372036854775808", json!(i64::MIN));
    gives("quick", "true", json!(true));
    gives("columns", "[\"c\", 1]", json!(["c", 1]));
    gives(
        "weights",
        "{\"a\": {\"b\": null}}",
        json!({ "a": { "b": null } }),
    );
    gives("mode", "slow", json!("slow"));
    gives("maybe", "given", json!("given"));
}

#[test]
fn everything_wrong_is_told_at_once() {
    refuses(
        &[],
        &["parameter `text`: a value must be given | give it: `-p text=TEXT`"],
    );
    refuses(
        &[
            ("text", "x"),
            ("epoch", "1"),
            ("epochs", "1.5"),
            ("rate", "2"),
            ("quick", "yes"),
            ("columns", "a,b"),
            ("weights", "[]"),
            ("mode", "slw"),
        ],
        &[
            "parameter `epoch`: the pipeline has no such parameter | did you mean `epochs`?",
            "parameter `columns`: `a,b` is not a value of the type list | write a list as JSON: `[\"a\", \"b\"]`",
            "parameter `epochs`: `1.5` is not a value of the type integer | write a whole number of at most 64 bits, such as `42`",
            "parameter `mode`: \"slw\" is none of \"fast\", \"slow\" | ",
            "parameter `quick`: `yes` is not a value of the type boolean | write `true` or `false`",
            "parameter `rate`: 2 is more than the most allowed, 1 | ",
            "parameter `weights`: `[]` is not a value of the type map | write a map as JSON: `{\"a\": 1}`",
        ],
    );
    refuses(
        &[
            ("text", "x"),
            ("rate", "NaN"),
            ("epochs", "9223372036854775808"),
        ],
        &[
            "parameter `epochs`: `9223372036854775808` is not a value of the type integer | write a whole number of at most 64 bits, such as `42`",
            "parameter `rate`: `NaN` is not a value of the type number | write a finite number, such as `0.5`",
        ],
    );
}
