//! SHAP values of trees, exact and path-dependent.
//!
//! The algorithm is `TreeSHAP` (Lundberg, Erion, Lee, Consistent Individualized Feature Attribution for
//! Tree Ensembles, 2018, algorithm 2): what a prediction is expected to be while a feature is unknown
//! follows from how many training rows took each branch. Values are in the unit of the scores, before
//! any logistic function or softmax, and add up to the score.

use crate::graph::Features;
use crate::model::Model;
use crate::predictor::{Predictor, Tree, TreeEnsemble, TreeNode};

/// Deepest tree that is explained: the work grows with the square of the depth.
const DEPTH_MAX: usize = 256;
/// Rows times leaves that importances look at, a second's work or so.
const VISITS_MAX: usize = 1_000_000;
/// The fewest rows that importances look at, however large the model.
const ROWS_MIN: usize = 20;
/// How far the covers of two children may miss their parent's, as a share of it: they are sums in single
/// precision.
const COVER_TOLERANCE: f32 = 1e-3;

/// What every feature adds to the scores of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The expected score of every output.
    pub expected: Vec<f64>,
    /// outputs x features: what each feature adds to it.
    pub contributions: Vec<f64>,
}

/// Explains the scores of one row; `None` if a tree is too deep.
///
/// The trees' nodes must know their covers, as those of the built-in trainers do.
pub fn explain(trees: &TreeEnsemble, row: &[f32]) -> Option<Explanation> {
    let mut expected: Vec<f64> = trees.base.iter().copied().map(f64::from).collect();
    let mut contributions = vec![0.0; trees.outputs * trees.features];
    for tree in &trees.trees {
        let output = tree.output as usize;
        if depth(tree)? > DEPTH_MAX {
            return None;
        }
        expected[output] += expectation(tree);
        let range = output * trees.features..(output + 1) * trees.features;
        let walk = &mut Walk {
            nodes: &tree.nodes,
            row,
            contributions: &mut contributions[range],
        };
        walk.descend(0, Vec::new(), Step::ROOT);
    }
    Some(Explanation {
        expected,
        contributions,
    })
}

/// The mean size of what each feature adds to the scores of these rows, the greatest first; `None` if the
/// model is no ensemble of trees or has trees too deep.
///
/// Trees whose nodes do not know their covers are given those of these rows.
pub fn shap_importances(model: &Model, features: &Features) -> Option<Vec<(String, f64)>> {
    let Predictor::Trees(trees) = model.predictor() else {
        return None;
    };
    let mut trees = trees.clone();
    if !trees.trees.iter().all(has_covers) {
        for tree in &mut trees.trees {
            count_covers(tree, features);
        }
    }
    let leaves = trees.trees.iter().flat_map(|tree| &tree.nodes);
    let leaves = leaves.filter(|node| node.is_leaf).count();
    let wanted = (VISITS_MAX / leaves.max(1)).clamp(ROWS_MIN, VISITS_MAX);
    let every = features.rows.div_ceil(wanted).max(1);
    let named = &model.signature().features;
    let mut sums = vec![0.0; named.len()];
    let mut rows = 0;
    for row in (0..features.rows).step_by(every) {
        let values = &features.values[row * features.width..(row + 1) * features.width];
        let explanation = explain(&trees, values)?;
        for contributions in explanation.contributions.chunks(features.width.max(1)) {
            let mut at = 0;
            for (sum, feature) in sums.iter_mut().zip(named) {
                // The numbers of one feature stand for one thing that is known or not.
                let whole: f64 = contributions[at..at + feature.width].iter().sum();
                *sum += whole.abs();
                at += feature.width;
            }
        }
        rows += 1;
    }
    let count = (rows * trees.outputs).max(1) as f64;
    let names = named.iter().map(|feature| feature.name.clone());
    let mut found: Vec<(String, f64)> = names.zip(sums.iter().map(|sum| sum / count)).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    Some(found)
}

/// Splits on the longest way from the root; `None` if a child does not come after its parent.
fn depth(tree: &Tree) -> Option<usize> {
    let mut depths = vec![0; tree.nodes.len()];
    let mut deepest = 0;
    for (at, node) in tree
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| !node.is_leaf)
    {
        for child in [node.left as usize, node.right as usize] {
            if child <= at {
                return None;
            }
            *depths.get_mut(child)? = depths[at] + 1;
            deepest = deepest.max(depths[at] + 1);
        }
    }
    Some(deepest)
}

/// What a tree adds when nothing is known of the row.
fn expectation(tree: &Tree) -> f64 {
    let mut shares = vec![0.0; tree.nodes.len()];
    shares[0] = 1.0;
    let mut sum = 0.0;
    for (at, node) in tree.nodes.iter().enumerate() {
        if node.is_leaf {
            sum += shares[at] * f64::from(node.value);
            continue;
        }
        for child in [node.left as usize, node.right as usize] {
            shares[child] += shares[at] * share(node, &tree.nodes[child]);
        }
    }
    sum
}

