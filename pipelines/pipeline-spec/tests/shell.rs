//! Shell strings with expressions: the hint is the same step with `env:`, and it is valid.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use pipeline_spec::{Code, parse};
use serde_json::{Value, json};

/// The step `s` that the hint for this one suggests.
#[track_caller]
fn suggested(step: &Value) -> Value {
    let pipeline = json!({ "name": "x", "steps": { "s": step } });
    let (_, diagnostics) = parse(&serde_yaml::to_string(&pipeline).unwrap());
    let [found] = diagnostics.as_slice() else {
        panic!("{diagnostics:?}")
    };
    assert_eq!(found.code, Code::ExpressionInShell);
    let (first, steps) = found.hint.split_once('\n').unwrap();
    assert_eq!(first, "write it with `env:`");
    let indented = steps.replace('\n', "\n  ");
    let (_, diagnostics) = parse(&format!("name: x\nsteps:\n  {indented}\n"));
    assert_eq!(diagnostics, []);
    let steps: Value = serde_yaml::from_str(steps).unwrap();
    steps["s"].clone()
}

#[track_caller]
fn becomes(script: &str, expected: &str, env: &Value) {
    let step = suggested(&json!({ "run": script }));
    assert_eq!(step, json!({ "run": expected, "env": env }), "{script}");
}

#[test]
fn variables_are_quoted_as_the_place_asks() {
    let env = json!({ "X": "${{ params.x }}" });
    let cases = [
        ("echo ${{ params.x }}", "echo \"$X\""),
        ("echo \"a ${{ params.x }}b\"", "echo \"a ${X}b\""),
        ("echo 'a ${{ params.x }} b'", "echo 'a '\"$X\"' b'"),
        ("echo '${{ params.x }}'", "echo \"$X\""),
        ("echo '${{ params.x }} b'", "echo \"$X\"' b'"),
        ("echo 'a ${{ params.x }}'", "echo 'a '\"$X\""),
        ("echo \"it's\" ${{ params.x }}", "echo \"it's\" \"$X\""),
        ("echo \\' ${{ params.x }}", "echo \\' \"$X\""),
        ("echo \"\\\"${{ params.x }}\"", "echo \"\\\"${X}\""),
        ("# don't\necho ${{ params.x }}", "# don't\necho \"$X\""),
        ("echo a#b'${{ params.x }}'", "echo a#b\"$X\""),
        ("echo \"''\" ${{params.x}} ''", "echo \"''\" \"$X\" ''"),
        ("${{ params.x }} ${{  params.x  }}", "\"$X\" \"$X\""),
    ];
    for (script, expected) in cases {
        becomes(script, expected, &env);
    }
}

#[test]
fn variables_are_named_after_what_they_hold() {
    let cases = [
        ("params.min_auc", "MIN_AUC"),
        ("params['min-auc']", "VALUE"),
        ("steps.train.outputs.model.uri", "TRAIN_MODEL_URI"),
        ("inputs.rows.uri", "VALUE_INPUTS_ROWS_URI"),
        ("env.HOME", "HOME"),
        ("1 + 2", "VALUE_1"),
        ("params.n + 1", "N"),
        ("'x' ~ params.n", "VALUE"),
    ];
    for (expression, name) in cases {
        let value = format!("${{{{ {expression} }}}}");
        becomes(
            &format!("echo {value}"),
            &format!("echo \"${name}\""),
            &json!({ name: value }),
        );
    }
}

#[test]
fn the_rest_of_the_step_stays_and_its_variables_are_used() {
    let step = suggested(&json!({
        "run": "echo ${{ params.a }} ${{ params.b }}",
        "env": { "A": "taken", "GIVEN": "${{ params.b }}" },
        "outputs": { "m": "Model" },
    }));
    assert_eq!(
        step,
        json!({
            "run": "echo \"$A_2\" \"$GIVEN\"",
            "env": { "A": "taken", "A_2": "${{ params.a }}", "GIVEN": "${{ params.b }}" },
            "outputs": { "m": "Model" },
        })
    );
}
