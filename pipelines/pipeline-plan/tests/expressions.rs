//! Expressions, evaluated: values and their types, what is refused, and what hostile ones cost.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;

use pipeline_plan::expression::{
    Scope, resolve_but_secrets, resolve_text, resolve_value, reveal, secrets_of,
};
use serde_json::{Value, json};

/// What the expressions of these tests speak of.
fn with_scope<T>(test: impl FnOnce(&Scope<'_>) -> T) -> T {
    let params = json!({
        "n": 3, "rate": 0.5, "big": i64::MAX, "name": "Taxi Tips", "flag": true, "min-auc": 0.75,
        "list": ["a", "b"], "map": { "k": 1, "with-dash": 2 }, "nothing": null,
        "hostile": "'; rm -rf / #\n$(x) \"${{ params.n }}\"",
    });
    let values = json!({
        "env": { "USER": "ada", "EMPTY": "" },
        "run": { "id": "r-1", "pipeline": "p" },
        "inputs": { "raw-rows": { "uri": "/data/raw" }, "many": [{ "uri": "/1" }, { "uri": "/2" }] },
    });
    let step = |id: &str| match id {
        "train" => Some(json!({
            "state": "succeeded",
            "outputs": { "model": { "uri": "/m", "auc": 0.9, "type": "Model" }, "row-count": 1200 },
        })),
        "my-step" => Some(json!({ "state": "refused", "outputs": {} })),
        _ => None,
    };
    let map = |value: Value| serde_json::from_value::<BTreeMap<String, Value>>(value).unwrap();
    test(&Scope {
        params: &map(params),
        step: &step,
        values: &map(values),
    })
}

#[track_caller]
fn gives(expression: &str, expected: Value) {
    let text = Value::from(format!("${{{{ {expression} }}}}"));
    let given = with_scope(|scope| resolve_value(&text, scope));
    assert_eq!(given, Ok(expected), "{expression}");
}

#[track_caller]
fn refused(expression: &str, expected: &str) {
    let text = Value::from(format!("${{{{ {expression} }}}}"));
    let error = with_scope(|scope| resolve_value(&text, scope)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`{}` {expected}", text.as_str().unwrap())
    );
}

#[test]
fn a_whole_expression_keeps_its_type() {
    gives("params.n", json!(3));
    gives("params.big", json!(i64::MAX));
    gives("params.rate", json!(0.5));
    gives("params.flag", json!(true));
    gives("params.name", json!("Taxi Tips"));
    gives("params.list", json!(["a", "b"]));
    gives("params.map", json!({ "k": 1, "with-dash": 2, }));
    gives("params.nothing", Value::Null);
    gives("none", Value::Null);
    gives("[1, 'x', none]", json!([1, "x", null]));
    gives("{'a': {'b': 1}}", json!({ "a": { "b": 1 } }));
    gives("(1, 2)", json!([1, 2]));
    gives(
        "params.hostile",
        json!("'; rm -rf / #\n$(x) \"${{ params.n }}\""),
    );
}

#[test]
fn operators_are_those_of_jinja() {
    gives("params.n + 1", json!(4));
    gives("params.n * 2 - 1", json!(5));
    gives("7 / 2", json!(3.5));
    gives("7 // 2", json!(3));
    gives("7 % 2", json!(1));
    gives("-params.n", json!(-3));
    gives("params.rate > 0.4 and params.flag", json!(true));
    gives("not params.flag or params.n == 3", json!(true));
    gives("'model-' ~ params.n", json!("model-3"));
    gives("'a' in params.list", json!(true));
    gives("'high' if params.rate > 0.9 else 'low'", json!("low"));
    gives("0 < params.n < 5", json!(true));
    gives("params.list[0]", json!("a"));
    gives("params.list[1:]", json!(["b"]));
    gives("params.map.k", json!(1));
    gives("params.map['k']", json!(1));
}

#[test]
fn filters_are_those_of_the_language() {
    gives("params.list | length", json!(2));
    gives("params.name | lower", json!("taxi tips"));
    gives("params.name | upper", json!("TAXI TIPS"));
    gives("params.name | replace(' ', '-')", json!("Taxi-Tips"));
    gives("params.list | join(', ')", json!("a, b"));
    gives("2.567 | round(1)", json!(2.6));
    gives("'12' | int + 1", json!(13));
    gives("'1.5' | float", json!(1.5));
    gives("1.5 | string", json!("1.5"));
    gives("params.map | tojson", json!("{\"k\":1,\"with-dash\":2}"));
    gives("'<a> & \"b\"' | tojson", json!("\"<a> & \\\"b\\\"\""));
    gives("env.NOBODY | default('fallback')", json!("fallback"));
    gives(
        "params.nothing | default('fallback', true)",
        json!("fallback"),
    );
}

#[test]
fn names_with_a_dash_are_written_with_an_underscore() {
    gives("params.min_auc", json!(0.75));
    gives("params['min-auc']", json!(0.75));
    gives("inputs.raw_rows.uri", json!("/data/raw"));
    gives("steps.train.outputs.row_count + 1", json!(1201));
    gives("steps['my-step'].state", json!("refused"));
    // The whole map has its own names only.
    gives("params | length", json!(10));
    gives("(params | length) ~ params.min_auc", json!("110.75"));
}

#[test]
fn the_scope_is_what_the_run_knows() {
    gives("env.USER", json!("ada"));
    gives("run.id ~ '/' ~ run.pipeline", json!("r-1/p"));
    gives("inputs.many[1].uri", json!("/2"));
    gives("steps.train.state == 'succeeded'", json!(true));
    gives("steps.train.outputs.model.auc", json!(0.9));
}

#[test]
fn only_steps_that_are_named_are_asked_for() {
    let asked = std::cell::RefCell::new(Vec::new());
    let step = |id: &str| {
        asked.borrow_mut().push(id.to_owned());
        Some(json!({ "state": "succeeded" }))
    };
    let empty = BTreeMap::new();
    let scope = Scope {
        params: &empty,
        step: &step,
        values: &empty,
    };
    let text = "${{ steps.a.state ~ steps.a.state ~ steps['b-c'].state }} ${{ 1 }}";
    resolve_text(text, &scope).unwrap();
    assert_eq!(*asked.borrow(), ["a", "b-c"]);
}

#[test]
fn inside_a_longer_text_values_become_text() {
    let cases = [
        ("none here", "none here"),
        (
            "n=${{ params.n }}, rate=${{ params.rate }}",
            "n=3, rate=0.5",
        ),
        ("${{ params.flag }}!", "true!"),
        ("${{ params.list }}", "[\"a\",\"b\"]"),
        ("${{params.name}}${{params.n}}", "Taxi Tips3"),
        ("${{ '}}' }} and ${{ {'a': {}} | length }}", "}} and 1"),
        ("$ { { }} ${ }", "$ { { }} ${ }"),
        ("é${{ 'ü' }}ö", "éüö"),
        // What a value holds is never read as an expression again.
        (
            "${{ params.hostile }}",
            "'; rm -rf / #\n$(x) \"${{ params.n }}\"",
        ),
    ];
    for (text, expected) in cases {
        let given = with_scope(|scope| resolve_text(text, scope)).unwrap();
        assert_eq!(given, expected, "{text}");
    }
}

#[test]
fn values_are_resolved_wherever_they_are_nested() {
    let value = json!({ "a": [1, "${{ params.n }}", "x${{ params.n }}"], "${{ key }}": null });
    let given = with_scope(|scope| resolve_value(&value, scope)).unwrap();
    assert_eq!(given, json!({ "a": [1, 3, "x3"], "${{ key }}": null }));
}

#[test]
fn what_is_undefined_or_null_never_becomes_text() {
    refused("params.missing", "is undefined");
    refused("steps.train.outputs.model.f1", "is undefined");
    refused(
        "steps.absent.outputs.x",
        "is undefined at `steps.absent.outputs`",
    );
    refused(
        "params.missing + 1",
        "cannot be evaluated: tried to use + operator on unsupported types undefined and number (`params.missing` is undefined)",
    );
    refused("'a' if false", "is undefined");
    refused("nobody", "is undefined");
    let text = "x${{ params.nothing }}";
    let error = with_scope(|scope| resolve_text(text, scope)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`${{ params.nothing }}` is null, which cannot become text"
    );
    assert_eq!(
        error.hint,
        "give another value for that case: `| default(\"...\", true)`"
    );
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    refused(
        "1 +",
        "is not valid: unexpected end of input, expected expression",
    );
    refused("", "is not valid: the expression is empty");
    refused("range(3)", "cannot be evaluated: range is unknown");
    refused("1 / 0", "cannot be evaluated: unable to calculate 1 / 0");
    refused("1e308 * 10", "is inf, which is not a finite number");
    refused("[1e308 * 10]", "is inf, which is not a finite number");
    refused(
        "9223372036854775807 + 1",
        "is 9223372036854775808, which does not fit in 64 bits",
    );
    refused("{1: 2}", "is a map with the key `1`, which is not text");
    let text = "${{ 'a";
    let error = with_scope(|scope| resolve_text(text, scope)).unwrap_err();
    assert_eq!(error.to_string(), "`${{ 'a }}` is never closed");
}

/// Bounded time and memory, and a sentence: never a panic, a stack overflow or a gigabyte.
#[test]
fn hostile_expressions_end_in_a_sentence() {
    let nested =
        |open: &str, close: &str| format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
    let hostile = [
        nested("(", ")"),
        nested("[", "]"),
        nested("-", ""),
        nested("not ", ""),
        nested("1+", ""),
        nested("1~", ""),
        nested("{'a':", "}"),
        nested("1 if 1 else ", ""),
        format!("1{}", "|string".repeat(50_000)),
        format!("params{}", ".a".repeat(50_000)),
        format!("params{}", "[0]".repeat(50_000)),
        format!("'{}'", "x".repeat(1_000_000)),
        "'x' * 1000000000".to_owned(),
        "[1] * 1000000000".to_owned(),
        "10 ** 10 ** 10".to_owned(),
        "('x' * 100000) | replace('x', 'y' * 100000)".to_owned(),
        "\u{0}".to_owned(),
        "'\u{0}'[9]".to_owned(),
        "'\\".to_owned(),
        "{%".to_owned(),
        "#}".to_owned(),
    ];
    for expression in hostile {
        let text = format!("${{{{ {expression} }}}}");
        let given = with_scope(|scope| resolve_text(&text, scope));
        let error = given.expect_err(&expression[..expression.len().min(40)]);
        assert!(!error.message.is_empty());
    }
}

/// What a value happens to hold is no expression when the secrets get theirs.
#[test]
fn secrets_are_left_for_later_and_nothing_else_is() {
    let params = BTreeMap::from([("user".to_owned(), json!("ada ${{ secrets.B }}"))]);
    let scope = Scope {
        params: &params,
        step: &|_| None,
        values: &BTreeMap::new(),
    };
    let text = "${{ params.user }}:${{ secrets.A | upper }}@${{ secrets.A }}";
    assert_eq!(secrets_of(text).into_iter().collect::<Vec<_>>(), ["A"]);
    let recorded = resolve_but_secrets(text, &scope).unwrap();
    assert!(recorded.ends_with(":${{ secrets.A | upper }}@${{ secrets.A }}"));
    let secrets = BTreeMap::from([
        ("A".to_owned(), "s3cret".to_owned()),
        ("B".to_owned(), "other".to_owned()),
    ]);
    let revealed = reveal(&recorded, &secrets).unwrap();
    assert_eq!(revealed.text, "ada ${{ secrets.B }}:S3CRET@s3cret");
    assert_eq!(revealed.parts, ["S3CRET", "s3cret"]);
    assert!(!format!("{revealed:?}").contains("s3cret"));
    // A text without secrets is resolved at once, and never looked at again.
    let plain = resolve_but_secrets("${{ params.user }}", &scope).unwrap();
    assert_eq!(plain, "ada ${{ secrets.B }}");
}
