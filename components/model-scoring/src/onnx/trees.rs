//! Trees as the parallel lists that ONNX's tree operators hold, and back.

use std::collections::BTreeMap;

use super::messages::{AttributeProto, NodeProto};
use crate::error::ScoringError;
use crate::predictor::{Tree, TreeNode};

/// The lists that describe the nodes.
pub(super) fn node_attributes(trees: &[Tree]) -> Vec<AttributeProto> {
    let nodes = || {
        trees.iter().enumerate().flat_map(|(tree, t)| {
            t.nodes
                .iter()
                .enumerate()
                .map(move |(id, node)| (tree as i64, id as i64, node))
        })
    };
    let ints = |name: &str, value: &dyn Fn(i64, i64, &TreeNode) -> i64| {
        AttributeProto::ints(
            name,
            nodes()
                .map(|(tree, id, node)| value(tree, id, node))
                .collect(),
        )
    };
    let mode = |node: &TreeNode| if node.is_leaf { "LEAF" } else { "BRANCH_LEQ" };
    vec![
        ints("nodes_treeids", &|tree, _, _| tree),
        ints("nodes_nodeids", &|_, id, _| id),
        ints("nodes_featureids", &|_, _, node| i64::from(node.feature)),
        AttributeProto::strings(
            "nodes_modes",
            nodes().map(|(_, _, node)| mode(node).to_owned()),
        ),
        AttributeProto::floats(
            "nodes_values",
            nodes().map(|(_, _, node)| node.threshold).collect(),
        ),
        ints("nodes_truenodeids", &|_, _, node| i64::from(node.left)),
        ints("nodes_falsenodeids", &|_, _, node| i64::from(node.right)),
        ints("nodes_missing_value_tracks_true", &|_, _, node| {
            i64::from(node.missing_left)
        }),
        AttributeProto::floats(
            "nodes_hitrates",
            nodes().map(|(_, _, node)| node.cover).collect(),
        ),
    ]
}

/// The lists that describe the leaves' weights; `kind` is `class` or `target`.
pub(super) fn leaf_attributes(trees: &[Tree], kind: &str) -> Vec<AttributeProto> {
    let leaves = || {
        trees.iter().enumerate().flat_map(|(tree, t)| {
            let leaves = t.nodes.iter().enumerate().filter(|(_, node)| node.is_leaf);
            leaves.map(move |(id, node)| (tree as i64, id as i64, i64::from(t.output), node.value))
        })
    };
    vec![
        AttributeProto::ints(
            &format!("{kind}_treeids"),
            leaves().map(|leaf| leaf.0).collect(),
        ),
        AttributeProto::ints(
            &format!("{kind}_nodeids"),
            leaves().map(|leaf| leaf.1).collect(),
        ),
        AttributeProto::ints(
            &format!("{kind}_ids"),
            leaves().map(|leaf| leaf.2).collect(),
        ),
        AttributeProto::floats(
            &format!("{kind}_weights"),
            leaves().map(|leaf| leaf.3).collect(),
        ),
    ]
}

/// Adds a tree of one leaf that is negative, but too small to change any sum, unless a leaf is.
pub(super) fn ensure_a_negative_leaf(trees: &mut Vec<Tree>) {
    let mut leaves = trees
        .iter()
        .flat_map(|tree| &tree.nodes)
        .filter(|node| node.is_leaf);
    if leaves.any(|leaf| leaf.value < 0.0) {
        return;
    }
    let leaf = TreeNode {
        feature: 0,
        threshold: 0.0,
        missing_left: false,
        left: 0,
        right: 0,
        value: -f32::MIN_POSITIVE,
        is_leaf: true,
        cover: 0.0,
    };
    trees.push(Tree {
        output: 0,
        nodes: vec![leaf],
    });
}

/// A weight of a leaf: which output it is added to.
#[derive(Debug, Clone, Copy)]
struct LeafWeight {
    output: u32,
    value: f32,
}

/// The attributes of a node by name.
pub(super) struct Attributes<'a>(pub(super) &'a NodeProto);

