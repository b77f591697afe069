//! A predictor from an ONNX file.
//!
//! The file holds exactly one linear or tree operator; around it stand at most operators that change
//! nothing, or that make probabilities of one-against-the-rest scores.

use prost::Message as _;

use super::messages::{GraphProto, ModelProto, NodeProto};
use super::trees::{Attributes, read_trees};
use crate::error::ScoringError;
use crate::predictor::{Linear, Link, Predictor, Tree, TreeEnsemble};
use crate::signature::Class;

/// Operators around the predictor that leave its values as they are.
const NEUTRAL: [&str; 3] = ["Cast", "Identity", "Reshape"];

/// Reads the predictor of an ONNX file.
///
/// An operator that is not run here is an error that names it: such a model is scored by its own
/// framework, and its predictions are passed on.
pub fn read(bytes: &[u8]) -> Result<Predictor, ScoringError> {
    let (_, graph) = decode(bytes)?;
    let node = predictor_node(&graph)?;
    let attributes = Attributes(node);
    let features = input_width(&graph);
    match node.op_type.as_str() {
        "LinearRegressor" => linear_regressor(&attributes, features),
        "LinearClassifier" => linear_classifier(&attributes, features, normalizes(&graph)),
        "TreeEnsembleRegressor" => tree_regressor(&attributes, features),
        _ => tree_classifier(&attributes, features),
    }
}

/// What an ONNX file says of its model beside how it computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The program that wrote the file, or empty.
    pub producer: String,
    /// The classes that the model tells apart, in the order of its probabilities; `None`: it predicts
    /// a number.
    pub classes: Option<Vec<Class>>,
}

/// Describes the model of an ONNX file that [`read`] takes.
pub fn describe(bytes: &[u8]) -> Result<Description, ScoringError> {
    let (producer, graph) = decode(bytes)?;
    let node = predictor_node(&graph)?;
    let is_classifier = matches!(
        node.op_type.as_str(),
        "LinearClassifier" | "TreeEnsembleClassifier"
    );
    let classes = is_classifier.then(|| class_labels(&Attributes(node)));
    Ok(Description { producer, classes })
}

/// The file's producer and its graph.
fn decode(bytes: &[u8]) -> Result<(String, GraphProto), ScoringError> {
    let model = ModelProto::decode(bytes)
        .map_err(|error| wrong(format!("the file is damaged or no ONNX ({error})")))?;
    let graph = model
        .graph
        .ok_or_else(|| wrong("the file holds no graph"))?;
    Ok((model.producer_name, graph))
}

fn wrong(message: impl Into<String>) -> ScoringError {
    ScoringError::Onnx(message.into())
}

fn normalizes(graph: &GraphProto) -> bool {
    graph.node.iter().any(|node| node.op_type == "Normalizer")
}

fn predictor_node(graph: &GraphProto) -> Result<&NodeProto, ScoringError> {
    let mut found = None;
    for node in &graph.node {
        match node.op_type.as_str() {
            "LinearRegressor"
            | "LinearClassifier"
            | "TreeEnsembleRegressor"
            | "TreeEnsembleClassifier" => {
                if found.replace(node).is_some() {
                    return Err(wrong("it holds several models; only one is run here"));
                }
            }
            "Normalizer" if Attributes(node).string("norm", "MAX") == "L1" => {}
            "ZipMap" => {
                return Err(wrong(
                    "the operator `ZipMap` makes maps of the probabilities: export with `zipmap=False`",
                ));
            }
            op if NEUTRAL.contains(&op) => {}
            op => {
                return Err(wrong(format!(
                    "the operator `{op}` is not run here; score the model in its own framework and give evaluate the predictions"
                )));
            }
        }
    }
    found.ok_or_else(|| wrong("it holds no linear or tree model"))
}

/// The number of features that the graph's only input declares.
fn input_width(graph: &GraphProto) -> Option<usize> {
    let [input] = graph.input.as_slice() else {
        return None;
    };
    let shape = input
        .value_type
        .as_ref()?
        .tensor_type
        .as_ref()?
        .shape
        .as_ref()?;
    let width = shape.dim.get(1)?.dim_value?;
    usize::try_from(width).ok()
}

