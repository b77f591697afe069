//! The transform graph: how it lies on disk, what scoring needs of it, and that rows do not see each
//! other.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod raw_rows;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use model_scoring::ScoringError;
use model_scoring::expression::Expression;
use model_scoring::graph::{
    Builder, DatePart, Graph, Labels, Literal, Operation, Output, Role, Strategy, Vocabulary,
};
use model_scoring::signature::Class;
use proptest::prelude::{Just, Strategy as _, any, prop_oneof, proptest};
use proptest::{collection, option};
use raw_rows::{Rows, builder};

/// One row alone.
fn row(rows: &Rows, at: usize) -> Rows {
    Rows {
        fare: vec![rows.fare[at]],
        hour: vec![rows.hour[at]],
        company: vec![rows.company[at].clone()],
        shared: vec![rows.shared[at]],
        started: vec![rows.started[at]],
    }
}

#[expect(clippy::too_many_lines, reason = "one of everything")]
/// A graph with every operation, label, weight and key.
fn everything() -> Graph {
    let mut b = builder();
    let one = |b: &mut Builder, operation, input| b.push(operation, vec![input]).unwrap();
    let column = |b: &mut Builder, name| b.column(name).unwrap();
    let (fare, hour) = (column(&mut b, "fare"), column(&mut b, "hour"));
    let (company, shared) = (column(&mut b, "company"), column(&mut b, "shared"));
    let started = column(&mut b, "started");
    let mean = one(
        &mut b,
        Operation::Impute {
            strategy: Strategy::Mean,
            value: Literal::Number(0.1 + 0.2),
        },
        fare,
    );
    let z = one(
        &mut b,
        Operation::ZScore {
            mean: 1.0 / 3.0,
            variance: 0.7,
        },
        mean,
    );
    let clip = one(
        &mut b,
        Operation::Clip {
            min: Some(-2.5),
            max: None,
        },
        z,
    );
    let minmax = Operation::MinMax {
        low: 0.0,
        high: 1.0,
        minimum: Some(-3.0),
        maximum: Some(1e9),
    };
    let minmax = one(&mut b, minmax, hour);
    let log = one(&mut b, Operation::Log { add: 1.0 }, fare);
    let buckets = one(
        &mut b,
        Operation::Bucketize {
            buckets: 3,
            boundaries: vec![0.1, 5.5],
        },
        hour,
    );
    let hot = one(&mut b, Operation::OneHot { size: 3 }, buckets);
    let vocabulary = Operation::Vocabulary {
        top_k: Some(2),
        min_frequency: 1,
        oov_buckets: 4,
        vocabulary: Vocabulary::new(vec!["Blue".into(), "line\nbreak \"quoted\"".into()]),
    };
    let terms = one(&mut b, vocabulary, company);
    let hot_terms = one(&mut b, Operation::OneHot { size: 6 }, terms);
    let cross = b
        .push(Operation::Cross, vec![company, buckets, shared])
        .unwrap();
    let hash = one(&mut b, Operation::Hash { buckets: 50 }, cross);
    let year = one(
        &mut b,
        Operation::DatePart {
            part: DatePart::Year,
            unit: None,
        },
        started,
    );
    let ratio = Expression::parse("fare / (hour % 7) - 1.5")
        .unwrap()
        .add_to(&mut b)
        .unwrap();
    let test = Expression::parse("not (fare is null) and company != 'x' or shared").unwrap();
    let test = test.add_to(&mut b).unwrap();
    let label = Expression::parse("fare > 0.2 * hour")
        .unwrap()
        .add_to(&mut b)
        .unwrap();
    let features = [
        ("clip", clip, 1),
        ("minmax", minmax, 1),
        ("log", log, 1),
        ("hour", hot, 3),
        ("terms", terms, 1),
        ("company", hot_terms, 6),
        ("cross", hash, 1),
        ("year", year, 1),
        ("ratio", ratio, 1),
        ("test", test, 1),
        ("shared", shared, 1),
        ("raw", fare, 1),
    ];
    for (name, node, width) in features {
        b.output(Output {
            name: name.into(),
            node,
            role: Role::Feature,
            width,
            classes: None,
        });
    }
    let classes = Some(vec![Class::Boolean(false), Class::Boolean(true)]);
    b.output(Output {
        name: "label".into(),
        node: label,
        role: Role::Label,
        width: 1,
        classes,
    });
    b.output(Output {
        name: "weight".into(),
        node: hour,
        role: Role::Weight,
        width: 1,
        classes: None,
    });
    b.output(Output {
        name: "key".into(),
        node: started,
        role: Role::Key,
        width: 1,
        classes: None,
    });
    b.finish(None).unwrap()
}

