//! One tree: the leaf that gains most is split, until there are enough leaves.

use model_scoring::predictor::{Tree, TreeNode};

use super::bins::BinnedFeatures;
use super::histogram::Histogram;
use super::split::{self, Gradient, Rules, Split, Sums};
use super::{Options, SAMPLE_FEATURES};
use crate::random::Random;

/// Grows a tree from one output's gradients.
pub(super) struct Grower<'a> {
    options: &'a Options,
    bins: &'a BinnedFeatures,
    gradients: &'a [Gradient],
    /// Round and output: the random stream of this tree.
    stream: [u64; 2],
}

/// A leaf of the growing tree; its rows are a range of the list of rows.
struct Leaf {
    node: usize,
    begin: usize,
    end: usize,
    depth: usize,
    sums: Sums,
    /// Where it would be split, and what is needed for that; `None` if it stays.
    open: Option<(Split, Histogram)>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(
        options: &'a Options,
        bins: &'a BinnedFeatures,
        gradients: &'a [Gradient],
        stream: [u64; 2],
    ) -> Grower<'a> {
        Grower {
            options,
            bins,
            gradients,
            stream,
        }
    }

    /// Grows from `rows` and adds the leaves' values to the scores of all rows.
    pub(super) fn grow(&self, output: u32, mut rows: Vec<u32>, scores: &mut [f64]) -> Tree {
        let mut scratch = Vec::with_capacity(rows.len());
        let mut nodes = Vec::new();
        let mut leaves = vec![self.root(&rows, &mut nodes)];
        while let Some(next) = most_gaining(&leaves) {
            let leaf = leaves.swap_remove(next);
            let last = leaves.len() + 2 == self.options.max_leaves;
            let children = self.divide(leaf, last, &mut rows, &mut scratch, &mut nodes);
            leaves.extend(children);
            if last {
                break;
            }
        }
        for leaf in &leaves {
            let step = leaf.sums.newton_step(self.options.l2) * self.options.learning_rate;
            nodes[leaf.node].value = step as f32;
        }
        let tree = Tree { output, nodes };
        if rows.len() == scores.len() {
            for leaf in &leaves {
                let value = f64::from(tree.nodes[leaf.node].value);
                for row in &rows[leaf.begin..leaf.end] {
                    scores[*row as usize] += value;
                }
            }
        } else {
            self.add_to_all(&tree, scores);
        }
        tree
    }

    fn root(&self, rows: &[u32], nodes: &mut Vec<TreeNode>) -> Leaf {
        let mut sums = Sums::default();
        for row in rows {
            sums.add(self.gradients[*row as usize]);
        }
        let histogram = Histogram::count(self.bins, self.gradients, rows);
        let node = new_leaf(nodes, &sums);
        let leaf = Leaf {
            node,
            begin: 0,
            end: rows.len(),
            depth: 0,
            sums,
            open: None,
        };
        self.opened(leaf, histogram)
    }

    /// Finds out where a leaf would be split.
    fn opened(&self, mut leaf: Leaf, histogram: Histogram) -> Leaf {
        let features = self.features_at(leaf.node);
        let rules = Rules {
            l2: self.options.l2,
            rows_min: self.options.min_rows_per_leaf as u32,
        };
        let split = split::best(
            self.bins,
            &histogram,
            &leaf.sums,
            features.as_deref(),
            rules,
        );
        leaf.open = split.map(|split| (split, histogram));
        leaf
    }

    fn may_split(&self, leaf: &Leaf) -> bool {
        let shallow = self.options.max_depth == 0 || leaf.depth < self.options.max_depth;
        shallow && leaf.sums.rows as usize >= 2 * self.options.min_rows_per_leaf
    }

    fn features_at(&self, node: usize) -> Option<Vec<u32>> {
        if self.options.max_features >= 1.0 {
            return None;
        }
        let total = self.bins.features();
        let count = ((total as f64 * self.options.max_features).ceil() as usize).max(1);
        let [round, output] = self.stream;
        let path = [SAMPLE_FEATURES, round, output, node as u64];
        Some(Random::new(self.options.seed, &path).sample(total, count))
    }

    /// Turns a leaf into a node with two leaves. The children of the `last`
    /// division are not looked at further.
    fn divide(
        &self,
        leaf: Leaf,
        last: bool,
        rows: &mut [u32],
        scratch: &mut Vec<u32>,
        nodes: &mut Vec<TreeNode>,
    ) -> Vec<Leaf> {
        let Some((split, histogram)) = leaf.open else {
            return vec![leaf];
        };
        let goes_left = self.side(&split);
        let middle = leaf.begin + partition(&mut rows[leaf.begin..leaf.end], scratch, goes_left);
        let (left, right) = (split.left, leaf.sums.minus(&split.left));
        let (left_node, right_node) = (new_leaf(nodes, &left), new_leaf(nodes, &right));
        self.describe(&mut nodes[leaf.node], &split, left_node, right_node);
        let child = |node, begin, end, sums| Leaf {
            node,
            begin,
            end,
            depth: leaf.depth + 1,
            sums,
            open: None,
        };
        let left = child(left_node, leaf.begin, middle, left);
        let right = child(right_node, middle, leaf.end, right);
        let (left_splits, right_splits) = (self.may_split(&left), self.may_split(&right));
        if last || !(left_splits || right_splits) {
            return vec![left, right];
        }
        let left_is_small = left.sums.rows <= right.sums.rows;
        let small = if left_is_small { &left } else { &right };
        let counted = Histogram::count(self.bins, self.gradients, &rows[small.begin..small.end]);
        let rest = histogram.without(&counted);
        let (of_left, of_right) = if left_is_small {
            (counted, rest)
        } else {
            (rest, counted)
        };
        let open = |splits, leaf, histogram| {
            if splits {
                self.opened(leaf, histogram)
            } else {
                leaf
            }
        };
        vec![
            open(left_splits, left, of_left),
            open(right_splits, right, of_right),
        ]
    }

    /// Whether a row goes left.
    fn side(&self, split: &Split) -> impl Fn(u32) -> bool + use<'_> {
        let column = &self.bins.columns[split.feature];
        let (missing_bin, last_left, missing_left) =
            (column.missing_bin(), split.bin, split.missing_left);
        move |row| {
            let bin = usize::from(column.bin_of[row as usize]);
            if bin == missing_bin {
                missing_left
            } else {
                bin <= last_left
            }
        }
    }

    fn describe(&self, node: &mut TreeNode, split: &Split, left: usize, right: usize) {
        let cuts = &self.bins.columns[split.feature].cuts;
        node.is_leaf = false;
        node.feature = split.feature as u32;
        // No cut lies above the last bin: all values left, missing ones right.
        node.threshold = cuts.get(split.bin).copied().unwrap_or(f32::INFINITY);
        node.missing_left = split.missing_left;
        node.left = left as u32;
        node.right = right as u32;
    }

    /// Adds the tree's values to rows it was not grown from, too.
    fn add_to_all(&self, tree: &Tree, scores: &mut [f64]) {
        for (row, score) in scores.iter_mut().enumerate() {
            let mut node = &tree.nodes[0];
            while !node.is_leaf {
                let column = &self.bins.columns[node.feature as usize];
                let bin = usize::from(column.bin_of[row]);
                let left = if bin == column.missing_bin() {
                    node.missing_left
                } else {
                    column
                        .cuts
                        .get(bin)
                        .is_some_and(|cut| *cut <= node.threshold)
                        || node.threshold == f32::INFINITY
                };
                node = &tree.nodes[if left { node.left } else { node.right } as usize];
            }
            *score += f64::from(node.value);
        }
    }
}