fn link(attributes: &Attributes<'_>) -> Result<Link, ScoringError> {
    match attributes.string("post_transform", "NONE").as_str() {
        "NONE" => Ok(Link::Identity),
        "LOGISTIC" => Ok(Link::Logistic),
        "SOFTMAX" => Ok(Link::Softmax),
        other => Err(wrong(format!(
            "the post-transform `{other}` is not run here"
        ))),
    }
}

/// The classes by the attribute that names them: the operators disagree about what it is called.
fn class_labels(attributes: &Attributes<'_>) -> Vec<Class> {
    let integers = ["classlabels_ints", "classlabels_int64s"];
    let integers = integers.into_iter().map(|name| attributes.ints(name));
    match integers.max_by_key(|list| list.len()) {
        Some(list) if !list.is_empty() => list.iter().map(|x| Class::Integer(*x)).collect(),
        _ => {
            let texts = attributes.strings("classlabels_strings");
            texts.into_iter().map(Class::Text).collect()
        }
    }
}

fn classes(attributes: &Attributes<'_>) -> Result<usize, ScoringError> {
    match class_labels(attributes).len() {
        0 | 1 => Err(wrong("the classifier names fewer than two classes")),
        classes => Ok(classes),
    }
}

fn linear(
    attributes: &Attributes<'_>,
    features: Option<usize>,
    outputs: usize,
    link: Link,
) -> Result<Linear, ScoringError> {
    let coefficients = attributes.floats("coefficients").to_vec();
    let features = features.unwrap_or(coefficients.len() / outputs.max(1));
    let mut intercepts = attributes.floats("intercepts").to_vec();
    if intercepts.is_empty() {
        intercepts = vec![0.0; outputs];
    }
    if outputs == 0 || coefficients.len() != outputs * features || intercepts.len() != outputs {
        return Err(wrong(format!(
            "{} coefficients and {} intercepts do not make {outputs} outputs of {features} features",
            coefficients.len(),
            intercepts.len()
        )));
    }
    Ok(Linear {
        features,
        outputs,
        coefficients,
        intercepts,
        link,
    })
}

fn linear_regressor(
    attributes: &Attributes<'_>,
    features: Option<usize>,
) -> Result<Predictor, ScoringError> {
    let targets = attributes.int("targets").unwrap_or(1);
    let targets =
        usize::try_from(targets).map_err(|_| wrong("it has a negative number of targets"))?;
    if link(attributes)? != Link::Identity {
        return Err(wrong("a regressor with a post-transform is not run here"));
    }
    Ok(Predictor::Linear(linear(
        attributes,
        features,
        targets,
        Link::Identity,
    )?))
}

fn linear_classifier(
    attributes: &Attributes<'_>,
    features: Option<usize>,
    normalized: bool,
) -> Result<Predictor, ScoringError> {
    let classes = classes(attributes)?;
    let link = link(attributes)?;
    let mut linear = linear(attributes, features, classes, link)?;
    let features = linear.features;
    // Two classes, one score the other's negative, are one score.
    let mirrored = |values: &[f32]| {
        let (first, second) = values.split_at(values.len() / 2);
        first
            .iter()
            .zip(second)
            .all(|(a, b)| (*a + *b).abs() <= 0.0)
    };
    match link {
        Link::Logistic
            if classes == 2 && mirrored(&linear.coefficients) && mirrored(&linear.intercepts) =>
        {
            linear.outputs = 1;
            linear.coefficients.drain(..features);
            linear.intercepts.drain(..1);
        }
        Link::Softmax => {}
        Link::Logistic if normalized => {}
        _ => {
            return Err(wrong(
                "the scores of its linear model do not become probabilities in a way that is run here",
            ));
        }
    }
    Ok(Predictor::Linear(linear))
}

/// The number of features: what the input declares, or as many as the trees compare.
fn tree_features(trees: &[Tree], features: Option<usize>) -> Result<usize, ScoringError> {
    let nodes = trees
        .iter()
        .flat_map(|tree| &tree.nodes)
        .filter(|node| !node.is_leaf);
    let used = nodes
        .map(|node| node.feature as usize + 1)
        .max()
        .unwrap_or(0);
    let features = features.unwrap_or(used);
    if used > features {
        return Err(wrong(format!(
            "its trees compare feature {} of {features}",
            used - 1
        )));
    }
    Ok(features)
}

