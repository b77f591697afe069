//! Schemas: what is inferred from which data, in TFDV's order, and how files are read.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod data_folder;

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use data_folder::{DataFolder, ingest_penguins, schema, splits, unsplit};
use example_data::DataError;
use example_data::schema::{self as schemas, Feature, Schema, infer};
use example_data::splits::HashSplits;
use example_data::statistics::{DatasetFeatureStatistics, compute, compute_split};

fn of_batch(batch: &RecordBatch) -> DatasetFeatureStatistics {
    let rows = std::iter::once(Ok::<_, DataError>(batch.clone()));
    compute(&batch.schema(), rows, None).unwrap()
}

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> RecordBatch {
    let column: ArrayRef = Arc::new(values.into_iter().collect::<StringArray>());
    RecordBatch::try_from_iter_with_nullable([("x", column, true)]).unwrap()
}

/// The domain of the only feature, as its fields in YAML's flow form; what its name refers to.
fn domain(found: &Schema) -> String {
    let Feature {
        bool_domain,
        int_domain,
        time_domain,
        domain,
        ..
    } = &found.feature[0];
    if let Some(domain) = bool_domain {
        return format!("bool {:?} {:?}", domain.true_value, domain.false_value);
    }
    if let Some(domain) = int_domain {
        return format!("int {:?} {:?}", domain.min, domain.max);
    }
    if time_domain.is_some() {
        return "time".to_owned();
    }
    match domain {
        Some(name) => format!(
            "texts {}",
            found.find_string_domain(name).unwrap().value.join(" ")
        ),
        None => "none".to_owned(),
    }
}

fn of_text(text: &str) -> Schema {
    let folder = DataFolder::new();
    folder.ingest(text, None, &unsplit()).unwrap();
    infer(&[compute_split(&folder.examples(), "all", None)
        .unwrap()
        .finish("all")])
}

#[test]
fn domains_of_numbers() {
    let cases = [
        ("0\n1\n0\n", "bool None None"),
        ("1\n1\n", "bool None None"),
        // A maximum of 0 is no truth value, a minimum below 0 neither.
        ("0\n0\n", "none"),
        ("-1\n1\n", "none"),
        ("0\n1\n2\n", "none"),
        ("0.0\n1.0\n", "none"),
        ("2026-03-01T00:00:00Z\n", "time"),
        ("true\nFALSE\n", "bool Some(\"true\") Some(\"false\")"),
    ];
    for (cells, expected) in cases {
        assert_eq!(
            domain(&of_text(&format!("x\n{cells}"))),
            expected,
            "{cells:?}"
        );
    }
}

#[test]
fn domains_of_texts_in_the_order_of_tfdv() {
    let numbers: Vec<String> = (0..200).map(|i| i.to_string()).collect();
    let words: Vec<String> = (0..101).map(|i| format!("w{i:03}")).collect();
    let all = |values: &[String]| texts(values.iter().map(|value| Some(value.as_str())));
    let cases = [
        // Truth comes before integers, integers before texts.
        (
            texts([Some("1"), Some("0")]),
            "bool Some(\"1\") Some(\"0\")".to_owned(),
        ),
        (
            texts([Some("set"), None]),
            "bool Some(\"set\") None".to_owned(),
        ),
        (texts([Some("yes"), Some("no")]), "texts no yes".to_owned()),
        (
            texts([Some("true"), Some("TRUE")]),
            "texts TRUE true".to_owned(),
        ),
        (texts([Some("1"), Some("2")]), "int None None".to_owned()),
        (all(&numbers), "int None None".to_owned()),
        (texts([Some("1"), Some("x")]), "texts 1 x".to_owned()),
        (
            all(&words[..100]),
            format!("texts {}", words[..100].join(" ")),
        ),
        (all(&words), "none".to_owned()),
        (texts([None, None]), "none".to_owned()),
    ];
    for (batch, expected) in cases {
        assert_eq!(domain(&infer(&[of_batch(&batch)])), expected);
    }
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"a"[..], b"\xff"]));
    let batch = RecordBatch::try_from_iter([("x", bytes)]).unwrap();
    assert_eq!(domain(&infer(&[of_batch(&batch)])), "none");
}

#[test]
fn presence_says_what_held_for_all_splits_together() {
    let presence = |parts: &[RecordBatch]| {
        let parts: Vec<_> = parts.iter().map(of_batch).collect();
        let found = infer(&parts).feature[0].presence.clone().unwrap();
        (found.min_count, found.min_fraction)
    };
    assert_eq!(presence(&[texts([Some("a")])]), (Some(1), Some(1.0)));
    assert_eq!(
        presence(&[texts([Some("a")]), texts([Some("b"), None])]),
        (Some(1), None)
    );
    assert_eq!(presence(&[texts([None, None])]), (Some(0), None));
    // The domains are of all splits too.
    let parts = [texts([Some("a")]), texts([Some("b")])].map(|batch| of_batch(&batch));
    assert_eq!(domain(&infer(&parts)), "texts a b");
}

#[test]
fn what_is_inferred_does_not_depend_on_the_splits() {
    let of = |splits: HashSplits| {
        let folder = DataFolder::new();
        let examples = ingest_penguins(&folder, splits);
        let splits = examples.splits().to_vec();
        let parts: Vec<_> = splits
            .iter()
            .map(|split| compute_split(&examples, split, None).unwrap().finish(split))
            .collect();
        infer(&parts)
    };
    let whole = of(splits(&[("all", 1)]));
    assert_eq!(of(HashSplits::train_and_eval()), whole);
    assert_eq!(whole.feature.len(), 8);
    assert_eq!(whole.find_string_domain("island").unwrap().value.len(), 3);
}

#[test]
fn columns_get_the_types_that_the_inferred_schema_says() {
    let text = "i,f,b,t,s\n1,1.5,true,2026-03-01T00:00:00Z,x\n2,,false,,y\n";
    let folder = DataFolder::new();
    folder.ingest(text, None, &unsplit()).unwrap();
    let found = of_text(text);
    let again = DataFolder::new();
    again.ingest(text, Some(&found), &unsplit()).unwrap();
    assert_eq!(
        again.examples().read_all("all").unwrap(),
        folder.examples().read_all("all").unwrap()
    );
}

#[test]
fn a_file_that_is_no_schema_is_named() {
    let folder = DataFolder::new();
    let path = folder.path("schema.yaml");
    let error = schemas::read(&path).unwrap_err().to_string();
    assert!(error.starts_with("cannot open ") && error.ends_with("schema.yaml"));
    std::fs::write(&path, "feature:\n- name: a\n  type: INTEGER\n").unwrap();
    // A folder stands for the file in it.
    let error = schemas::read(&folder.path("")).unwrap_err().to_string();
    assert!(
        error.contains("schema.yaml: not a schema: ") && error.contains("line 3"),
        "{error}"
    );
}

#[test]
fn fields_that_are_kept_and_not_used_are_listed() {
    let found = schema(
        "tensor_representation_group: {}\nfeature:\n- name: a\n  presense: {}\n- name: b\n  \
         float_domain: { is_embedding: true }\n",
    );
    assert_eq!(
        found.unused_fields(),
        [
            "tensor_representation_group",
            "feature a: presense",
            "feature b: float_domain.is_embedding"
        ]
    );
}