fn most_gaining(leaves: &[Leaf]) -> Option<usize> {
    let gain = |leaf: &Leaf| leaf.open.as_ref().map(|(split, _)| (split.gain, leaf.node));
    let candidates = leaves
        .iter()
        .enumerate()
        .filter_map(|(at, leaf)| Some((at, gain(leaf)?)));
    // Of equal gains the older node's.
    candidates
        .max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
        .map(|(at, _)| at)
}

fn new_leaf(nodes: &mut Vec<TreeNode>, sums: &Sums) -> usize {
    nodes.push(TreeNode {
        feature: 0,
        threshold: 0.0,
        missing_left: false,
        left: 0,
        right: 0,
        value: 0.0,
        is_leaf: true,
        cover: sums.rows as f32,
    });
    nodes.len() - 1
}

/// Moves the rows that go left to the front, keeping the order on both sides;
/// gives how many they are.
fn partition(rows: &mut [u32], scratch: &mut Vec<u32>, goes_left: impl Fn(u32) -> bool) -> usize {
    scratch.clear();
    let mut front = 0;
    for at in 0..rows.len() {
        let row = rows[at];
        if goes_left(row) {
            rows[front] = row;
            front += 1;
        } else {
            scratch.push(row);
        }
    }
    rows[front..].copy_from_slice(scratch);
    front
}