/// The share of a node's rows that went to one of its children.
fn share(node: &TreeNode, child: &TreeNode) -> f64 {
    if node.cover > 0.0 {
        f64::from(child.cover) / f64::from(node.cover)
    } else {
        0.0
    }
}

fn has_covers(tree: &Tree) -> bool {
    let splits = tree.nodes.iter().filter(|node| !node.is_leaf);
    splits.clone().all(|node| {
        let children = [node.left, node.right].map(|child| tree.nodes[child as usize].cover);
        let sum = children[0] + children[1];
        node.cover > 0.0 && (sum - node.cover).abs() <= COVER_TOLERANCE * node.cover
    })
}

/// Counts how many rows come through every node.
fn count_covers(tree: &mut Tree, features: &Features) {
    for node in &mut tree.nodes {
        node.cover = 0.0;
    }
    for row in 0..features.rows {
        let values = &features.values[row * features.width..(row + 1) * features.width];
        let mut at = 0;
        loop {
            let node = &mut tree.nodes[at];
            node.cover += 1.0;
            if node.is_leaf {
                break;
            }
            at = node.next(values) as usize;
        }
    }
}

/// A feature on the way from the root: which share of the rows flows on while it is unknown, which while
/// it is known (1 or 0), and the weight of the subsets of features of a size.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// None of the root.
    feature: Option<u32>,
    unknown: f64,
    known: f64,
    weight: f64,
}

impl Step {
    const ROOT: Self = Self {
        feature: None,
        unknown: 1.0,
        known: 1.0,
        weight: 1.0,
    };
}

struct Walk<'a> {
    nodes: &'a [TreeNode],
    row: &'a [f32],
    contributions: &'a mut [f64],
}

impl Walk<'_> {
    fn descend(&mut self, at: usize, mut path: Vec<Step>, step: Step) {
        extend(&mut path, step);
        let node = &self.nodes[at];
        if node.is_leaf {
            for place in 1..path.len() {
                let Step {
                    feature,
                    unknown,
                    known,
                    ..
                } = path[place];
                if let Some(feature) = feature {
                    let weight = weight_without(&path, place);
                    self.contributions[feature as usize] +=
                        weight * (known - unknown) * f64::from(node.value);
                }
            }
            return;
        }
        let feature = Some(node.feature);
        let (mut unknown, mut known) = (1.0, 1.0);
        // A feature stands on the way once, with all that was decided by it.
        if let Some(before) = path.iter().position(|step| step.feature == feature) {
            (unknown, known) = (path[before].unknown, path[before].known);
            remove(&mut path, before);
        }
        let taken = node.next(self.row);
        for child in [node.left, node.right] {
            let child = child as usize;
            let step = Step {
                feature,
                unknown: unknown * share(node, &self.nodes[child]),
                known: if child == taken as usize { known } else { 0.0 },
                weight: 0.0,
            };
            // Where no row can come, known or not, nothing is added.
            if step.unknown > 0.0 || step.known > 0.0 {
                self.descend(child, path.clone(), step);
            }
        }
    }
}

/// Adds a step to the way: every subset of the features so far, with it and without it.
fn extend(path: &mut Vec<Step>, step: Step) {
    let depth = path.len();
    let weight = if depth == 0 { 1.0 } else { 0.0 };
    path.push(Step { weight, ..step });
    let of = (depth + 1) as f64;
    for at in (0..depth).rev() {
        let before = path[at].weight;
        path[at + 1].weight += step.known * before * (at + 1) as f64 / of;
        path[at].weight = step.unknown * before * (depth - at) as f64 / of;
    }
}

/// Takes a step out again, as if the way had never come by it.
fn remove(path: &mut Vec<Step>, place: usize) {
    let depth = path.len() - 1;
    let Step { unknown, known, .. } = path[place];
    let mut next = path[depth].weight;
    let of = (depth + 1) as f64;
    for at in (0..depth).rev() {
        if known > 0.0 {
            let weight = path[at].weight;
            path[at].weight = next * of / ((at + 1) as f64 * known);
            next = weight - path[at].weight * unknown * (depth - at) as f64 / of;
        } else {
            path[at].weight = path[at].weight * of / (unknown * (depth - at) as f64);
        }
    }
    for at in place..depth {
        let weight = path[at].weight;
        path[at] = Step {
            weight,
            ..path[at + 1]
        };
    }
    path.truncate(depth);
}

/// The sum of the weights as if the way had never come by a step.
fn weight_without(path: &[Step], place: usize) -> f64 {
    let depth = path.len() - 1;
    let Step { unknown, known, .. } = path[place];
    let mut next = path[depth].weight;
    let of = (depth + 1) as f64;
    let mut sum = 0.0;
    for at in (0..depth).rev() {
        if known > 0.0 {
            let weight = next * of / ((at + 1) as f64 * known);
            sum += weight;
            next = path[at].weight - weight * unknown * (depth - at) as f64 / of;
        } else {
            sum += path[at].weight * of / (unknown * (depth - at) as f64);
        }
    }
    sum
}