fn base_values(attributes: &Attributes<'_>, outputs: usize) -> Result<Vec<f32>, ScoringError> {
    let base = attributes.floats("base_values");
    if attributes.get("base_values_as_tensor").is_some() {
        return Err(wrong(
            "its base values are in double precision; export them as float32",
        ));
    }
    match base.len() {
        0 => Ok(vec![0.0; outputs]),
        length if length == outputs => Ok(base.to_vec()),
        length => Err(wrong(format!(
            "it has {length} base values for {outputs} outputs"
        ))),
    }
}

fn tree_regressor(
    attributes: &Attributes<'_>,
    features: Option<usize>,
) -> Result<Predictor, ScoringError> {
    let outputs = attributes.int("n_targets").unwrap_or(1);
    let outputs =
        usize::try_from(outputs).map_err(|_| wrong("it has a negative number of targets"))?;
    if link(attributes)? != Link::Identity {
        return Err(wrong("a regressor with a post-transform is not run here"));
    }
    let mut trees = read_trees(attributes, "target", outputs)?;
    match attributes.string("aggregate_function", "SUM").as_str() {
        "SUM" => {}
        "AVERAGE" => {
            let count = attributes
                .ints("nodes_treeids")
                .iter()
                .collect::<std::collections::BTreeSet<_>>();
            let share = 1.0 / count.len().max(1) as f32;
            scale(&mut trees, share);
        }
        other => {
            return Err(wrong(format!(
                "the aggregate function `{other}` is not run here"
            )));
        }
    }
    let base = base_values(attributes, outputs)?;
    let features = tree_features(&trees, features)?;
    Ok(Predictor::Trees(TreeEnsemble {
        features,
        outputs,
        base,
        link: Link::Identity,
        trees,
    }))
}

fn scale(trees: &mut [Tree], factor: f32) {
    for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
        node.value *= factor;
    }
}

fn tree_classifier(
    attributes: &Attributes<'_>,
    features: Option<usize>,
) -> Result<Predictor, ScoringError> {
    let classes = classes(attributes)?;
    let link = link(attributes)?;
    let mut trees = read_trees(attributes, "class", classes)?;
    let features = tree_features(&trees, features)?;
    let one_score = classes == 2
        && trees
            .windows(2)
            .all(|pair| pair[0].output == pair[1].output);
    if !one_score {
        let base = base_values(attributes, classes)?;
        if link == Link::Logistic {
            return Err(wrong(
                "a logistic tree model with a score per class is not run here",
            ));
        }
        return Ok(Predictor::Trees(TreeEnsemble {
            features,
            outputs: classes,
            base,
            link,
            trees,
        }));
    }
    for tree in &mut trees {
        tree.output = 0;
    }
    let base = match attributes.floats("base_values") {
        // Two equal base values stand for one (onnxruntime takes the second).
        [_, second] => vec![*second],
        _ => base_values(attributes, 1)?,
    };
    let mut leaves = trees
        .iter()
        .flat_map(|tree| &tree.nodes)
        .filter(|node| node.is_leaf);
    let negative = leaves.any(|leaf| leaf.value < 0.0);
    match link {
        Link::Logistic if negative => Ok(Predictor::Trees(TreeEnsemble {
            features,
            outputs: 1,
            base,
            link,
            trees,
        })),
        // Leaves that are nowhere negative add up to the probability itself, as onnxruntime has it.
        Link::Logistic | Link::Identity if !negative => Ok(probabilities(features, base[0], trees)),
        _ => Err(wrong(
            "the scores of its trees do not become probabilities in a way that is run here",
        )),
    }
}

/// One score that is the probability of the second class, as two outputs that add up to 1.
fn probabilities(features: usize, base: f32, trees: Vec<Tree>) -> Predictor {
    let mut complement = trees.clone();
    scale(&mut complement, -1.0);
    let mut both = complement;
    both.extend(trees.into_iter().map(|tree| Tree { output: 1, ..tree }));
    Predictor::Trees(TreeEnsemble {
        features,
        outputs: 2,
        base: vec![1.0 - base, base],
        link: Link::Identity,
        trees: both,
    })
}