impl<'a> Attributes<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0
            .attribute
            .iter()
            .find(|attribute| attribute.name == name)
    }

    pub(super) fn ints(&self, name: &str) -> &'a [i64] {
        self.get(name).map_or(&[], |attribute| &attribute.ints)
    }

    pub(super) fn floats(&self, name: &str) -> &'a [f32] {
        self.get(name).map_or(&[], |attribute| &attribute.floats)
    }

    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let strings = self
            .get(name)
            .map_or(&[][..], |attribute| &attribute.strings);
        strings
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(|attribute| attribute.i)
    }

    pub(super) fn string(&self, name: &str, default: &str) -> String {
        let bytes = self.get(name).and_then(|attribute| attribute.s.as_ref());
        bytes.map_or_else(
            || default.to_owned(),
            |bytes| String::from_utf8_lossy(bytes).into_owned(),
        )
    }
}

/// The trees of a tree operator, one for every output that a tree's leaves add to.
pub(super) fn read_trees(
    attributes: &Attributes<'_>,
    kind: &str,
    outputs: usize,
) -> Result<Vec<Tree>, ScoringError> {
    for suffix in ["nodes_values_as_tensor", "nodes_hitrates_as_tensor"] {
        if attributes.get(suffix).is_some() {
            return Err(wrong(
                "its trees are in double precision; export them as float32",
            ));
        }
    }
    let lists = Lists::of(attributes)?;
    let weights = leaf_weights(attributes, kind, outputs)?;
    let mut positions: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    let mut roots: BTreeMap<i64, usize> = BTreeMap::new();
    for (at, (tree, id)) in lists.trees.iter().zip(lists.ids).enumerate() {
        if positions.insert((*tree, *id), at).is_some() {
            return Err(wrong(&format!(
                "node {id} of tree {tree} stands there twice"
            )));
        }
        // The first node of a tree is its root, as the operators' definition has it.
        roots.entry(*tree).or_insert(at);
    }
    let mut trees = Vec::new();
    for (tree, root) in roots {
        let builder = Builder {
            lists: &lists,
            positions: &positions,
            weights: &weights,
            tree,
        };
        trees.extend(builder.trees(root)?);
    }
    Ok(trees)
}

fn wrong(message: &str) -> ScoringError {
    ScoringError::Onnx(message.to_owned())
}

struct Lists<'a> {
    trees: &'a [i64],
    ids: &'a [i64],
    features: &'a [i64],
    values: &'a [f32],
    modes: Vec<String>,
    when_true: &'a [i64],
    when_false: &'a [i64],
    missing_true: &'a [i64],
    covers: &'a [f32],
}

impl<'a> Lists<'a> {
    fn of(attributes: &Attributes<'a>) -> Result<Self, ScoringError> {
        let lists = Self {
            trees: attributes.ints("nodes_treeids"),
            ids: attributes.ints("nodes_nodeids"),
            features: attributes.ints("nodes_featureids"),
            values: attributes.floats("nodes_values"),
            modes: attributes.strings("nodes_modes"),
            when_true: attributes.ints("nodes_truenodeids"),
            when_false: attributes.ints("nodes_falsenodeids"),
            missing_true: attributes.ints("nodes_missing_value_tracks_true"),
            covers: attributes.floats("nodes_hitrates"),
        };
        let nodes = lists.trees.len();
        let required = [
            lists.ids.len(),
            lists.features.len(),
            lists.values.len(),
            lists.modes.len(),
            lists.when_true.len(),
            lists.when_false.len(),
        ];
        let optional = [lists.missing_true.len(), lists.covers.len()];
        if required.iter().any(|length| *length != nodes)
            || optional
                .iter()
                .any(|length| *length != nodes && *length != 0)
        {
            return Err(wrong("the lists of its tree nodes differ in length"));
        }
        Ok(lists)
    }
}

type LeafWeights = BTreeMap<(i64, i64), Vec<LeafWeight>>;

fn leaf_weights(
    attributes: &Attributes<'_>,
    kind: &str,
    outputs: usize,
) -> Result<LeafWeights, ScoringError> {
    let list = |name: &str| attributes.ints(&format!("{kind}_{name}"));
    let (trees, ids, targets) = (list("treeids"), list("nodeids"), list("ids"));
    let values = attributes.floats(&format!("{kind}_weights"));
    if [ids.len(), targets.len(), values.len()] != [trees.len(); 3] {
        return Err(wrong(
            "the lists of its leaves' weights differ in length or are in double precision",
        ));
    }
    let mut weights = LeafWeights::new();
    for (((tree, id), target), value) in trees.iter().zip(ids).zip(targets).zip(values) {
        let output = u32::try_from(*target)
            .ok()
            .filter(|output| (*output as usize) < outputs);
        let output =
            output.ok_or_else(|| wrong(&format!("a leaf adds to output {target} of {outputs}")))?;
        weights.entry((*tree, *id)).or_default().push(LeafWeight {
            output,
            value: *value,
        });
    }
    Ok(weights)
}

