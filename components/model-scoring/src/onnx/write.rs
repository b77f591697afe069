//! A predictor as an ONNX file.

use prost::Message as _;

use super::ML_DOMAIN;
use super::messages::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorType, tensor,
};
use super::trees::{leaf_attributes, node_attributes};
use crate::predictor::{Linear, Link, Predictor, TreeEnsemble};
use crate::signature::{Class, Signature, Task};

/// ONNX 1.10: old enough for every runtime in use, new enough for these operators.
const IR_VERSION: i64 = 8;
const OPSET_VERSION: i64 = 15;
const ML_OPSET_VERSION: i64 = 1;

const INPUT: &str = "features";
const LABEL: &str = "label";
const PROBABILITIES: &str = "probabilities";
const VALUE: &str = "value";

/// The bytes of `model.onnx`. Equal predictors and signatures give equal bytes.
///
/// A classifier gives `label` and `probabilities` (`[rows, classes]`), a regressor `value`
/// (`[rows, 1]`), from `features` (`[rows, features]`, float).
pub fn write(predictor: &Predictor, signature: &Signature) -> Vec<u8> {
    let regression = signature.task == Task::Regression;
    let (op_type, mut attributes) = match predictor {
        Predictor::Linear(linear) if regression => ("LinearRegressor", linear_regressor(linear)),
        Predictor::Linear(linear) => ("LinearClassifier", linear_classifier(linear)),
        Predictor::Trees(trees) if regression => ("TreeEnsembleRegressor", tree_regressor(trees)),
        Predictor::Trees(trees) => ("TreeEnsembleClassifier", tree_classifier(trees)),
    };
    let outputs = if regression {
        vec![tensor(VALUE, TensorType::FLOAT, Some(predictor.width()))]
    } else {
        let (labels, elem_type) = class_labels(op_type, &signature.label.classes);
        attributes.push(labels);
        vec![
            tensor(LABEL, elem_type, None),
            tensor(PROBABILITIES, TensorType::FLOAT, Some(predictor.width())),
        ]
    };
    let node = NodeProto {
        input: vec![INPUT.to_owned()],
        output: outputs.iter().map(|output| output.name.clone()).collect(),
        name: "model".to_owned(),
        op_type: op_type.to_owned(),
        attribute: attributes,
        domain: ML_DOMAIN.to_owned(),
    };
    let graph = GraphProto {
        node: vec![node],
        name: signature.name.clone(),
        input: vec![tensor(INPUT, TensorType::FLOAT, Some(predictor.features()))],
        output: outputs,
    };
    let version = |domain: &str, version| OperatorSetIdProto {
        domain: domain.to_owned(),
        version,
    };
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "ropewalk".to_owned(),
        graph: Some(graph),
        opset_import: vec![
            version("", OPSET_VERSION),
            version(ML_DOMAIN, ML_OPSET_VERSION),
        ],
    };
    model.encode_to_vec()
}

/// The classes as the operator names them: integers, texts, and false and true as 0 and 1.
fn class_labels(op_type: &str, classes: &[Class]) -> (AttributeProto, i32) {
    let integers: Option<Vec<i64>> = classes
        .iter()
        .map(|class| match class {
            Class::Boolean(value) => Some(i64::from(*value)),
            Class::Integer(value) => Some(*value),
            Class::Text(_) => None,
        })
        .collect();
    // The two operators disagree about the attribute's name.
    let name = if op_type == "LinearClassifier" {
        "classlabels_ints"
    } else {
        "classlabels_int64s"
    };
    match integers {
        Some(integers) => (AttributeProto::ints(name, integers), TensorType::INT64),
        None => (
            AttributeProto::strings("classlabels_strings", classes.iter().map(Class::to_string)),
            TensorType::STRING,
        ),
    }
}

fn post_transform(link: Link) -> AttributeProto {
    let name = match link {
        Link::Identity => "NONE",
        Link::Logistic => "LOGISTIC",
        Link::Softmax => "SOFTMAX",
    };
    AttributeProto::string("post_transform", name)
}

fn linear_regressor(linear: &Linear) -> Vec<AttributeProto> {
    vec![
        AttributeProto::floats("coefficients", linear.coefficients.clone()),
        AttributeProto::floats("intercepts", linear.intercepts.clone()),
        AttributeProto::string("post_transform", "NONE"),
        AttributeProto::int("targets", linear.outputs as i64),
    ]
}

/// Two classes are written with the scores of both, one the other's negative, as skl2onnx does.
fn linear_classifier(linear: &Linear) -> Vec<AttributeProto> {
    let both = |values: &[f32]| -> Vec<f32> {
        if linear.outputs == 1 {
            values
                .iter()
                .map(|x| -x)
                .chain(values.iter().copied())
                .collect()
        } else {
            values.to_vec()
        }
    };
    vec![
        AttributeProto::floats("coefficients", both(&linear.coefficients)),
        AttributeProto::floats("intercepts", both(&linear.intercepts)),
        AttributeProto::int("multi_class", i64::from(linear.link == Link::Softmax)),
        post_transform(linear.link),
    ]
}

fn tree_regressor(trees: &TreeEnsemble) -> Vec<AttributeProto> {
    let mut attributes = node_attributes(&trees.trees);
    attributes.extend(leaf_attributes(&trees.trees, "target"));
    attributes.push(AttributeProto::int("n_targets", trees.outputs as i64));
    attributes.push(AttributeProto::floats("base_values", trees.base.clone()));
    attributes.push(AttributeProto::string("aggregate_function", "SUM"));
    attributes.push(AttributeProto::string("post_transform", "NONE"));
    attributes
}

fn tree_classifier(trees: &TreeEnsemble) -> Vec<AttributeProto> {
    let mut all = trees.trees.clone();
    if trees.outputs == 1 {
        // Runtimes take the sum of leaves that are nowhere negative for a probability already, whatever
        // `post_transform` says (onnxruntime: `weights_are_all_positive_`). One leaf that is negative but
        // adds nothing that a float could hold makes them apply it.
        super::trees::ensure_a_negative_leaf(&mut all);
    }
    let mut attributes = node_attributes(&all);
    attributes.extend(leaf_attributes(&all, "class"));
    attributes.push(AttributeProto::floats("base_values", trees.base.clone()));
    attributes.push(post_transform(trees.link));
    attributes
}
