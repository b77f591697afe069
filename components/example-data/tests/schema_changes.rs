//! A schema that follows its data: what changes, and that nothing else in its file does.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod data_folder;

use std::fs;

use data_folder::{DataFolder, schema, unsplit};
use example_data::anomalies::{ValidationOptions, validate};
use example_data::schema::{self, Schema, accept, changes, update};
use example_data::statistics::{DatasetFeatureStatistics, compute_split};

const CURATED: &str = "\
# What we know of our penguins.
default_environment: [TRAINING, SERVING]
feature:
  # Who it is.
  - name: species   # never guessed
    type: BYTES
    presence: {min_fraction: 1.0, min_count: 1}
    domain: species
    not_in_environment: [SERVING]

  - name: mass
    type: INT
    presence:
      min_fraction: 1.0   # scales do not fail
      min_count: 1
    int_domain:
      min: 2000           # grams
      max: 5000
  - {name: gone, type: FLOAT, presence: {min_count: 1}}
  - name: sex
    type: BYTES
    string_domain:
      value:
      - male   # m
      - female # f
string_domain:
  - name: species
    value: [Adelie, Gentoo]   # by name
# the end
";

const ROWS: &str = "\
species,mass,sex,beak
Adelie,2500,male,long
Chinstrap,6300,unknown,short
Gentoo,,female,long
";

fn statistics(text: &str) -> Vec<DatasetFeatureStatistics> {
    let folder = DataFolder::new();
    folder.ingest(text, None, &unsplit()).unwrap();
    let sketch = compute_split(&folder.examples(), "all", None).unwrap();
    vec![sketch.finish("all")]
}

