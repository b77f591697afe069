//! Anomalies: every kind once, from data or statistics that have it, and what is no anomaly.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod anomaly_cases;
mod data_folder;

use std::collections::{BTreeMap, BTreeSet};

use anomaly_cases::{Case, DETECTED, OF_DOMAINS, OF_DRIFT, OF_OTHERS, OF_PRESENCE, OF_SCHEMAS};
use data_folder::{DataFolder, schema, unsplit};
use example_data::anomalies::{
    self, Anomalies, AnomalyKind, Severity, ValidationOptions, table, validate,
};
use example_data::statistics::{DatasetFeatureStatistics, compute_split};

/// Statistics of a CSV text, or as JSON.
fn statistics(text: &str, schema_text: &str) -> DatasetFeatureStatistics {
    if text.starts_with('{') {
        return serde_json::from_str(text).unwrap();
    }
    let folder = DataFolder::new();
    let schema = schema(schema_text);
    folder.ingest(text, None, &unsplit()).unwrap();
    let sketch = compute_split(&folder.examples(), "all", Some(&schema)).unwrap();
    sketch.finish("all")
}

fn found(schema_text: &str, data: &str, previous: Option<&str>) -> Anomalies {
    let previous = previous.map(|text| statistics(text, schema_text));
    let options = ValidationOptions {
        previous: previous.as_ref(),
        ..ValidationOptions::default()
    };
    let data = statistics(data, schema_text);
    validate(&data, &schema(schema_text), &options).unwrap()
}

/// `feature: KIND KIND` for every feature with findings.
fn kinds(anomalies: &Anomalies) -> Vec<String> {
    let line = |(name, info): (Option<&str>, &anomalies::AnomalyInfo)| {
        let kinds: Vec<String> = info
            .reason
            .iter()
            .map(|reason| reason.kind.name())
            .collect();
        format!("{}: {}", name.unwrap_or("-"), kinds.join(" "))
    };
    anomalies.infos().map(line).collect()
}

#[test]
fn every_kind_is_found_in_data_that_has_it() {
    let mut seen = BTreeSet::new();
    for case in [OF_PRESENCE, OF_DOMAINS, OF_SCHEMAS, OF_DRIFT].concat() {
        let (fields, data, previous, expected) = case;
        let text = format!("feature: [{{ name: x, {fields} }}, {{ name: y, type: INT }}]\n");
        let anomalies = found(&text, data, previous);
        assert_eq!(
            kinds(&anomalies),
            [format!("x: {expected}")],
            "{fields} {data}"
        );
        seen.extend(expected.split(' ').map(str::to_owned));
        assert_eq!(anomalies.severity(), Some(Severity::Error));
    }
    for (text, data, previous, expected) in OF_OTHERS {
        let anomalies = found(text, data, *previous);
        assert_eq!(kinds(&anomalies), [*expected], "{text}");
        let (_, names) = expected.split_once(": ").unwrap();
        seen.extend(names.split(' ').map(str::to_owned));
    }
    assert_eq!(seen.len(), DETECTED, "{seen:#?}");
    // The names are those of the proto, in both directions.
    for name in seen {
        let kind: AnomalyKind = serde_json::from_value(serde_json::json!(name)).unwrap();
        assert_eq!(kind.name(), name);
    }
}

#[test]
fn what_is_allowed_is_no_anomaly() {
    let cases: [Case; 9] = [
        (
            "type: INT, presence: { min_fraction: 0.5, min_count: 1 }",
            "x,y\n1,1\n,1\n",
            None,
            "",
        ),
        (
            "type: INT, presence: { min_count: 1 }, lifecycle_stage: ALPHA",
            "y\n1\n",
            None,
            "",
        ),
        (
            "type: INT, presence: { min_count: 1 }, deprecated: true",
            "x\nwrong\n",
            None,
            "",
        ),
        (
            "type: BYTES, string_domain: { value: [a] }, distribution_constraints: { min_domain_mass: 0.5 }",
            "x\na\nb\n",
            None,
            "",
        ),
        (
            "type: INT, int_domain: { min: 1, max: 2 }",
            "x\n1\n2\n",
            None,
            "",
        ),
        (
            "type: FLOAT, float_domain: { min: 1.5 }",
            "x\n1.5\nnan\ninf\n",
            None,
            "",
        ),
        ("type: INT, bool_domain: {}", "x\n0\n1\n", None, ""),
        (
            "type: BYTES, drift_comparator: { infinity_norm: { threshold: 0.25 } }",
            "x\na\na\nb\nb\n",
            Some("x\na\na\na\nb\n"),
            "",
        ),
        // Without anything to compare with nothing is compared.
        (
            "type: BYTES, drift_comparator: { infinity_norm: { threshold: 0.0 } }",
            "x\na\n",
            None,
            "",
        ),
    ];
    for (fields, data, previous, _) in cases {
        let text = format!("feature: [{{ name: x, {fields} }}, {{ name: y, type: INT }}]\n");
        let anomalies = found(&text, data, previous);
        assert_eq!(kinds(&anomalies), [""; 0], "{fields}");
        assert_eq!(anomalies.severity(), None);
    }
}

#[test]
fn measurements_are_kept_whether_or_not_they_exceed() {
    for threshold in [0.1, 0.9] {
        let text = format!(
            "feature: [{{ name: x, type: BYTES, drift_comparator: {{ infinity_norm: {{ threshold: {threshold} }} }} }}]"
        );
        let anomalies = found(&text, "x\na\na\nb\nb\n", Some("x\na\na\na\nb\n"));
        let measured = anomalies.drift_skew_info[0].drift_measurements[0];
        assert!((measured.value - 0.25).abs() < 1e-12);
        assert!((measured.threshold - threshold).abs() < 1e-12);
        assert_eq!(anomalies.severity().is_some(), threshold < 0.25);
    }
}

