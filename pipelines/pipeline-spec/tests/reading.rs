//! What a file without mistakes is read as.

use component_api::manifest::ParamType;
use pipeline_spec::PipelineSpec;
use pipeline_spec::spec::{Action, Cache, InputSource, Output, Step};
use serde_json::json;

#[track_caller]
fn read(text: &str) -> PipelineSpec {
    let (spec, diagnostics) = pipeline_spec::parse(text);
    assert_eq!(diagnostics, []);
    spec
}

fn step(text: &str) -> Step {
    let spec = read(&format!("name: x\nsteps:\n  s: {text}\n"));
    spec.steps["s"].clone()
}

#[test]
fn the_top_of_a_file() {
    let spec = read(
        "name: Taxi tips, 2.0
description: >-
  two
  lines
x-mine: [anything, 1]
steps: {a: {run: x}}
",
    );
    assert_eq!(spec.name, "Taxi tips, 2.0");
    assert_eq!(spec.description, "two lines");
    assert!(spec.params.is_empty());
    assert_eq!(spec.steps["a"].action, Action::Shell("x".to_owned()));
}

#[test]
fn parameters_with_and_without_a_declaration() {
    let spec = read(
        r"
name: x
params:
  whole: 3
  part: 0.5
  text: three
  flag: true
  declared: { type: number, default: 1, min: 0, max: 2, values: [1, 2], description: a number }
  must: { type: list }
  may: { type: map, required: false }
steps: { a: { run: x } }
",
    );
    let types = ["whole", "part", "text", "flag", "must", "may"].map(|n| spec.params[n].param_type);
    assert_eq!(
        types,
        [
            ParamType::Integer,
            ParamType::Number,
            ParamType::String,
            ParamType::Boolean,
            ParamType::List,
            ParamType::Map
        ]
    );
    let declared = &spec.params["declared"];
    assert_eq!((declared.min, declared.max), (Some(0.0), Some(2.0)));
    assert_eq!(declared.values, [json!(1), json!(2)]);
    assert_eq!(declared.description, "a number");
    let required = ["whole", "declared", "must", "may"].map(|n| spec.params[n].required);
    assert_eq!(required, [false, false, true, false]);
}

#[test]
fn every_key_of_a_step() {
    let step = step(
        r#"{ run: [work, 1, 2.5, true, "${{ params.a }}"], description: d, needs: other, cache: false,
         files: [a.py, "lib/**"], env: { A: 1, B: "${{ x }}" }, with: { c: [1, { d: null }] },
         outputs: { m: Model, n: { type: integer, optional: true } } }"#,
    );
    let words = ["work", "1", "2.5", "true", "${{ params.a }}"];
    assert_eq!(
        step.action,
        Action::Command(words.map(str::to_owned).to_vec())
    );
    assert_eq!(step.description, "d");
    assert_eq!(step.needs, ["other"]);
    assert_eq!(step.cache, Cache::Off);
    assert_eq!(step.files.unwrap(), ["a.py", "lib/**"]);
    assert_eq!(json!(step.env), json!({ "A": "1", "B": "${{ x }}" }));
    assert_eq!(json!(step.with), json!({ "c": [1, { "d": null }] }));
    let output = |type_name: &str, optional| Output {
        type_name: type_name.to_owned(),
        optional,
    };
    assert_eq!(step.outputs["m"], output("Model", false));
    assert_eq!(step.outputs["n"], output("integer", true));
}

#[test]
fn every_form_of_an_input() {
    let step = step(
        r#"{ uses: c, inputs: { one: a.b, many: [a.b, { files: x }], none: [], files: { files: ["*.csv", y] },
         blessed: { latest_blessed: taxi tips } } }"#,
    );
    let output = Some(InputSource::Output {
        step: "a".to_owned(),
        port: "b".to_owned(),
    });
    let files = |globs: &[&str]| {
        let globs = globs.iter().map(|g| (*g).to_owned()).collect();
        Some(InputSource::Files { globs, span: None })
    };
    let input = |name: &str| (step.inputs[name].many, step.inputs[name].sources.clone());
    assert_eq!(input("one"), (false, vec![output.clone()]));
    assert_eq!(input("many"), (true, vec![output, files(&["x"])]));
    assert_eq!(input("none"), (true, Vec::new()));
    assert_eq!(input("files"), (false, vec![files(&["*.csv", "y"])]));
    let blessed = Some(InputSource::LatestBlessed("taxi tips".to_owned()));
    assert_eq!(input("blessed"), (false, vec![blessed]));
}

#[test]
fn an_empty_value_is_an_absent_one() {
    assert_eq!(
        step(
            "{ run: x, inputs: , with: , outputs: , needs: , env: , files: , cache: , description: }"
        ),
        step("{ run: x }")
    );
}

#[test]
fn aliases_and_merges_are_followed() {
    let spec = read(
        r"
name: x
x-env: &env { A: one, B: two }
x-base: &base { env: *env, needs: [z], cache: false }
steps:
  z: { run: x }
  a: { <<: *base, run: x, cache: true }
  b: { <<: [{ needs: [a] }, *base], run: x }
  c: { run: x, env: { <<: *env, B: three } }
",
    );
    assert_eq!(spec.steps["a"].needs, ["z"]);
    assert_eq!(
        json!(spec.steps["a"].env),
        json!({ "A": "one", "B": "two" })
    );
    let cache = ["a", "b"].map(|id| spec.steps[id].cache.clone());
    assert_eq!(cache, [Cache::On, Cache::Off]);
    assert_eq!(spec.steps["b"].needs, ["a"]);
    assert_eq!(
        json!(spec.steps["c"].env),
        json!({ "A": "one", "B": "three" })
    );
}

#[test]
fn words_that_older_yaml_read_as_booleans_are_text() {
    let step = step("{ run: [on, yes, no, off, y, 010, 2027-03-31, 1_000, 12:30:00] }");
    let words = [
        "on",
        "yes",
        "no",
        "off",
        "y",
        "010",
        "2027-03-31",
        "1_000",
        "12:30:00",
    ];
    assert_eq!(
        step.action,
        Action::Command(words.map(str::to_owned).to_vec())
    );
}