fn texts(old: &Schema, new: &Schema) -> Vec<String> {
    changes(old, new)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The file's text after accepting.
fn accepted(text: &str, new: &Schema, only: &[&str]) -> String {
    let folder = DataFolder::new();
    let file = folder.file("schema.yaml", text.as_bytes());
    let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
    accept(&file.path, new, &only).unwrap();
    fs::read_to_string(&file.path).unwrap()
}

#[test]
fn the_data_says_what_has_to_change() {
    let old = schema(CURATED);
    let new = update(&old, &statistics(ROWS), None);
    assert_eq!(
        texts(&old, &new),
        [
            "~ feature[mass].presence.min_fraction: 1.0 -> 0.666",
            "~ feature[mass].int_domain.max: 5000 -> 6300",
            "+ feature[gone].lifecycle_stage: DEPRECATED",
            "+ feature[sex].string_domain.value: unknown",
            "+ feature: { name: beak, type: BYTES, presence: { min_fraction: 1.0, min_count: 1 }, \
             value_count: { min: 1, max: 1 }, domain: beak }",
            "+ string_domain[species].value: Chinstrap",
            "+ string_domain: { name: beak, value: [long, short] }",
        ]
    );
    let found = statistics(ROWS);
    let anomalies = |schema: &Schema| {
        let found = validate(&found[0], schema, &ValidationOptions::default()).unwrap();
        found
            .infos()
            .map(|(name, _)| name.unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(anomalies(&old), ["beak", "gone", "mass", "sex", "species"]);
    assert!(anomalies(&new).is_empty());
    // Once accepted there is nothing more to accept.
    assert_eq!(update(&new, &found, None), new);
}

#[test]
fn accepting_keeps_comments_order_and_style() {
    let new = update(&schema(CURATED), &statistics(ROWS), None);
    let expected = "\
# What we know of our penguins.
default_environment: [TRAINING, SERVING]
feature:
  # Who it is.
  - name: species   # never guessed
    type: BYTES
    presence: {min_fraction: 1.0, min_count: 1}
    domain: species
    not_in_environment: [SERVING]

  - name: mass
    type: INT
    presence:
      min_fraction: 0.666   # scales do not fail
      min_count: 1
    int_domain:
      min: 2000           # grams
      max: 6300
  - {name: gone, type: FLOAT, presence: {min_count: 1}, lifecycle_stage: DEPRECATED}
  - name: sex
    type: BYTES
    string_domain:
      value:
      - male   # m
      - female # f
      - unknown
  - name: beak
    type: BYTES
    presence:
      min_fraction: 1.0
      min_count: 1
    value_count:
      min: 1
      max: 1
    domain: beak
string_domain:
  - name: species
    value: [Adelie, Gentoo, Chinstrap]   # by name
  - name: beak
    value:
    - long
    - short
# the end
";
    assert_eq!(accepted(CURATED, &new, &[]), expected);
    let some = accepted(CURATED, &new, &["species", "beak"]);
    let read = schema(&some);
    assert_eq!(texts(&schema(CURATED), &read).len(), 3, "{some}");
    assert!(
        some.contains("max: 5000") && some.contains("Chinstrap") && some.contains("- name: beak")
    );
}

#[test]
fn an_environment_says_what_may_be_absent() {
    let old = schema(CURATED);
    let serving = "mass,sex,gone\n2500,male,1.5\n";
    let found = statistics(serving);
    assert!(update(&old, &found, Some("SERVING")) == old);
    let without = texts(&old, &update(&old, &found, None));
    assert_eq!(without, ["+ feature[species].lifecycle_stage: DEPRECATED"]);
}

#[test]
fn another_type_takes_another_domain() {
    let text = "feature:\n- name: n # a number\n  type: INT\n  int_domain: { min: 0 }\n";
    let new = update(&schema(text), &statistics("n\nfew\nmany\n"), None);
    assert_eq!(
        accepted(text, &new, &[]),
        "feature:\n- name: n # a number\n  type: BYTES\n  domain: n\nstring_domain:\n- name: n\n  value:\n  \
         - few\n  - many\n"
    );
}

#[test]
fn one_schema_becomes_another_whatever_differs() {
    let cases = [
        ("feature: []\n", "feature:\n- name: a\n  type: INT\n"),
        (
            "feature:\n- name: a\n- name: b\n- name: c\n",
            "feature:\n- name: a\n- name: c\n",
        ),
        ("feature:\n- name: a\n- name: b\n", "feature:\n- name: a\n"),
        (
            "feature: [{name: a, type: INT}, {name: b}]\n",
            "feature: [{name: a}]\n",
        ),
        (
            "feature: [{name: a, type: INT},]\n",
            "feature: [{name: a, type: INT}, {name: 'on'}]\n",
        ),
        (
            "feature:\n- type: INT\n  name: a\n  # c\n  deprecated: true\n",
            "feature:\n- name: a\n  type: FLOAT\n",
        ),
        (
            "feature:\n- name: a\n  in_environment: [A, B]\n",
            "feature:\n- name: a\n  in_environment: [B]\n",
        ),
        (
            "feature:\n- name: é # ü\n  string_domain:\n    value:\n    - 'x: y'\n",
            "feature:\n- name: é\n  string_domain:\n    value:\n    - 'x: y'\n    - \"yes\"\n    - \"1, 2\"\n    - ''\n",
        ),
        (
            "feature:\n- name: a",
            "feature:\n- name: a\nrepresent_negative_as_nan: true\n",
        ),
    ];
    for (old, new) in cases {
        let new = schema(new);
        let text = accepted(old, &new, &[]);
        assert!(schema(&text) == new, "{old}\nbecame\n{text}");
    }
}

#[test]
fn what_cannot_be_written_in_place_is_refused_and_left_alone() {
    let text =
        "feature:\n- &a\n  name: a\n  presence: &p { min_count: 1 }\n- name: b\n  presence: *p\n";
    let folder = DataFolder::new();
    let file = folder.file("schema.yaml", text.as_bytes());
    let mut new = schema::read(&file.path).unwrap();
    new.feature[1].presence.as_mut().unwrap().min_count = Some(5);
    let error = accept(&file.path, &new, &[]).unwrap_err().to_string();
    assert!(error.contains("make them by hand"), "{error}");
    assert_eq!(fs::read_to_string(&file.path).unwrap(), text);
}