fn rows() -> impl proptest::strategy::Strategy<Value = Rows> {
    let fare = option::of(prop_oneof![
        any::<f64>(),
        -5.0..50.0,
        Just(f64::NAN),
        Just(-0.0)
    ]);
    let hour = option::of(prop_oneof![any::<i64>(), -5_i64..30]);
    let company = option::of(prop_oneof![
        Just("Blue".to_owned()),
        Just("line\nbreak \"quoted\"".to_owned()),
        any::<String>()
    ]);
    let row = (
        fare,
        hour,
        company,
        any::<Option<bool>>(),
        any::<Option<i64>>(),
    );
    collection::vec(row, 1..20).prop_map(|rows| {
        let mut columns = Rows::default();
        for (fare, hour, company, shared, started) in rows {
            columns.fare.push(fare);
            columns.hour.push(hour);
            columns.company.push(company);
            columns.shared.push(shared);
            columns.started.push(started);
        }
        columns
    })
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #[test]
    fn a_row_alone_gives_the_bits_that_it_gives_in_a_batch(rows in rows()) {
        let graph = everything();
        let whole = graph.features(&rows.batch()).unwrap();
        for at in 0..whole.rows {
            let alone = graph.features(&row(&rows, at).batch()).unwrap();
            let range = at * whole.width..(at + 1) * whole.width;
            assert_eq!(bits(&alone.values), bits(&whole.values[range]));
        }
    }

    #[test]
    fn a_graph_that_was_written_and_read_gives_the_same_bits(rows in rows()) {
        let folder = tempfile::tempdir().unwrap();
        let graph = everything();
        let digest = graph.write(folder.path()).unwrap();
        let read = Graph::read(folder.path()).unwrap();
        assert_eq!(read, graph);
        assert_eq!(Graph::digest(folder.path()).unwrap(), digest);
        let batch = rows.batch();
        let (a, b) = (graph.features(&batch).unwrap(), read.features(&batch).unwrap());
        assert_eq!(bits(&a.values), bits(&b.values));
    }

    #[test]
    fn transformed_examples_hold_the_features_exactly(rows in rows()) {
        let graph = everything();
        let batch = rows.batch();
        let transformed = graph.transform(&batch).unwrap();
        let labels = graph.labels(&batch).unwrap();
        let Labels::Classes { indices, .. } = &labels else { panic!("{labels:?}") };
        let kept: Vec<usize> = (0..batch.num_rows())
            .filter(|row| indices[*row].is_some() && rows.hour[*row].is_some())
            .collect();
        assert_eq!(transformed.batch.num_rows(), kept.len());
        let whole = graph.features(&batch).unwrap();
        let read = graph.transformed_features(&transformed.batch).unwrap();
        let expected: Vec<f32> = kept
            .iter()
            .flat_map(|row| whole.values[row * whole.width..(row + 1) * whole.width].iter().copied())
            .map(|x| if x.is_nan() { f32::NAN } else { x })
            .collect();
        assert_eq!(bits(&read.values), bits(&expected));
    }
}

#[test]
fn scoring_needs_only_the_columns_of_the_features() {
    let mut b = builder();
    let fare = b.column("fare").unwrap();
    let label = Expression::parse("hour > 3")
        .unwrap()
        .add_to(&mut b)
        .unwrap();
    b.output(Output {
        name: "fare".into(),
        node: fare,
        role: Role::Feature,
        width: 1,
        classes: None,
    });
    let classes = Some(vec![Class::Boolean(false), Class::Boolean(true)]);
    b.output(Output {
        name: "label".into(),
        node: label,
        role: Role::Label,
        width: 1,
        classes,
    });
    let graph = b.finish(None).unwrap();
    // Integers stand for floats, the label's column is absent, another is there.
    let columns: [(&str, ArrayRef); 2] = [
        ("other", Arc::new(StringArray::from(vec!["x", "y"]))),
        ("fare", Arc::new(Int64Array::from(vec![Some(3), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let features = graph.features(&batch).unwrap();
    assert_eq!(features.values[0].to_bits(), 3.0_f32.to_bits());
    assert!(features.values[1].is_nan());
    assert!(
        matches!(graph.labels(&batch), Err(ScoringError::MissingColumn { column }) if column == "hour")
    );
    let batch =
        RecordBatch::try_from_iter([("fare", Arc::new(StringArray::from(vec!["3"])) as ArrayRef)]);
    let error = graph.features(&batch.unwrap()).unwrap_err().to_string();
    assert_eq!(
        error,
        "column `fare` is string, but the model was trained with float64"
    );
}

#[test]
fn damage_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    everything().write(folder.path()).unwrap();
    let path = folder.path().join("transform.json");
    let whole = std::fs::read_to_string(&path).unwrap();
    let cases = [
        (
            whole.replacen("\"format_version\": 1", "\"format_version\": 2", 1),
            "use a newer ropewalk",
        ),
        (
            whole.replacen("\"op\": \"clip\"", "\"op\": \"warp\"", 1),
            "`warp`, which is not known",
        ),
        (
            whole.replacen("\"op_version\": 1", "\"op_version\": 9", 1),
            "format version 9",
        ),
        (
            whole.replacen("\"mean\":", "\"meen\":", 1),
            "`mean`: invalid type: null",
        ),
        (
            whole.replacen("vocabularies/12.jsonl", "../secret", 1),
            "names the file",
        ),
        (
            whole.replacen("\"id\": 3", "\"id\": 4", 1),
            "ids count from 0",
        ),
        (
            whole[..whole.len() / 2].to_owned(),
            "not a valid transform graph",
        ),
    ];
    for (text, expected) in cases {
        assert_ne!(text, whole, "{expected}");
        std::fs::write(&path, &text).unwrap();
        let error = Graph::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} does not say {expected}");
    }
    std::fs::write(&path, &whole).unwrap();
    let vocabulary = std::fs::read_dir(folder.path().join("vocabularies"))
        .unwrap()
        .next();
    std::fs::write(vocabulary.unwrap().unwrap().path(), "\"Blue\"\n").unwrap();
    let error = Graph::read(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("was changed after it was written"),
        "{error}"
    );
}
