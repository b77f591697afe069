//! What boosted trees promise.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod datasets;

use datasets::{complete, dataset, mixed, noise, quiet};
use model_scoring::predictor::{Predictor, TreeEnsemble};
use model_training::boosted_trees::{Options, fit};
use model_training::history::End;
use model_training::weighting::ClassWeight;
use model_training::{Dataset, Label, TrainingError};

fn ensemble(training: &Dataset, options: &Options) -> TreeEnsemble {
    match fit(training, options, None, &mut quiet).unwrap().predictor {
        Predictor::Trees(ensemble) => ensemble,
        Predictor::Linear(_) => panic!("trees were asked for"),
    }
}

fn mean_loss(predictor: &Predictor, dataset: &Dataset) -> f64 {
    let predictions = predictor.predict(&dataset.features, dataset.rows());
    let width = predictor.width();
    let of = |row: usize| match &dataset.label {
        Label::Values(values) => (f64::from(predictions[row]) - values[row]).powi(2),
        Label::Classes { indices, .. } => {
            -f64::from(predictions[row * width + indices[row] as usize]).ln()
        }
    };
    (0..dataset.rows()).map(of).sum::<f64>() / dataset.rows() as f64
}

#[test]
fn a_label_that_depends_on_values_and_on_their_absence_is_learned() {
    for classes in [None, Some(2), Some(3)] {
        let (training, unseen) = (mixed(2_000, classes), mixed(3_000, classes));
        let trained = fit(&training, &Options::default(), None, &mut quiet).unwrap();
        let baseline = model_training::baseline::fit(&training).unwrap();
        let (loss, bar) = (
            mean_loss(&trained.predictor, &unseen),
            mean_loss(&baseline, &unseen),
        );
        assert!(loss < 0.2 * bar, "{classes:?}: {loss} against {bar}");
    }
}

#[test]
fn rows_take_the_same_way_in_training_and_in_scoring() {
    // Neighbouring floats, infinities, both zeros, missing values: the loss that
    // training saw over bins is the loss of the predictor over values.
    let awkward = |row: usize, at: usize| -> f32 {
        match (at, row % 7) {
            (0, kind) => f32::from_bits(1.0_f32.to_bits() + kind as u32),
            (1, 0) => f32::INFINITY,
            (1, 1) => f32::NEG_INFINITY,
            (1, 2) => -0.0,
            (1, 3) => 0.0,
            (1, 4) => f32::NAN,
            _ => noise(row, at) as f32,
        }
    };
    let values = (0..700)
        .map(|row| (row % 7) as f64 + noise(row, 5))
        .collect();
    let training = dataset(700, 3, awkward, Label::Values(values));
    for subsample in [1.0, 0.6] {
        let options = Options {
            subsample,
            min_rows_per_leaf: 3,
            ..Options::default()
        };
        let trained = fit(&training, &options, None, &mut quiet).unwrap();
        let seen = trained.history.iterations.last().unwrap().train_loss;
        let scored = mean_loss(&trained.predictor, &training);
        assert!(
            (seen - scored).abs() < 1e-6 * (1.0 + seen),
            "{seen} {scored}"
        );
    }
}

#[test]
fn trees_keep_to_their_bounds() {
    let training = mixed(1_000, None);
    let options = Options {
        max_leaves: 7,
        max_depth: 3,
        min_rows_per_leaf: 30,
        ..Options::default()
    };
    for tree in ensemble(&training, &options).trees {
        let leaves: Vec<_> = tree.nodes.iter().filter(|node| node.is_leaf).collect();
        assert!(leaves.len() <= 7);
        assert!(leaves.iter().all(|leaf| leaf.cover >= 30.0));
        let covered: f32 = leaves.iter().map(|leaf| leaf.cover).sum();
        assert_eq!(covered.to_bits(), 1_000.0_f32.to_bits());
        let mut depth = vec![0; tree.nodes.len()];
        for (at, node) in tree
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.is_leaf)
        {
            depth[node.left as usize] = depth[at] + 1;
            depth[node.right as usize] = depth[at] + 1;
        }
        assert!(depth.into_iter().all(|depth| depth <= 3));
    }
}

