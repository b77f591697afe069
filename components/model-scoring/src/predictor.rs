//! The models that run without any other library: linear models and tree ensembles, as plain data.
//!
//! Trainers fill these structs, the ONNX module writes and reads them, [`Predictor::predict`] runs them.
//! It knows numbers in tensor order only: no column names, no labels, no files.

use serde::{Deserialize, Serialize};

/// What turns a model's raw scores into predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The score is the prediction.
    Identity,
    /// One output: the logistic function of the score is the probability of the second of two classes.
    /// Several outputs: one against the rest, each through the logistic function, divided by their sum.
    Logistic,
    /// The softmax over all outputs: one probability per class.
    Softmax,
}

/// A linear or logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// The number of features.
    pub features: usize,
    /// The number of scores: 1 for regression and for two classes, else one per class.
    pub outputs: usize,
    /// `outputs` x `features`, row-major.
    pub coefficients: Vec<f32>,
    /// One per output.
    pub intercepts: Vec<f32>,
    /// From scores to predictions.
    pub link: Link,
}

/// A node of a tree: a split, or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeNode {
    /// Which feature is compared; 0 in a leaf.
    pub feature: u32,
    /// A row goes left when its feature is at most this (ONNX: `BRANCH_LEQ`); 0 in a leaf.
    pub threshold: f32,
    /// Where a missing value (NaN) goes.
    pub missing_left: bool,
    /// The left child's index in the tree; 0 in a leaf.
    pub left: u32,
    /// The right child's index in the tree; 0 in a leaf.
    pub right: u32,
    /// What a leaf adds to its output's score; 0 in a split.
    pub value: f32,
    /// Whether this is a leaf.
    pub is_leaf: bool,
    /// How many training rows came through here (their weight): SHAP needs it. 0 if unknown.
    pub cover: f32,
}

/// One tree of an ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The output that its leaves add to.
    pub output: u32,
    /// The nodes; the root is the first, and children come after their parent.
    pub nodes: Vec<TreeNode>,
}

/// A sum of trees.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeEnsemble {
    /// The number of features.
    pub features: usize,
    /// The number of scores: 1 for regression and for two classes, else one per class.
    pub outputs: usize,
    /// The score before any tree, one per output.
    pub base: Vec<f32>,
    /// From scores to predictions.
    pub link: Link,
    /// The trees, added in this order.
    pub trees: Vec<Tree>,
}

/// A model that runs without any other library.
#[derive(Debug, Clone, PartialEq)]
pub enum Predictor {
    /// Linear or logistic regression.
    Linear(Linear),
    /// Boosted trees, a forest, or one tree.
    Trees(TreeEnsemble),
}

impl Predictor {
    /// The number of features that a row must have.
    pub fn features(&self) -> usize {
        match self {
            Self::Linear(linear) => linear.features,
            Self::Trees(trees) => trees.features,
        }
    }

    /// The number of values per prediction: one per class, or 1 for a regression.
    pub fn width(&self) -> usize {
        let (outputs, link) = self.shape();
        if outputs == 1 && link == Link::Logistic {
            2
        } else {
            outputs
        }
    }

    fn shape(&self) -> (usize, Link) {
        match self {
            Self::Linear(linear) => (linear.outputs, linear.link),
            Self::Trees(trees) => (trees.outputs, trees.link),
        }
    }

    /// Predictions for `rows` rows of `features` (row-major, rows x features, NaN is missing), row-major
    /// rows x [`width`](Self::width): the probability of every class in label order, or the value.
    ///
    /// Scores are summed in f64 in the order of the model's parts and rounded to f32 at the end, so a
    /// row's prediction does not depend on the rows around it.
    ///
    /// # Panics
    ///
    /// If `features` has not rows x features values: that is the caller's broken promise.
    pub fn predict(&self, features: &[f32], rows: usize) -> Vec<f32> {
        assert_eq!(
            features.len(),
            rows * self.features(),
            "the features must be rows x features"
        );
        let (outputs, link) = self.shape();
        let mut scores = vec![0.0_f64; outputs];
        let mut predictions = Vec::with_capacity(rows * self.width());
        for row in 0..rows {
            let values = &features[row * self.features()..(row + 1) * self.features()];
            match self {
                Self::Linear(linear) => linear.scores(values, &mut scores),
                Self::Trees(trees) => trees.scores(values, &mut scores),
            }
            link.apply(&scores, &mut predictions);
        }
        predictions
    }
}

