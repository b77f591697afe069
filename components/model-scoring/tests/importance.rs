//! Importances: exact against the definition, and right about models that are known.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use model_scoring::graph::{Features, Graph};
use model_scoring::importance::{explain, permutation, shap_importances};
use model_scoring::metrics::Metric;
use model_scoring::model::Model;
use model_scoring::predictor::{Link, Predictor, Tree, TreeEnsemble, TreeNode};
use model_scoring::signature::{Class, ColumnType, Feature, Label, RawInput, Signature, Task};
use proptest::prelude::*;

const FEATURES: usize = 4;

fn leaf(value: f32, cover: f32) -> TreeNode {
    TreeNode {
        feature: 0,
        threshold: 0.0,
        missing_left: false,
        left: 0,
        right: 0,
        value,
        is_leaf: true,
        cover,
    }
}

fn split(feature: u32, threshold: f32, left: u32, right: u32, cover: f32) -> TreeNode {
    TreeNode {
        feature,
        threshold,
        left,
        right,
        is_leaf: false,
        missing_left: true,
        ..leaf(0.0, cover)
    }
}

/// What a tree gives if only the features of a set are known: others follow the shares of the rows.
fn expected(tree: &Tree, at: usize, row: &[f32], known: u32) -> f64 {
    let node = &tree.nodes[at];
    if node.is_leaf {
        return f64::from(node.value);
    }
    if known & (1 << node.feature) != 0 {
        return expected(tree, node.next(row) as usize, row, known);
    }
    let children = [node.left, node.right].map(|child| child as usize);
    let parts = children.map(|child| {
        let share = f64::from(tree.nodes[child].cover) / f64::from(node.cover);
        share * expected(tree, child, row, known)
    });
    parts.iter().sum()
}

/// The Shapley value of a feature by its definition, over every set of the others.
fn shapley(tree: &Tree, row: &[f32], feature: u32) -> f64 {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let n = FEATURES as u32;
    let sets = (0..1_u32 << n).filter(|set| set & (1 << feature) == 0);
    let parts = sets.map(|set| {
        let size = set.count_ones();
        let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
        let with = expected(tree, 0, row, set | (1 << feature));
        weight * (with - expected(tree, 0, row, set))
    });
    parts.sum()
}

/// Trees of several depths in which features come again.
fn tree() -> impl Strategy<Value = Tree> {
    let node = (
        0..FEATURES as u32,
        -2.0_f32..2.0,
        1.0_f32..9.0,
        -3.0_f32..3.0,
    );
    proptest::collection::vec(node, 15).prop_map(|parts| {
        // A whole tree of depth 3, where every fourth node is cut to a leaf.
        let mut nodes = Vec::new();
        grow(&parts, 0, 100.0, &mut nodes);
        Tree { output: 0, nodes }
    })
}

fn grow(parts: &[(u32, f32, f32, f32)], at: usize, cover: f32, nodes: &mut Vec<TreeNode>) -> u32 {
    let place = nodes.len();
    let (feature, threshold, share, value) = parts[at];
    if at * 2 + 2 >= parts.len() || (at > 0 && value > 2.0) {
        nodes.push(leaf(value, cover));
        return place as u32;
    }
    nodes.push(split(feature, threshold, 0, 0, cover));
    let left = cover * share / 10.0;
    nodes[place].left = grow(parts, at * 2 + 1, left, nodes);
    nodes[place].right = grow(parts, at * 2 + 2, cover - left, nodes);
    place as u32
}

fn ensemble(trees: Vec<Tree>) -> TreeEnsemble {
    TreeEnsemble {
        features: FEATURES,
        outputs: 1,
        base: vec![0.5],
        link: Link::Identity,
        trees,
    }
}

proptest! {
    #[test]
    fn shap_values_are_shapley_values_and_add_up(
        first in tree(),
        second in tree(),
        row in proptest::collection::vec(prop_oneof![4 => -2.5_f32..2.5, 1 => Just(f32::NAN)], FEATURES),
    ) {
        let trees = ensemble(vec![first, second]);
        let found = explain(&trees, &row).unwrap();
        for feature in 0..FEATURES as u32 {
            let wanted: f64 = trees.trees.iter().map(|tree| shapley(tree, &row, feature)).sum();
            let value = found.contributions[feature as usize];
            prop_assert!((value - wanted).abs() < 1e-9, "{value} is not {wanted}");
        }
        let mut score = [0.0];
        trees.scores(&row, &mut score);
        let sum = found.expected[0] + found.contributions.iter().sum::<f64>();
        prop_assert!((sum - score[0]).abs() < 1e-9, "{sum} is not {}", score[0]);
    }
}