struct Builder<'a> {
    lists: &'a Lists<'a>,
    positions: &'a BTreeMap<(i64, i64), usize>,
    weights: &'a LeafWeights,
    tree: i64,
}

impl Builder<'_> {
    /// The tree from its root, once for every output that it adds to.
    fn trees(&self, root: usize) -> Result<Vec<Tree>, ScoringError> {
        let mut nodes: Vec<TreeNode> = Vec::new();
        let mut sources: Vec<usize> = Vec::new();
        // Entries to fill in: the position in the lists, and whose child on which side it is.
        let mut rest: Vec<(usize, Option<(usize, bool)>)> = vec![(root, None)];
        while let Some((at, parent)) = rest.pop() {
            let index = nodes.len();
            if index >= self.lists.trees.len() {
                return Err(wrong(&format!("tree {} has a circle", self.tree)));
            }
            if let Some((parent, left)) = parent {
                let child = if left {
                    &mut nodes[parent].left
                } else {
                    &mut nodes[parent].right
                };
                *child = index as u32;
            }
            let (node, children) = self.node(at)?;
            nodes.push(node);
            sources.push(at);
            if let Some((left, right)) = children {
                rest.push((right, Some((index, false))));
                rest.push((left, Some((index, true))));
            }
        }
        let weight = |at: usize| self.weights.get(&(self.tree, self.lists.ids[at]));
        let mut outputs: Vec<u32> = sources
            .iter()
            .filter_map(|at| weight(*at))
            .flatten()
            .map(|w| w.output)
            .collect();
        outputs.sort_unstable();
        outputs.dedup();
        let one = |output: u32| {
            let mut nodes = nodes.clone();
            for (node, at) in nodes
                .iter_mut()
                .zip(&sources)
                .filter(|(node, _)| node.is_leaf)
            {
                let weights = weight(*at)
                    .into_iter()
                    .flatten()
                    .filter(|w| w.output == output);
                node.value = weights.map(|w| w.value).sum();
            }
            Tree { output, nodes }
        };
        Ok(outputs.into_iter().map(one).collect())
    }

    /// A node without its children's places, and where the children stand in the lists.
    fn node(&self, at: usize) -> Result<(TreeNode, Option<(usize, usize)>), ScoringError> {
        let lists = self.lists;
        let feature = u32::try_from(lists.features[at])
            .map_err(|_| wrong(&format!("a node compares feature {}", lists.features[at])))?;
        let value = lists.values[at];
        let missing_true = lists
            .missing_true
            .get(at)
            .is_some_and(|tracks| *tracks != 0);
        let mut node = TreeNode {
            feature,
            threshold: value,
            missing_left: missing_true,
            left: 0,
            right: 0,
            value: 0.0,
            is_leaf: false,
            cover: lists.covers.get(at).copied().unwrap_or(0.0),
        };
        // `x < t` is `x <= t'` with the float below t; `>` and `>=` swap the children of `<=` and `<`.
        let swapped = match lists.modes[at].as_str() {
            "LEAF" => {
                let leaf = TreeNode {
                    feature: 0,
                    threshold: 0.0,
                    missing_left: false,
                    is_leaf: true,
                    ..node
                };
                return Ok((leaf, None));
            }
            "BRANCH_LEQ" => false,
            "BRANCH_GT" => true,
            "BRANCH_LT" => {
                node.threshold = value.next_down();
                false
            }
            "BRANCH_GTE" => {
                node.threshold = value.next_down();
                true
            }
            mode => {
                return Err(wrong(&format!(
                    "its trees branch by `{mode}`, which the built-in evaluator does not run"
                )));
            }
        };
        let child = |id: i64| {
            let place = self.positions.get(&(self.tree, id)).copied();
            place.ok_or_else(|| wrong(&format!("tree {} has no node {id}", self.tree)))
        };
        let (mut left, mut right) = (child(lists.when_true[at])?, child(lists.when_false[at])?);
        if swapped {
            (left, right) = (right, left);
            node.missing_left = !missing_true;
        }
        Ok((node, Some((left, right))))
    }
}