#[test]
fn skew_is_measured_against_serving_and_integers_may_be_categories() {
    let text = "feature: [{ name: x, type: INT, int_domain: { is_categorical: true }, \
                skew_comparator: { infinity_norm: { threshold: 0.1 } } }]";
    let (training, serving) = (
        statistics("x\n1\n1\n2\n", text),
        statistics("x\n1\n2\n2\n", text),
    );
    let options = ValidationOptions {
        serving: Some(&serving),
        ..ValidationOptions::default()
    };
    let anomalies = validate(&training, &schema(text), &options).unwrap();
    assert_eq!(kinds(&anomalies), ["x: COMPARATOR_L_INFTY_HIGH"]);
    let info = &anomalies.anomaly_info["x"];
    assert_eq!(info.short_description, "High skew");
    assert!(
        info.description.starts_with(
            "The L-infinity distance between training and serving data is 0.333333, above 0.1."
        ),
        "{}",
        info.description
    );
}

#[test]
fn what_would_silently_check_nothing_is_an_error() {
    let error = |schema_text: &str, environment| {
        let options = ValidationOptions {
            environment,
            ..ValidationOptions::default()
        };
        let data = statistics("x\n1.5\n", schema_text);
        validate(&data, &schema(schema_text), &options)
            .unwrap_err()
            .to_string()
    };
    let numeric = "feature: [{ name: x, type: FLOAT, drift_comparator: { infinity_norm: { threshold: 0.1 } } }]";
    assert!(error(numeric, None).contains("use `jensen_shannon_divergence`"));
    let environments = "default_environment: [TRAINING]\nfeature: [{ name: x, type: FLOAT }]";
    assert!(error(environments, Some("TRAINIGN")).contains("the schema mentions only TRAINING"));
    let plain = "feature: [{ name: x, type: FLOAT }]";
    assert!(error(plain, Some("TRAINING")).contains("the schema mentions no environment"));
}

#[test]
fn a_feature_belongs_to_environments() {
    let check = |text: &str, data: &str, environment: Option<&str>| {
        let options = ValidationOptions {
            environment,
            ..ValidationOptions::default()
        };
        let found = validate(&statistics(data, text), &schema(text), &options);
        kinds(&found.unwrap()).join(", ")
    };
    let label = "default_environment: [TRAINING, SERVING]\nfeature:\n- name: x\n  type: INT\n\
                 - name: label\n  type: INT\n  presence: { min_count: 1 }\n  not_in_environment: [SERVING]\n";
    let with_label = "x,label\n1,1\n";
    assert_eq!(check(label, with_label, Some("TRAINING")), "");
    assert_eq!(
        check(label, "x\n1\n", Some("TRAINING")),
        "label: SCHEMA_MISSING_COLUMN"
    );
    assert_eq!(check(label, "x\n1\n", Some("SERVING")), "");
    assert_eq!(
        check(label, with_label, Some("SERVING")),
        "label: SCHEMA_NEW_COLUMN"
    );
    assert_eq!(check(label, with_label, None), "");
    // Without a default a feature that names environments is in these alone.
    let probe = "feature:\n- name: x\n  type: INT\n- name: probe\n  type: INT\n  presence: { min_count: 1 }\n  \
                 in_environment: [TESTS]\n- name: y\n  type: INT\n  not_in_environment: [TRAINING]\n";
    assert_eq!(check(probe, "x\n1\n", Some("TRAINING")), "");
    assert_eq!(
        check(probe, "x\n1\n", Some("TESTS")),
        "probe: SCHEMA_MISSING_COLUMN"
    );
}

#[test]
fn severities_are_the_callers_and_files_keep_what_was_found() {
    let text = "feature: [{ name: x, type: INT, int_domain: { max: 1 }, presence: { min_fraction: 1.0 } }]";
    let data = statistics("x,y\n2,1\n,1\n", text);
    let options = ValidationOptions {
        severities: BTreeMap::from([
            (AnomalyKind::SchemaNewColumn, Severity::Warning),
            (AnomalyKind::IntTypeBigInt, Severity::Warning),
        ]),
        ..ValidationOptions::default()
    };
    let anomalies = validate(&data, &schema(text), &options).unwrap();
    let severities: Vec<Severity> = anomalies.infos().map(|(_, info)| info.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
    assert_eq!(anomalies.count(Severity::Warning), 3);
    assert_eq!(anomalies.count(Severity::Error), 2);
    assert_eq!(
        anomalies.anomaly_info["x"].short_description,
        "Multiple errors"
    );
    let folder = DataFolder::new();
    anomalies::write(&folder.path("out"), "train", &anomalies).unwrap();
    assert_eq!(
        anomalies::read(&folder.path("out"), "train").unwrap(),
        anomalies
    );
    let shown = table([("train", &anomalies), ("eval", &Anomalies::default())]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(lines[0].starts_with("SPLIT  FEATURE  SEVERITY  KIND"));
    assert_eq!(
        lines[3],
        "train  y        WARNING   SCHEMA_NEW_COLUMN                  The data has a column that the schema does not know."
    );
    assert_eq!(
        table([("eval", &Anomalies::default())]),
        "no anomalies in eval\n"
    );
}

#[test]
fn a_split_without_rows_is_missing_data() {
    let anomalies = found("feature: [{ name: x, type: INT }]", "x\n", None);
    assert!(anomalies.data_missing);
    assert_eq!(anomalies.severity(), Some(Severity::Error));
    assert_eq!(anomalies.count(Severity::Error), 1);
}
