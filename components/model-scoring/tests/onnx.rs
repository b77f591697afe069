//! ONNX files: what is written is read back to the same bits, and what others write is run as they do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model_scoring::onnx;
use model_scoring::predictor::{Linear, Link, Predictor, Tree, TreeEnsemble, TreeNode};
use model_scoring::signature::{Class, ColumnType, Label, Signature, Task};
use serde::Deserialize;

fn signature(task: Task, classes: &[&str]) -> Signature {
    Signature {
        format_version: 1,
        name: "m".to_owned(),
        task,
        flavour: "onnx".to_owned(),
        raw_inputs: Vec::new(),
        features: Vec::new(),
        label: Label {
            output: "label".to_owned(),
            column_type: ColumnType::String,
            classes: classes
                .iter()
                .map(|name| Class::Text((*name).to_owned()))
                .collect(),
        },
        outputs: Vec::new(),
        transform_digest: None,
    }
}

/// Rows that meet thresholds exactly, miss values, and lie far out.
fn rows() -> Vec<f32> {
    let values = [
        0.5,
        f32::NAN,
        -1.5,
        f32::from_bits(0.5_f32.to_bits() + 1),
        1e30,
        -0.0,
        f32::INFINITY,
        2.75,
        f32::MIN_POSITIVE,
    ];
    let mut rows = Vec::new();
    for a in values {
        for b in values {
            rows.extend([a, b]);
        }
    }
    rows
}

fn node(feature: u32, threshold: f32, left: u32, right: u32, missing_left: bool) -> TreeNode {
    TreeNode {
        feature,
        threshold,
        missing_left,
        left,
        right,
        value: 0.0,
        is_leaf: false,
        cover: 7.0,
    }
}

fn leaf(value: f32) -> TreeNode {
    TreeNode {
        value,
        is_leaf: true,
        ..node(0, 0.0, 0, 0, false)
    }
}

fn tree(output: u32, shift: f32) -> Tree {
    Tree {
        output,
        nodes: vec![
            node(0, 0.5 + shift, 1, 4, true),
            node(1, -0.0, 2, 3, false),
            leaf(0.125 + shift),
            leaf(0.3),
            leaf(1.7),
        ],
    }
}

fn ensemble(outputs: usize, link: Link) -> Predictor {
    let trees = (0..3).flat_map(|round| {
        (0..outputs).map(move |output| tree(output as u32, round as f32 * 0.7 - 0.1))
    });
    Predictor::Trees(TreeEnsemble {
        features: 2,
        outputs,
        base: (0..outputs)
            .map(|output| output as f32 * 0.3 - 0.2)
            .collect(),
        link,
        trees: trees.collect(),
    })
}

fn linear(outputs: usize, link: Link) -> Predictor {
    let values = [0.1, -0.7, 1e-20, 3.5, -2.25, 0.3];
    Predictor::Linear(Linear {
        features: 2,
        outputs,
        coefficients: values[..outputs * 2].to_vec(),
        intercepts: values[..outputs].to_vec(),
        link,
    })
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn what_is_written_predicts_the_same_bits_when_it_is_read() {
    let three = ["a", "b", "c"];
    let two = ["no", "yes"];
    let table: [(&str, Predictor, Task, &[&str]); 7] = [
        (
            "linear regression",
            linear(1, Link::Identity),
            Task::Regression,
            &[],
        ),
        ("two classes", linear(1, Link::Logistic), Task::Binary, &two),
        (
            "softmax",
            linear(3, Link::Softmax),
            Task::Multiclass,
            &three,
        ),
        (
            "tree regression",
            ensemble(1, Link::Identity),
            Task::Regression,
            &[],
        ),
        (
            "boosted, two classes",
            ensemble(1, Link::Logistic),
            Task::Binary,
            &two,
        ),
        (
            "boosted, softmax",
            ensemble(3, Link::Softmax),
            Task::Multiclass,
            &three,
        ),
        (
            "no tree at all",
            Predictor::Trees(TreeEnsemble {
                features: 2,
                outputs: 1,
                base: vec![0.25],
                link: Link::Logistic,
                trees: Vec::new(),
            }),
            Task::Binary,
            &two,
        ),
    ];
    let rows = rows();
    for (name, predictor, task, classes) in table {
        let bytes = onnx::write(&predictor, &signature(task, classes));
        assert_eq!(bytes, onnx::write(&predictor, &signature(task, classes)));
        let read = onnx::read(&bytes).unwrap();
        assert_eq!(read.width(), predictor.width(), "{name}");
        let count = rows.len() / 2;
        assert_eq!(
            bits(&read.predict(&rows, count)),
            bits(&predictor.predict(&rows, count)),
            "{name}"
        );
        // And once more: a model that was read can be written again.
        let again = onnx::read(&onnx::write(&read, &signature(task, classes))).unwrap();
        assert_eq!(
            bits(&again.predict(&rows, count)),
            bits(&read.predict(&rows, count)),
            "{name}"
        );
    }
}

#[derive(Deserialize)]
struct Expected {
    rows: Vec<Vec<f32>>,
    predictions: BTreeMap<String, Vec<Vec<f32>>>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

#[test]
fn models_of_scikit_learn_predict_as_in_onnxruntime() {
    let text = std::fs::read(fixture("scikit-learn.json")).unwrap();
    let expected: Expected = serde_json::from_slice(&text).unwrap();
    let rows: Vec<f32> = expected.rows.iter().flatten().copied().collect();
    assert_eq!(expected.predictions.len(), 8);
    for (name, predictions) in expected.predictions {
        let bytes = std::fs::read(fixture(&format!("{name}.onnx"))).unwrap();
        let model = onnx::read(&bytes).unwrap();
        let found = model.predict(&rows, expected.rows.len());
        let wanted: Vec<f32> = predictions.into_iter().flatten().collect();
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found - wanted).abs() <= 1e-5, "{name}: {found} {wanted}");
        }
    }
}

#[test]
fn damaged_files_are_refused_without_a_panic() {
    assert!(onnx::read(b"garbage").is_err());
    assert!(onnx::read(b"").is_err());
    let bytes = onnx::write(
        &ensemble(1, Link::Logistic),
        &signature(Task::Binary, &["a", "b"]),
    );
    // Cut anywhere, and with any byte flipped, a file is an error or another model, never a panic.
    for at in 0..bytes.len() {
        let _ = onnx::read(&bytes[..at]);
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let _ = onnx::read(&damaged);
        }
    }
}