#[test]
fn early_stopping_goes_back_to_the_best_round() {
    // Labels that do not depend on the features: every round makes it worse.
    let random = |rows: usize, stream: usize| {
        let indices = (0..rows)
            .map(|row| u32::from(noise(row, stream) < 0.5))
            .collect();
        let label = Label::Classes { indices, count: 2 };
        dataset(rows, 2, |row, at| noise(row, stream + at + 1) as f32, label)
    };
    let (training, eval) = (random(500, 20), random(500, 40));
    let options = Options {
        early_stopping_rounds: 5,
        ..Options::default()
    };
    let trained = fit(&training, &options, Some(&eval), &mut quiet).unwrap();
    let history = &trained.history;
    assert_eq!(history.end, End::EarlyStopped);
    assert_eq!(history.iterations.len(), history.kept + 5);
    let best = history.iterations[history.kept - 1].eval_loss.unwrap();
    assert!(
        history
            .iterations
            .iter()
            .all(|iteration| iteration.eval_loss.unwrap() >= best)
    );
    assert!((mean_loss(&trained.predictor, &eval) - best).abs() < 1e-6);
    let Predictor::Trees(ensemble) = trained.predictor else {
        panic!()
    };
    assert_eq!(ensemble.trees.len(), history.kept);
    let all = Options {
        early_stopping_rounds: 0,
        ..options
    };
    assert_eq!(
        fit(&training, &all, Some(&eval), &mut quiet)
            .unwrap()
            .history
            .kept,
        100
    );
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let options = Options {
        subsample: 0.7,
        max_features: 0.5,
        rounds: 10,
        ..Options::default()
    };
    for classes in [None, Some(2), Some(4)] {
        let (training, eval) = (mixed(20_000, classes), mixed(3_000, classes));
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let trained = pool.install(|| fit(&training, &options, Some(&eval), &mut quiet));
            let trained = trained.unwrap();
            (trained.predictor, trained.history)
        };
        let one = with(1);
        assert_eq!(one, with(2));
        assert_eq!(one, with(5));
    }
}

#[test]
fn the_seed_decides_what_is_sampled() {
    let training = complete(1_000, Some(2));
    let with = |seed| {
        ensemble(
            &training,
            &Options {
                subsample: 0.5,
                rounds: 3,
                seed,
                ..Options::default()
            },
        )
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn a_row_of_weight_two_counts_like_two_rows() {
    // Few enough rows that every value has a bin of its own in both.
    let plain = mixed(200, Some(3));
    let mut weighted = plain.clone();
    weighted.weight = Some((0..200).map(|row| 1.0 + (row % 2) as f32).collect());
    let mut doubled = plain.clone();
    let Label::Classes { indices: all, .. } = &mut doubled.label else {
        panic!()
    };
    for row in (1..200).step_by(2) {
        doubled.features.extend_from_slice(plain.row(row));
        all.push(all[row]);
    }
    // Leaves are bounded by rows, which differ; so they are left unbounded.
    let options = Options {
        min_rows_per_leaf: 1,
        max_leaves: 4,
        rounds: 5,
        ..Options::default()
    };
    let of_weighted = Predictor::Trees(ensemble(&weighted, &options));
    let of_doubled = Predictor::Trees(ensemble(&doubled, &options));
    let (a, b) = (
        mean_loss(&of_weighted, &plain),
        mean_loss(&of_doubled, &plain),
    );
    assert!((a - b).abs() < 1e-4, "{a} {b}");
}

#[test]
fn balanced_classes_raise_the_rare_ones_probability() {
    let indices = (0..1_000)
        .map(|row| u32::from(noise(row, 0) < 0.1))
        .collect();
    let label = Label::Classes { indices, count: 2 };
    let training = dataset(1_000, 1, |row, _| noise(row, 1) as f32, label);
    let mean = |class_weight| {
        let options = Options {
            class_weight,
            rounds: 20,
            ..Options::default()
        };
        let predictor = Predictor::Trees(ensemble(&training, &options));
        let predictions = predictor.predict(&training.features, 1_000);
        predictions.iter().skip(1).step_by(2).sum::<f32>() / 1_000.0
    };
    assert!((mean(ClassWeight::None) - 0.1).abs() < 0.02);
    assert!((mean(ClassWeight::Balanced) - 0.5).abs() < 0.1);
}

#[test]
fn nothing_to_learn_is_no_error_and_ends_at_once() {
    let training = dataset(50, 1, |_, _| 1.0, Label::Values(vec![4.0; 50]));
    let trained = fit(&training, &Options::default(), None, &mut quiet).unwrap();
    assert_eq!(
        (trained.history.end, trained.history.kept),
        (End::Converged, 0)
    );
    assert_eq!(trained.predictor.predict(&[1.0], 1), [4.0]);
}

#[test]
fn options_and_datasets_out_of_range_are_named() {
    let good = mixed(100, Some(2));
    let bad = Options {
        learning_rate: 0.0,
        ..Options::default()
    };
    let message = fit(&good, &bad, None, &mut quiet).unwrap_err().to_string();
    assert_eq!(
        message,
        "`learning_rate` is 0, but must be above 0 and at most 1"
    );
    let mut one_class = good.clone();
    one_class.label = Label::Classes {
        indices: vec![1; 100],
        count: 2,
    };
    let outcome = fit(&one_class, &Options::default(), None, &mut quiet);
    assert!(matches!(outcome, Err(TrainingError::OneClass)));
    let mut empty = good;
    (empty.features, empty.label) = (vec![], Label::Values(vec![]));
    let outcome = fit(&empty, &Options::default(), None, &mut quiet);
    assert!(matches!(outcome, Err(TrainingError::NoRows)));
}