impl Linear {
    /// The raw score of every output for one row.
    pub fn scores(&self, row: &[f32], scores: &mut [f64]) {
        for (output, score) in scores.iter_mut().enumerate() {
            let coefficients =
                &self.coefficients[output * self.features..(output + 1) * self.features];
            *score = coefficients
                .iter()
                .zip(row)
                .fold(f64::from(self.intercepts[output]), |sum, (c, x)| {
                    sum + f64::from(*c) * f64::from(*x)
                });
        }
    }
}

impl TreeEnsemble {
    /// The raw score of every output for one row.
    pub fn scores(&self, row: &[f32], scores: &mut [f64]) {
        for (score, base) in scores.iter_mut().zip(&self.base) {
            *score = f64::from(*base);
        }
        for tree in &self.trees {
            scores[tree.output as usize] += f64::from(tree.leaf(row).value);
        }
    }
}

impl Tree {
    /// The leaf that a row ends in.
    pub fn leaf(&self, row: &[f32]) -> &TreeNode {
        let mut node = &self.nodes[0];
        while !node.is_leaf {
            node = &self.nodes[node.next(row) as usize];
        }
        node
    }
}

impl TreeNode {
    /// The child that a row goes to from a split.
    pub fn next(&self, row: &[f32]) -> u32 {
        let x = row[self.feature as usize];
        let left = if x.is_nan() {
            self.missing_left
        } else {
            x <= self.threshold
        };
        if left { self.left } else { self.right }
    }
}

impl Link {
    fn apply(self, scores: &[f64], predictions: &mut Vec<f32>) {
        match self {
            Self::Identity => predictions.extend(scores.iter().map(|s| *s as f32)),
            Self::Logistic if scores.len() == 1 => {
                predictions.push(logistic(-scores[0]) as f32);
                predictions.push(logistic(scores[0]) as f32);
            }
            Self::Logistic => {
                let sum: f64 = scores.iter().map(|s| logistic(*s)).sum();
                predictions.extend(scores.iter().map(|s| (logistic(*s) / sum) as f32));
            }
            Self::Softmax => {
                let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - highest).exp()).sum();
                predictions.extend(scores.iter().map(|s| ((s - highest).exp() / sum) as f32));
            }
        }
    }
}

/// `1 / (1 + e^-x)`.
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump(output: u32, threshold: f32, missing_left: bool, left: f32, right: f32) -> Tree {
        let leaf = |value| TreeNode {
            feature: 0,
            threshold: 0.0,
            missing_left: false,
            left: 0,
            right: 0,
            value,
            is_leaf: true,
            cover: 1.0,
        };
        let root = TreeNode {
            threshold,
            missing_left,
            left: 1,
            right: 2,
            is_leaf: false,
            cover: 2.0,
            ..leaf(0.0)
        };
        Tree {
            output,
            nodes: vec![root, leaf(left), leaf(right)],
        }
    }

    #[test]
    fn a_tree_goes_left_at_its_threshold_and_sends_missing_values_where_it_says() {
        for (missing_left, expected) in [(true, 1.0), (false, 2.0)] {
            let trees = TreeEnsemble {
                features: 1,
                outputs: 1,
                base: vec![10.0],
                link: Link::Identity,
                trees: vec![stump(0, 0.5, missing_left, 1.0, 2.0)],
            };
            let predictions = Predictor::Trees(trees).predict(&[0.5, 0.500_001, f32::NAN], 3);
            assert_eq!(predictions, [11.0, 12.0, 10.0 + expected]);
        }
    }

    #[test]
    fn two_classes_give_both_probabilities() {
        let linear = Linear {
            features: 2,
            outputs: 1,
            coefficients: vec![1.0, -1.0],
            intercepts: vec![0.0],
            link: Link::Logistic,
        };
        let model = Predictor::Linear(linear);
        assert_eq!(model.width(), 2);
        let predictions = model.predict(&[3.0, 3.0, 200.0, 0.0], 2);
        assert_eq!(predictions, [0.5, 0.5, 0.0, 1.0]);
    }

    #[test]
    fn softmax_bears_large_scores() {
        let linear = Linear {
            features: 1,
            outputs: 3,
            coefficients: vec![1.0, 1.0, -1.0],
            intercepts: vec![0.0; 3],
            link: Link::Softmax,
        };
        assert_eq!(
            Predictor::Linear(linear).predict(&[2000.0], 1),
            [0.5, 0.5, 0.0]
        );
    }
}