#[test]
fn a_branch_that_no_training_row_took_is_explained_too() {
    let tree = Tree {
        output: 0,
        nodes: vec![
            split(0, 0.0, 1, 2, 10.0),
            leaf(1.0, 10.0),
            split(0, 1.0, 3, 4, 0.0),
            leaf(5.0, 0.0),
            leaf(7.0, 0.0),
        ],
    };
    let found = explain(&ensemble(vec![tree]), &[3.0, 0.0, 0.0, 0.0]).unwrap();
    assert_eq!(found.expected, [1.5]);
    assert_eq!(found.contributions, [6.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_chain_of_a_hundred_thousand_splits_is_left_alone() {
    let mut nodes = Vec::new();
    for at in 0..100_000 {
        nodes.push(split(0, at as f32, at * 2 + 1, at * 2 + 2, 1.0));
        nodes.push(leaf(1.0, 1.0));
    }
    nodes.push(leaf(1.0, 1.0));
    let tree = Tree { output: 0, nodes };
    assert_eq!(explain(&ensemble(vec![tree]), &[0.0; FEATURES]), None);
}

/// A model of two classes that looks at `a` alone, of the columns `a` and `b`.
fn model(cover: f32) -> Model {
    let input = |name: &str| RawInput {
        name: name.to_owned(),
        column_type: ColumnType::Float64,
        nullable: true,
    };
    let feature = |name: &str| Feature {
        name: name.to_owned(),
        width: 1,
    };
    let signature = Signature {
        format_version: 1,
        name: "m".to_owned(),
        task: Task::Binary,
        flavour: "onnx".to_owned(),
        raw_inputs: vec![input("a"), input("b")],
        features: vec![feature("a"), feature("b")],
        label: Label {
            output: "label".to_owned(),
            column_type: ColumnType::Int64,
            classes: vec![Class::Integer(0), Class::Integer(1)],
        },
        outputs: Vec::new(),
        transform_digest: None,
    };
    let nodes = vec![
        split(0, 0.0, 1, 2, 2.0 * cover),
        leaf(-2.0, cover),
        leaf(2.0, cover),
    ];
    let trees = TreeEnsemble {
        features: 2,
        outputs: 1,
        base: vec![0.0],
        link: Link::Logistic,
        trees: vec![Tree { output: 0, nodes }],
    };
    Model::new(signature, None::<Graph>, Predictor::Trees(trees)).unwrap()
}

fn rows() -> RecordBatch {
    let a: Vec<f64> = (0..200).map(|row| f64::from(row % 7) - 3.5).collect();
    let b: Vec<f64> = (0..200).map(|row| f64::from(row % 5)).collect();
    let label: Vec<i64> = a.iter().map(|a| i64::from(*a > 0.0)).collect();
    let schema = Schema::new(vec![
        Field::new("a", DataType::Float64, true),
        Field::new("b", DataType::Float64, true),
        Field::new("label", DataType::Int64, true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(Float64Array::from(a)),
            Arc::new(Float64Array::from(b)),
            Arc::new(Int64Array::from(label)),
        ],
    )
    .unwrap()
}

#[test]
fn shuffling_costs_what_the_model_looks_at() {
    let model = model(1.0);
    let found = permutation(&model, &rows(), Metric::Auc).unwrap();
    let names: Vec<&str> = found.iter().map(|p| p.column.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    // Rows are right always; with `a` dealt out anew about as often as not.
    assert!((found[0].mean - 0.5).abs() < 0.1, "{found:?}");
    assert_eq!((found[1].mean, found[1].standard_deviation), (0.0, 0.0));
    assert_eq!(found, permutation(&model, &rows(), Metric::Auc).unwrap());
    // A loss counts the other way round.
    let found = permutation(&model, &rows(), Metric::LogLoss).unwrap();
    assert_eq!(found[0].column, "a");
    assert!(found[0].mean > 0.5);
}

#[test]
fn trees_without_covers_are_given_those_of_the_rows() {
    let features: Features = model(1.0).features(&rows()).unwrap();
    for cover in [1.0, 0.0] {
        let found = shap_importances(&model(cover), &features).unwrap();
        assert_eq!(found[0].0, "a");
        // Leaves of -2 and 2, as often one as the other, or as often as the rows have it.
        assert!((found[0].1 - 2.0).abs() < 0.1, "{found:?}");
        assert_eq!(found[1], ("b".to_owned(), 0.0));
    }
}
